"""What vLLM and its libraries say of weights, adapters and their sources -> reason and message: a part of the table of causes."""

from vllm_operator.engine.cause_row import Row

UNNAMED = "this vLLM does not serve the architecture of the weights: choose other weights, or a newer spec.engine.image"
"""What is told where the beginning of a list of 419 architectures is cut off, and with it the name of the one that is missing."""

LACKING = "the weights lack the file {0}: fetch or copy them again"
PACKAGE = "the image lacks the Python package {0}: choose a spec.engine.image that has it, or other weights"

WEIGHTS = (
    Row("contains custom code which must be executed|requires you to execute the configuration file|using the"
        " `--trust-remote-code` flag",
        "RemoteCodeNotTrusted",
        "the weights bring code that has to run: set spec.engine.trustRemoteCode, which the chart's allow.remoteCode must"
        " allow"),
    Row(r"[Mm]odel architectures \[(.{1,200}?)\] are not supported", "UnsupportedModel",
        "this vLLM does not serve the architecture {0}: choose other weights, or a newer spec.engine.image"),
    Row(r"[Mm]odel architectures \[(.{1,200}?)\] failed to be inspected", "UnsupportedModel",
        "this vLLM cannot load its code for the architecture {0}: choose other weights, or a newer spec.engine.image"),
    Row(r"Model architecture (\w{1,80}) was supported in vLLM until v([\d.]{1,9}\d)", "UnsupportedModel",
        "vLLM {1} was the last one that served the architecture {0}: choose other weights"),
    Row(r"Model architecture (\w{1,80}) is not supported in-tree anymore", "UnsupportedModel",
        "vLLM serves the architecture {0} by a plugin alone: choose a spec.engine.image that has it, or other weights"),
    Row("model type `(.{1,200}?)` but Transformers does not recognize", "UnsupportedModel",
        "this vLLM does not know the model type {0}: choose other weights, or a newer spec.engine.image"),
    Row(r"'\w{1,100}', '\w{1,100}'\]\) \[type=value_error", "UnsupportedModel",  # the end of what follows "are not supported"
        UNNAMED),
    Row(r"LoRA rank (\d{1,9}) is greater than max_lora_rank (\d{1,9})", "AdapterRejected",
        "{adapter} has the rank {0}, and the engine has room for {1}: raise --max-lora-rank in spec.engine.args"),
    Row(r"While loading /adapters/([^,\s]{1,99}), expected target modules in \{[^}\n]{0,1000}\} but received \['([^'\n]{1,200})'",
        "AdapterRejected",
        "the adapter {0} was made for another model, as these weights have no {1}: correct spec.model.adapters"),
    Row("add_lora method failed: .{0,200}'(The size of tensor a .{1,200}?)', please", "AdapterRejected",
        "{adapter} was made for another model ({0}): correct spec.model.adapters"),
    Row(r"Loading lora (\S{1,200}) failed: No adapter found for", "AdapterRejected",
        "the source of the adapter {0} holds no adapter_config.json: correct spec.model.adapters"),
    Row("The lora adapter '([^'\n]{1,200})' conflicts with a served base model", "AdapterRejected",
        "the adapter {0} is named like the model: give it another name"),
    Row(r"""add_lora method failed: (?:Worker failed with error )?['"]?(.{1,300}?)[.]?['"]?, please check""", "AdapterRejected",
        "vLLM refuses {adapter}: {0}: correct spec.model.adapters"),
    Row(r"\b(\w{1,80}) does not support LoRA yet", "AdapterRejected",
        "vLLM serves no adapters for the architecture {0}: leave spec.model.adapters out, or choose a newer"
        " spec.engine.image"),
    Row(r"PermissionError: \[Errno 13\] [Pp]ermission denied: '([^'\n]{1,300})'", "SourceNotReadable",
        "the pod's user may not read or write {0}: let user 65532 do so, or set spec.securityContext to the owner's user"
        " and group"),
    Row("No space left on device", "DiskFull",
        "a volume of the pod is full: raise spec.resources.limits.ephemeral-storage, or spec.model.cache.size"),
    Row("Cannot access gated repo|access a gated repo", "SourceGated",
        "the model is gated: ask for access with the account of the token in spec.model.credentialsSecretRef"),
    Row("Invalid credentials in Authorization header|401 Unauthorized", "SourceUnauthorized",
        "the hub does not accept the token: correct the Secret that spec.model.credentialsSecretRef names"),
    Row("NoCredentialsError|Unable to locate credentials", "SourceUnauthorized",
        "the store of the weights wants credentials: set spec.model.credentialsSecretRef to a Secret that has them"),
    Row(r"An error occurred \((?:AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|403)\)", "SourceUnauthorized",
        "the store does not accept the credentials, or they may not read the weights: correct the Secret that"
        " spec.model.credentialsSecretRef names"),
    Row("is not a valid git identifier|RevisionNotFoundError", "RevisionNotFound",
        "the repository has no such revision: correct what follows the @ in spec.model.source"),
    Row("couldn't connect to '[^'\n]{0,300}' to load the files|ConnectError|Could not connect to the endpoint URL"
        "|EndpointConnectionError",
        "SourceUnreachable",
        "vLLM cannot reach the source of the weights: let the pod out to it, or have the operator fetch them"),
    Row("NoSuchBucket|specified bucket does not exist", "SourceNotFound",
        "there is no such bucket: correct spec.model.source"),
    Row("Could not receive response from libstreamer due to: b'File access error'", "SourceUnreachable",
        "the streamer cannot read the weights: set RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING=0 in spec.engine.env where the"
        " store's addresses have the bucket in their path, or correct the credentials"),
    Row("No module named 'runai_model_streamer'", "UnsupportedModel",
        "the image cannot stream weights from a bucket: choose a spec.engine.image with the extra runai"),
    Row("Repo id must be in the form|Invalid repository ID or local directory specified: '/", "SourceNotFound",
        "the weights are not where spec.model.source says, or the pod's user may not enter their directory: correct the"
        " one or the other"),
    Row("Invalid repository ID or local directory|is not a local folder", "SourceNotFound",
        "the weights are not where spec.model.source says: correct it, or put them there"),
    Row("Cannot find any model weights", "SourceNotFound",
        "the source's directory holds no weights: correct spec.model.source"),
    Row("Error while deserializing header|cannot fit 'int' into an index-sized integer"
        "|It looks like the config file at '[^'\n]{0,300}' is not a valid JSON file", "SourceBroken",
        "a file of the weights is damaged or cut short: fetch or copy the weights again"),
    Row(r"Weight files referenced in index but missing: \{'([^'\n]{1,300})'", "SourceBroken", LACKING),
    Row(r"No such file or directory: ['\"]([^'\"\n]{1,300}-of-\d{5,6}[.]\w{1,20})['\"]", "SourceBroken", LACKING),
    Row(r"Following weights were not initialized from checkpoint: \{'([^'\n]{1,200})'", "SourceBroken",
        "the weights lack {0}, which the model needs: fetch or copy all files of one model, or choose other weights"),
    Row(r"Attempted to load weight \(torch[.]Size\(([^()\n]{1,60})\)\) into parameter \(torch[.]Size\(([^()\n]{1,60})\)\)",
        "SourceBroken",
        "the weights are not those that their config.json describes ({0} instead of {1}): fetch or copy all files of one"
        " model"),
    Row(r"does not appear to have (?:a file|files) named [('\"]{0,2}([\w./-]{1,120}\w)", "SourceNotFound", LACKING),
    Row(r"Can't load (tokenizer|processor|image processor|video processor|feature extractor) for '", "SourceNotFound",
        "the source of the weights lacks the files of the {0}: fetch or copy them too"),
    Row("Can't load the configuration of '", "SourceNotFound",
        "the source of the weights lacks the file config.json: fetch or copy the weights again"),
)  # fmt: skip

LAST_WORDS = (
    Row(r"\[Errno 30\] Read-only file system: '([^'\n]{1,300})'", "VolumeNotWritable",
        "vLLM may not write {0}, which lies on a file system that is read-only: choose a path below /tmp or /home/vllm in"
        " spec.engine.args or spec.engine.env"),
    Row(r"(?m:^)ModuleNotFoundError: No module named '([\w.]{1,80})'", "UnsupportedModel", PACKAGE),
    Row(r"packages that were not found in your environment: ([\w.-]{1,80})", "UnsupportedModel", PACKAGE),
    Row(r"(?m:^)ImportError: Please install ([\w.\[\]-]{0,80}[\w\]])", "UnsupportedModel", PACKAGE),
)  # fmt: skip
"""Errors that vLLM survives as well, with a plugin or a cache that it does without: looked for in the last one alone."""
