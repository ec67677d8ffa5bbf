"""The local cluster, one interface whichever provider carries it: by kind where a container engine runs, else embedded.

`CLUSTER=kind` or `CLUSTER=embedded` decides; nothing said: whether an engine answers.
"""

import os
import pathlib
import shutil
import subprocess
from typing import Protocol

from dev import kind, progress
from dev.embedded import cluster


class ClusterProvider(Protocol):
    """What carries a cluster."""

    def up(self, audit: tuple[str, ...] = ()) -> None:
        """Bring it up, or find it healthy."""

    def down(self) -> None:
        """Take it down without a trace."""

    def healthy(self) -> bool:
        """Tell whether it works."""

    def status(self) -> str:
        """Say in one line how it is."""

    def address(self) -> str:
        """Return the address of the edge, which listens on ports 80 and 443."""

    def load_image(self, archive: pathlib.Path, name: str) -> None:
        """Make an image known to the node."""


def current() -> ClusterProvider:
    """Return the provider that the environment asks for or the machine allows."""
    chosen = os.environ.get("CLUSTER") or ("kind" if _engine() else "embedded")
    if chosen not in ("kind", "embedded"):
        raise progress.Failure(f"CLUSTER={chosen} is unknown", "set CLUSTER=kind or CLUSTER=embedded")
    return kind if chosen == "kind" else cluster


def _engine() -> bool:
    """Tell whether a container engine runs: the command alone may be there without one."""
    for name in ("docker", "podman"):
        if shutil.which(name) and not subprocess.run([name, "info"], capture_output=True, check=False).returncode:
            return True
    return False
