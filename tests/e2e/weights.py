"""The demo's weights, taken out of the running engine: as a directory, and as an image that holds nothing else."""

import hashlib
import io
import json
import pathlib
import subprocess
import tarfile

from dev import binaries
from tests import kubectl

PACK = "import sys, tarfile; tarfile.open(fileobj=sys.stdout.buffer, mode='w|').add('/models/facebook/opt-125m', '.')"


def packed(admin: kubectl.Admin) -> bytes:
    """Return a tar of the model's directory."""
    command = [binaries.find("kubectl"), f"--kubeconfig={admin.kubeconfig}", f"--namespace={admin.namespace}", "exec"]
    return subprocess.run(
        [*command, "deployment/vllm11", "-c", "vllm", "--", "python", "-c", PACK], capture_output=True, check=True
    ).stdout


def directory(admin: kubectl.Admin, into: pathlib.Path) -> None:
    """Unpack the weights into a directory that any user may read."""
    into.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(packed(admin))) as archive:
        archive.extractall(into, filter="data")
    for path in (into, *into.rglob("*"), *into.parents[:3]):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))


def image(admin: kubectl.Admin, name: str, archive: pathlib.Path) -> None:
    """Write a docker archive of one layer, the weights, under `name`."""
    layer = packed(admin)
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }).encode()  # fmt: skip
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(archive, "w") as whole:
        for entry, content in (("config.json", config), ("layer.tar", layer), ("manifest.json", manifest)):
            about = tarfile.TarInfo(entry)
            about.size = len(content)
            whole.addfile(about, io.BytesIO(content))
