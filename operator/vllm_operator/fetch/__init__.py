"""The fetcher of weights: a program of its own, which the operator's image also holds (`python3 -m vllm_operator.fetch`).

It brings the files of a source (hf://, s3://, gs://) into a directory, checks them, and ends. A functional core decides: listing
(which files), plan (which ranges are left), retry and patience (pauses), failures (what an answer means), adapter (whether an
adapter can be served). A shell does: directory (the volume), http_client and the origins hub and bucket (the network), download
(the workers), server (progress).
Must know nothing of Kubernetes, of models, or of any other package here: it runs in a pod without the API server's token.
"""
