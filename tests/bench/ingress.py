"""What a limit lets through the real Ingress, to two replicas of real vLLM: three minutes after the first burst.

The cheapest documented call (GET /v1/models) is offered at twice the limit, over some kept-alive connections of the edge. Begins
60 s after the change to two replicas. Must be alone on the machine: it takes down the cluster that runs.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from concurrent import futures

from dev import demo, layout, provider
from tests import kubectl
from tests.bench import figures, limits
from tests.guard import load, rig

LIMIT, REPLICAS, CONNECTIONS, MINUTES = 600, 2, 4, 3
SETTLE, BURST = 60.0, 20.0


def main() -> list[figures.Figure]:
    """Bring up the demo with two replicas, and measure."""
    with demo.afresh():
        return _measured(kubectl.Admin(layout.KUBECONFIG, demo.NAMESPACE))


def _measured(admin: kubectl.Admin) -> list[figures.Figure]:
    limit = {"requests": LIMIT, "unit": "Minute"}
    admin.patch("vllm", "vllm11", {"spec": {"replicas": REPLICAS, "access": {"defaultRateLimit": limit}}})
    admin.kubectl("wait", "vllm/vllm11", f"--for=jsonpath={{.status.readyReplicas}}={REPLICAS}", "--timeout=300s")
    threading.Event().wait(SETTLE)
    key = admin.key("vllm11")
    burst = _offered(key, BURST, 0.02)
    passed = _offered(key, 60.0 * MINUTES, CONNECTIONS * 60 / (LIMIT * limits.OFFERED))
    share = 100 * passed.requests / (LIMIT * passed.seconds / 60)
    case = f"{LIMIT}/Minute, {REPLICAS} replicas behind the Ingress"
    most = LIMIT * (1 + burst.seconds / 60)
    return [
        figures.Figure(f"{case}: passed of the limit", "%", (share,), 100 + limits.OVER_BELOW),
        figures.Figure(f"{case}: short of the limit", "%", (max(0.0, 100 - share),), limits.SHORT_BELOW),
        figures.Figure(
            f"{case}: first burst and its {burst.seconds:.0f} s", "requests", (burst.requests,), most + REPLICAS
        ),
    ]


class Edge(http.client.HTTPSConnection):
    """A connection to the demo's host, wherever its name leads."""

    def connect(self) -> None:
        """Connect to the edge."""
        trust = ssl.create_default_context(cafile=str(demo.AUTHORITY / "ca.crt"))
        plain = socket.create_connection((provider.current().address(), 443), self.timeout)
        self.sock = trust.wrap_socket(plain, server_hostname=demo.HOST)


def _offered(key: str, seconds: float, pause: float) -> load.Passed:
    """Ask over several connections, on each with a pause after every answer."""
    since = time.monotonic()

    def one(_: int) -> int:
        passed = 0
        with contextlib.closing(Edge(demo.HOST, timeout=30)) as connection:
            while time.monotonic() < since + seconds:
                passed += rig.ask(connection, "GET", "/v1/models", key).status == 200
                threading.Event().wait(pause)
        return passed

    with futures.ThreadPoolExecutor(CONNECTIONS) as callers:
        requests = sum(callers.map(one, range(CONNECTIONS)))
    return load.Passed(requests, time.monotonic() - since)
