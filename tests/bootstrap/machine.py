"""A machine to break: the real one, with mounts, network and work tree of the test's own.

Commands run as root in mount and network namespaces that end with them, with a cache directory of their own; failures are
then real ones: a full tmpfs, no network, a cgroup's limit. Must not touch the machine outside of the test's directory.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import NamedTuple

from dev import paths

DEADLINE_SECONDS = 300


class Result(NamedTuple):
    """How a command ended and what it said."""

    status: int
    said: str
    errors: str

    def failed_with(self, cause: str, remedy: str) -> None:
        """Check that it failed, in one line that names cause and remedy."""
        assert self.status == 1, f"{self.said}\n{self.errors}"
        lines = [line for line in self.errors.splitlines() if line.strip()]
        assert len(lines) == 1, self.errors
        assert re.fullmatch(rf"error: .*(?:{cause}).*: .*(?:{remedy}).*", lines[0]), lines[0]


class Machine:
    """The machine as one test sees it: a copy of what bootstrap needs, and an empty cache directory."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.tree = directory / "tree"
        self.cache = directory / "cache"
        for part in ("dev", "images", "requirements", "operator/vllm_operator"):
            shutil.copytree(paths.ROOT / part, self.tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        self.cache.mkdir()

    def share(self, *names: str) -> None:
        """Use parts of the real cache: what is built there need not be built again."""
        for name in names:
            (self.cache / name).symlink_to(paths.CACHE / name)

    def run(self, script: str, *, network: bool = False, namespaces: str = "--mount", **env: str) -> Result:
        """Run a shell script in the copied tree, without a network unless asked."""
        process = self.start(script, network=network, namespaces=namespaces, **env)
        said, errors = process.communicate(timeout=DEADLINE_SECONDS)
        return Result(process.returncode, said, errors)

    def start(
        self, script: str, *, network: bool = False, namespaces: str = "--mount", **env: str
    ) -> subprocess.Popen[str]:
        """Start a shell script in a process group of its own; a cluster is the embedded one unless `env` says otherwise."""
        unshare = ["unshare", *namespaces.split(), *([] if network else ["--net"]), "sh", "-euc", script]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("VLLM_OPERATOR")}
        return subprocess.Popen(
            unshare,
            cwd=self.tree,
            env={
                **clean,
                "CLUSTER": "embedded",
                "VLLM_OPERATOR_CACHE": str(self.cache),
                "PYTHON": sys.executable,
                **env,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def kill(process: subprocess.Popen[str]) -> None:
    """End a script and all that it started, as a power cut would."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def until(process: subprocess.Popen[str], path: pathlib.Path) -> None:
    """Wait until a script has made a file."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, path
        time.sleep(0.01)
