"""The local cluster, one interface whichever provider carries it: by kind where a container engine runs, else embedded.

`CLUSTER=kind` or `CLUSTER=embedded` decides; nothing said: whether an engine answers. What brought a cluster up is
recorded, and is asked about it until it is down, whatever has changed meanwhile: the variable, or an engine that was stopped.
"""

import os
import pathlib
import shutil
import subprocess
from typing import Protocol

from dev import kind, layout, progress
from dev.embedded import cluster

RECORD = layout.RUN.parent / "provider"
"""The name of what brought up the cluster that is there; not below layout.RUN, which each provider removes."""


class ClusterProvider(Protocol):
    """What carries a cluster."""

    def prepare(self) -> None:
        """Build what takes long."""

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

    def logs(self) -> str:
        """Say where its logs are."""

    def load_image(self, archive: pathlib.Path, name: str) -> None:
        """Make an image known to the node."""


PROVIDERS: dict[str, ClusterProvider] = {"kind": kind, "embedded": cluster}


def up(audit: tuple[str, ...] = ()) -> None:
    """Bring the cluster up and record by what. Raises `progress.Failure` where one is up in another way."""
    there, wanted = _recorded(), _asked() or _recorded() or _found()
    if there not in ("", wanted):
        raise progress.Failure(f"a cluster by {there} is up, and not by {wanted}", "take it down first: make demo-down")
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    progress.write_whole(RECORD, wanted)
    PROVIDERS[wanted].up(audit)


def down() -> None:
    """Take the cluster down by what brought it up."""
    current().down()
    RECORD.unlink(missing_ok=True)


def current() -> ClusterProvider:
    """Return what brought the cluster up; where there is none, what the environment asks for or the machine allows."""
    return PROVIDERS[_recorded() or _asked() or _found()]


def is_kind() -> bool:
    """Tell whether the cluster is one by kind: its edge is on loopback, and its programs need no root."""
    return current() is PROVIDERS["kind"]


def _recorded() -> str:
    name = RECORD.read_text() if RECORD.exists() else ""
    return name if name in PROVIDERS else ""


def _asked() -> str:
    name = os.environ.get("CLUSTER", "")
    if name and name not in PROVIDERS:
        raise progress.Failure(f"CLUSTER={name} is unknown", "set CLUSTER=kind or CLUSTER=embedded")
    return name


def _found() -> str:
    return "kind" if _engine() else "embedded"


def _engine() -> bool:
    """Tell whether a container engine runs: the command alone may be there without one."""
    for name in ("docker", "podman"):
        if shutil.which(name) and not subprocess.run([name, "info"], capture_output=True, check=False).returncode:
            return True
    return False
