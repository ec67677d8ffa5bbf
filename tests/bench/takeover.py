"""How soon another operator process works where one ends, and that over fifty forced changes never two of them wrote.

A change of a model is made as the process ends; the time counts until its Deployment has it.
"""

import itertools
import pathlib
import signal
import tempfile
from collections.abc import Iterator

from dev import paths
from dev.embedded import control_plane
from tests import audit, pair, waiting
from tests.bench import figures
from tests.integration import account, conftest

KILLS, STOPS, SUSPENSIONS, CHANGES = 5, 10, 3, 50
STOPPED_SECONDS = 25.0
WAYS = ("stopped", "deleted", "usurped", "stopped", "emptied")


def main() -> Iterator[figures.Figure]:
    """Yield the figures."""
    with tempfile.TemporaryDirectory() as root:
        directory = pathlib.Path(root)
        with control_plane.cluster(
            directory, audit.flags("takeover", audit.account(conftest.PAIR, account.NAME))
        ) as kubeconfig:
            account.kubectl(kubeconfig, "apply", "--server-side", "-f", str(paths.ROOT / "crds"))
            account.await_crds(kubeconfig)
            two = pair.Pair(kubeconfig, directory, conftest.PAIR, "takeover")
            try:
                yield from _measured(two)
            finally:
                two.stop()


def _measured(two: pair.Pair) -> Iterator[figures.Figure]:
    yield figures.Figure("a change acted on, nothing in the way", "s", tuple(two.acted() for _ in range(STOPS)), 1)
    stops = tuple(two.end(signal.SIGTERM) for _ in range(STOPS))
    yield figures.Figure("until the other acts after SIGTERM, the slowest", "s", (max(stops),), 2)
    yield figures.Figure("until the other acts after SIGTERM", "s", stops, 2)
    kills = tuple(two.end(signal.SIGKILL) for _ in range(KILLS))
    yield figures.Figure("until the other acts after SIGKILL, the slowest", "s", (max(kills),), 20)
    yield figures.Figure("until the other acts after SIGKILL", "s", kills, 20)
    yield figures.Figure("until the other acts after SIGSTOP", "s", tuple(_suspended(two)), 20)
    for _, how in zip(range(CHANGES), itertools.cycle(WAYS), strict=False):
        _force(two, how)
    yield figures.Figure(f"forced changes of the Lease ({', '.join(sorted(set(WAYS)))})", "", (CHANGES,))
    yield figures.Figure("writes of the two in all", "", (len(two.writes()),))
    yield figures.Figure("writes of one after the other had the Lease", "", (len(two.strays()),), 1)


def _suspended(two: pair.Pair) -> Iterator[float]:
    for _ in range(SUSPENSIONS):
        stopped = two.holder()
        yield two.suspend(STOPPED_SECONDS)
        two.acted()
        waiting.until("its Lease to be lost", lambda one=stopped: one.metric("vllm_operator_leader") == 0)


def _force(two: pair.Pair, how: str) -> None:
    if how == "stopped":
        two.end(signal.SIGTERM)
    else:
        two.take_away(how)
        two.acted()
