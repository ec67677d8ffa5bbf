"""Weights from the hub for `make accept`: data of one commit, fetched into a claim by the engine's own image.

Knows nothing of models or clusters; must fetch no format that runs code while it is loaded.
"""

import re

STAND_IN = "HuggingFaceTB/SmolLM2-135M-Instruct@12fd25f77366fa6b3b4b768ec3050bf629380bac"
"""Small weights in safetensors; the documented model's own are pickles."""
PATTERNS = ("*.safetensors", "*.json", "*.txt", "tokenizer.model")
"""What is fetched: data alone. Other formats of weights run code while they are loaded."""
PINNED = re.compile(r"[^@]+@[0-9a-f]{40}")
DOWNLOAD = """
import pathlib, sys, huggingface_hub
name, commit, into, *patterns = sys.argv[1:]
huggingface_hub.snapshot_download(name, revision=commit, allow_patterns=patterns, local_dir=into)
if not any(pathlib.Path(into).glob("*.safetensors")):
    sys.exit(f"{name} has no safetensors at {commit}")
"""


def claim(storage_class: str) -> dict[str, object]:
    """Return the claim that the weights are fetched into."""
    spec: dict[str, object] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}
    named = {"storageClassName": storage_class} if storage_class else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "weights"},
        "spec": {**spec, **named},
    }


def job(weights: str, served: str, image: str, pull_secrets: list[dict[str, str]]) -> dict[str, object]:
    """Return the Job that fetches `weights`, name@commit on the hub, into the claim, where those of `served` are looked for."""
    hardened = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    what = (*weights.split("@"), f"/models/{served}", *PATTERNS)
    env = {"HF_HOME": "/models/.cache", "HOME": "/tmp"}  # noqa: S108 - a volume of the pod's own
    container = {
        "name": "fetch", "image": image, "securityContext": hardened, "command": ["python3", "-c", DOWNLOAD, *what],
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "volumeMounts": [{"name": "weights", "mountPath": "/models"}, {"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - as above
    }  # fmt: skip
    security = {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    pod = {
        "restartPolicy": "Never", "automountServiceAccountToken": False, "securityContext": security, "containers": [container],
        "imagePullSecrets": pull_secrets,
        "volumes": [{"name": "weights", "persistentVolumeClaim": {"claimName": "weights"}}, {"name": "tmp", "emptyDir": {}}],
    }  # fmt: skip
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "fetch"},
        "spec": {"backoffLimit": 2, "template": {"spec": pod}},
    }
