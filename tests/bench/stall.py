"""What the watch over the engine costs, and that it bites nobody: an hour of saturation without a false restart.

`make bench ONLY=stall MINUTES=5` for a shorter one. Must be alone on the machine: it takes down the cluster that runs.
"""

import contextlib
import http.client
import os
import threading
import time

from dev import demo, layout
from tests import kubectl, saturation
from tests.bench import figures
from tests.e2e import test_stalls as stalls
from vllm_operator import guard

MINUTES = float(os.environ.get("MINUTES", "60"))
LOOKS = 200
METRICS_BELOW, LOOK_BELOW = 50.0, 100.0  # ms; the kubelet asks every 15 s
NAME = "saturated"


def main() -> list[figures.Figure]:
    """Bring up the demo and a model whose engine may be silent for 2 minutes; measure its looks, then saturate it."""
    engine = {"args": stalls.ARGS, "stallTimeout": "2m"}
    with demo.afresh():
        admin = kubectl.Admin(layout.KUBECONFIG, demo.NAMESPACE)
        with admin.having(kubectl.model(NAME, engine=engine, access={"maxQueuedRequests": 64})):
            demo.await_ready(NAME)
            return _measured(admin)


def _measured(admin: kubectl.Admin) -> list[figures.Figure]:
    (pod,) = stalls.pods(admin, NAME)
    where, key = stalls.address(pod), admin.key(NAME)
    idle = _looks(where)
    with stalls.waits(where, key):
        busy = _looks(where)
        metrics = _times(where, guard.METRICS_PATH)
    with saturation.of(where, key) as counts:
        began = time.monotonic()
        threading.Event().wait(60 * MINUTES)
        minutes = (time.monotonic() - began) / 60
    return [
        figures.Figure("a look while nothing waits", "ms", idle, LOOK_BELOW),
        figures.Figure("a look while requests wait", "ms", busy, LOOK_BELOW),
        figures.Figure("of which vLLM's metrics", "ms", metrics, METRICS_BELOW),
        figures.Figure("vLLM's metrics", "KB", (_size(where),)),
        figures.Figure("saturation", "min", (minutes,)),
        figures.Figure("requests answered", "requests", (counts.answered,)),
        figures.Figure("requests that failed", "requests", (len(counts.failures),), 1),
        figures.Figure("false restarts", "restarts", (stalls.restarts(admin, pod, "vllm"),), 1),
        figures.Figure("false stalls", "stalls", (len(stalls.stalls(where)),), 1),
    ]


def _looks(where: str) -> tuple[float, ...]:
    return _times(where, guard.ALIVE_PATH)


def _times(where: str, path: str) -> tuple[float, ...]:
    """Return how long answers of the private port take, in ms, one connection each as the kubelet has it."""
    return tuple(_time(where, path) for _ in range(LOOKS))


def _time(where: str, path: str) -> float:
    began = time.monotonic()
    assert len(_get(where, path)) >= 0
    return 1000 * (time.monotonic() - began)


def _size(where: str) -> float:
    return len(_get(where, guard.METRICS_PATH)) / 1000


def _get(where: str, path: str) -> bytes:
    with contextlib.closing(http.client.HTTPConnection(where, guard.PRIVATE_PORT, timeout=30)) as connection:
        connection.request("GET", path)
        reply = connection.getresponse()
        assert reply.status == http.client.OK, reply.status
        return reply.read()
