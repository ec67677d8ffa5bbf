"""checkov in an environment of its own in the cache, since it needs a hundred packages that nothing else does.

Knows how it is installed, from hashed pins, and started without asking anything of the network; judges nothing.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any, NamedTuple

from dev import paths, progress
from tests import tools

REQUIREMENTS = paths.ROOT / "requirements" / "checkov.txt"


class Finding(NamedTuple):
    """A check that failed on an object, such as Deployment.ops.vllm-operator, of a file."""

    check: str
    resource: str
    file: str
    title: str


def findings(manifests: Mapping[str, str]) -> list[Finding]:
    """Return what checkov says of `manifests`, file name -> YAML. The same of the same: so what it said once is kept."""
    own = tools.environment(REQUIREMENTS)
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


def _alone(own: pathlib.Path) -> dict[str, str]:
    """Return an environment without this project's own Python path, and with checkov's notes in the cache."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**kept, "HOME": str(own), "LOG_LEVEL": "ERROR"}
