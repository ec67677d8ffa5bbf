"""What the watch over the engine costs, how soon it ends what hangs, and that it bites nobody: an hour of saturation, no restart.

What hangs is ended with no operator in the cluster: the guard and the kubelet see to it.

`make bench ONLY=stall MINUTES=5` for a shorter one. Must be alone on the machine: it takes down the cluster that runs.
"""

import contextlib
import http.client
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

from dev import demo, layout
from tests import kubectl, saturation, waiting
from tests.bench import figures
from tests.e2e import test_stalls as stalls
from vllm_operator import guard

MINUTES = float(os.environ.get("MINUTES", "60"))
LOOKS = 200
METRICS_BELOW, LOOK_BELOW = 50.0, 100.0  # ms; the kubelet asks every 15 s
HUNG_BELOW = 300.0  # s: two minutes of patience, and eight looks of the kubelet
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
        *_hung(admin, pod, key),
    ]


def _hung(admin: kubectl.Admin, pod: dict[str, Any], key: str) -> Iterator[figures.Figure]:
    """Stop one process of the engine after the other, with no operator; yield how long each hangs."""
    operator = kubectl.Admin(admin.kubeconfig, demo.OPERATOR_NAMESPACE)
    operator.kubectl("scale", "deployment/vllm-operator", "--replicas=0")
    for process in (stalls.ENGINE, stalls.WORKER):
        yield figures.Figure(
            f"{process} stopped, until the restart", "s", (_ended(admin, pod, key, process),), HUNG_BELOW
        )


def _ended(admin: kubectl.Admin, pod: dict[str, Any], key: str, process: str) -> float:
    admin.kubectl("wait", f"pod/{pod['metadata']['name']}", "--for=condition=Ready", f"--timeout={stalls.SOON:.0f}s")
    before = stalls.restarts(admin, pod, "vllm")
    with stalls.waits(stalls.address(pod), key):
        stalls.hang(admin, pod, process)
        began = time.monotonic()
        waiting.until("a restart", lambda: stalls.restarts(admin, pod, "vllm") > before, admin.world, stalls.SOON)
    return time.monotonic() - began


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
