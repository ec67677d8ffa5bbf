"""The local cluster, one interface whichever provider carries it: by kind where a container engine runs, else embedded.

`CLUSTER=kind` or `CLUSTER=embedded` decides; nothing said: whether an engine answers. What brought a cluster up is
recorded, and is asked about it until it is down, whatever has changed meanwhile: the variable, or an engine that was stopped.
"""

import os
import pathlib
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

    def is_there(self) -> bool:
        """Tell whether there is something to take down."""

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


PROVIDERS: dict[str, ClusterProvider] = {"embedded": cluster, "kind": kind}
"""In the order in which they are taken down: kind's removes the directory that both write to."""


def up(audit: tuple[str, ...] = ()) -> None:
    """Bring the cluster up and record by what. Raises `progress.Failure` where one is up in another way."""
    there, wanted = _recorded(), _asked() or _recorded() or _found()
    if there not in ("", wanted):
        _clear(there, wanted)
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    progress.write_whole(RECORD, wanted)
    PROVIDERS[wanted].up(audit)


def down() -> bool:
    """Take down what is up, by whatever brought it up; tell whether anything was."""
    recorded = _recorded()
    found = [one for name, one in PROVIDERS.items() if name == recorded or one.is_there()]
    for one in found:
        one.down()
    RECORD.unlink(missing_ok=True)
    return bool(found)


def current() -> ClusterProvider:
    """Return what brought the cluster up; where there is none, what the environment asks for or the machine allows."""
    return PROVIDERS[_recorded() or _asked() or _found()]


def is_kind() -> bool:
    """Tell whether the cluster is one by kind: its edge is on loopback, and its programs need no root."""
    return current() is PROVIDERS["kind"]


def _clear(there: str, wanted: str) -> None:
    """Remove what an attempt in another way left. Raises `progress.Failure` where it left a cluster."""
    if PROVIDERS[there].is_there():
        raise progress.Failure(f"a cluster by {there} is up, and not by {wanted}", "take it down first: make demo-down")
    PROVIDERS[there].down()


def _recorded() -> str:
    name = RECORD.read_text() if RECORD.exists() else ""
    return name if name in PROVIDERS else ""


def _asked() -> str:
    name = os.environ.get("CLUSTER", "")
    if name and name not in PROVIDERS:
        raise progress.Failure(f"CLUSTER={name} is unknown", "set CLUSTER=kind or CLUSTER=embedded")
    return name


def _found() -> str:
    return "kind" if any(kind.answers(engine) for engine in kind.ENGINES) else "embedded"
