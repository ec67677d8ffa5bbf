"""checkov in an environment of its own in the cache, since it needs a hundred packages that nothing else does.

Knows how it is installed, from hashed pins, and started without asking anything of the network; judges nothing.
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any, NamedTuple

from dev import paths, progress

REQUIREMENTS = paths.ROOT / "requirements" / "checkov.txt"


class Finding(NamedTuple):
    """A check that failed on an object, such as Deployment.ops.vllm-operator, of a file."""

    check: str
    resource: str
    file: str
    title: str


def findings(manifests: Mapping[str, str]) -> list[Finding]:
    """Return what checkov says of `manifests`, file name -> YAML. The same of the same: so what it said once is kept."""
    own = _environment()
    key = hashlib.sha256(json.dumps(manifests, sort_keys=True).encode()).hexdigest()[:16]
    kept = own / "said" / f"{key}.json"
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        progress.write_whole(kept, json.dumps(_run(own, manifests)))
    return [Finding(*one) for one in json.loads(kept.read_text())]


def _run(own: pathlib.Path, manifests: Mapping[str, str]) -> list[Finding]:
    quiet = ("--output=json", "--compact", "--quiet", "--skip-download", "--skip-results-upload")
    with tempfile.TemporaryDirectory() as directory:
        for name, text in manifests.items():
            pathlib.Path(directory, name).write_text(text)
        command = [str(own / "bin" / "checkov"), "--directory", directory, "--framework", "kubernetes", *quiet]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_alone(own))
    assert done.stdout.startswith("{"), done.stderr or done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["summary"]["parsing_errors"] == 0, found["results"]["parsing_errors"]
    failed = found["results"]["failed_checks"]
    return [
        Finding(one["check_id"], one["resource"], one["file_path"].lstrip("/"), one["check_name"]) for one in failed
    ]


def _environment() -> pathlib.Path:
    key = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    own = paths.CACHE / "checkov" / key
    if not (own / "ready").exists():
        with progress.step("installing checkov (once)"):
            _install(own)
    return own


def _install(own: pathlib.Path) -> None:
    uv = shutil.which("uv") or str(paths.CACHE / "tools/bin/uv")  # dev/bootstrap.sh puts it there
    env = {**os.environ, "UV_CACHE_DIR": str(paths.CACHE / "uv")}
    shutil.rmtree(own, ignore_errors=True)
    for command in (
        ["venv", str(own)],
        ["pip", "sync", f"--python={own}/bin/python", "--require-hashes", str(REQUIREMENTS)],
    ):
        subprocess.run([uv, "--quiet", *command], check=True, env=env)
    (own / "ready").touch()


def _alone(own: pathlib.Path) -> dict[str, str]:
    """Return an environment without this project's own Python path, and with checkov's notes in the cache."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**kept, "HOME": str(own), "LOG_LEVEL": "ERROR"}
