"""How soon an edited field of a model's objects is put back: each field that the operator sends, one after another."""

import pathlib
import statistics
import tempfile
from collections.abc import Iterator

import yaml

from dev import paths
from dev.embedded import control_plane
from tests import drift, kubectl, waiting
from tests.bench import figures
from tests.integration import account, api_server, conftest, test_drift

ROUNDS = 3


def main() -> Iterator[figures.Figure]:
    """Yield the figures."""
    with tempfile.TemporaryDirectory() as root:
        directory = pathlib.Path(root)
        with control_plane.cluster(directory) as kubeconfig:
            account.kubectl(kubeconfig, "apply", "--server-side", "-f", str(paths.ROOT / "crds"))
            account.await_crds(kubeconfig)
            account.install(kubeconfig)
            one = conftest.Operator(account.kubeconfig(kubeconfig, directory / "account"), directory / "log")
            try:
                one.await_leader()
                yield from _measured(kubeconfig)
            finally:
                one.stop()


def _measured(kubeconfig: pathlib.Path) -> Iterator[figures.Figure]:
    admin, server = kubectl.Admin(kubeconfig), api_server.ApiServer(kubeconfig)
    seconds, refused = list[float](), 0
    for number in range(ROUNDS):  # each with a model of its own, for what is edited three times a minute is left alone
        name = f"drifting{number}"
        admin.apply(kubectl.model(name, **test_drift.SPEC))
        waiting.until("its status", lambda name=name: admin.condition(name), lambda: yaml.safe_dump(admin.world()))
        for sent in drift.sent(admin.get("vllm", name), test_drift.SETTINGS):
            for repair in drift.repaired(server, sent):
                refused += repair.seconds is None
                seconds += [] if repair.seconds is None else [repair.seconds]
    slowest = statistics.quantiles(seconds, n=100)
    yield figures.Figure("edits that were put back", "", (len(seconds),))
    yield figures.Figure("edits that the API server refused", "", (refused,))
    yield figures.Figure("until an edited field is put back, half of them", "s", (slowest[49],))
    yield figures.Figure("until an edited field is put back, 99 of 100", "s", (slowest[98],), 1)
    yield figures.Figure("until an edited field is put back, the slowest", "s", (max(seconds),))
