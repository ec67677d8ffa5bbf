"""Where things lie. The work tree and one cache directory are all that is touched; the rest is said aloud.

Knows only paths and versions of the local set-up; starts nothing.
"""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(
    os.environ.get("VLLM_OPERATOR_CACHE")
    or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "vllm-operator"
)
BIN = CACHE / "bin"  # built binaries, keyed: BIN/<group>-<hash of go.mod, go.sum and flags>/<binary>
IMAGES = CACHE / "images"  # OCI archives, keyed: IMAGES/<name>-<hash of all that went in>.tar
ARTIFACTS = ROOT / ".artifacts"  # logs, kubeconfigs and screenshots of the last run; not committed
