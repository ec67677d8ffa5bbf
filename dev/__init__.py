"""The local cluster and the demo: everything that `make demo` and `make test` set up, and how it is taken down.

Path of one `make demo`: bootstrap.sh (apt packages, uv, the virtual environment) -> `python -m dev demo` -> binaries ->
images -> cluster up -> chart -> one ModelDeployment -> the documented curl examples. Each step is a `progress.step`, can be run
again at any moment, and fails with one line that names the cause and the remedy.
"""
