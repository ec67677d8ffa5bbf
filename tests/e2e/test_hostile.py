"""Requests made to get past the guard, through the Ingress and from pod to pod: none comes to vLLM, no guard falls."""

import base64
import contextlib
import json
import re
import socket
import ssl
import urllib.request
from collections.abc import Iterator
from concurrent import futures

import pytest

from dev import demo, images, provider
from tests import kubectl, waiting
from tests.e2e import conftest
from tests.guard import hostile, rig
from vllm_operator import guard

CALLER = "caller"
SECONDS = 10
ASK = """
cd /tmp
while read -r number sent; do
  { (echo "$sent" | base64 -d; sleep 2) | nc -w 5 %s 8000 >"$number"; } 2>/dev/null &
done
wait
for number in *; do echo "$number $(head -c 65536 "$number" | base64 | tr -d '\\n')"; done
"""


@pytest.fixture
def unmoved(admin: kubectl.Admin, client: conftest.Client) -> Iterator[None]:
    """During the test no request comes to vLLM's API but with a key, and no guard is started anew."""

    def verified() -> bool:
        return admin.condition("vllm11", "Verified").get("status") == "True"

    waiting.until("the operator's own request", verified, admin.world, 60)
    came, keyed, restarts = _came(admin), _keyed(admin), _restarts(admin)
    yield
    waiting.until("as many requests as keys", lambda: _came(admin) - came == _keyed(admin) - keyed)
    assert _restarts(admin) == restarts
    before = _came(admin)
    assert client.get("/v1/models").status == 200
    waiting.until("a request with a key to be counted", lambda: _came(admin) > before)


@pytest.fixture
def caller(admin: kubectl.Admin) -> Iterator[str]:
    """A pod of somebody else."""
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {"name": "nc", "image": images.reference("pause"), "securityContext": security}
    admin.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": CALLER}, "spec": {"containers": [container]}})
    admin.kubectl("wait", "--for=condition=Ready", f"pod/{CALLER}", "--timeout=60s")
    yield CALLER
    admin.kubectl("delete", "pod", CALLER, "--grace-period=0", "--force")


@pytest.mark.usefixtures("unmoved")
def test_through_the_ingress(client: conftest.Client) -> None:
    def ask(case: hostile.Case) -> list[int]:
        return rig.statuses(_through_the_edge(case.bytes(demo.HOST, client.key), len(case.at_edge())))

    with futures.ThreadPoolExecutor(16) as callers:
        found = list(callers.map(ask, hostile.CASES))
    assert not (wrong := _unexpected(found, [case.at_edge() for case in hostile.CASES])), json.dumps(wrong, indent=1)


@pytest.mark.usefixtures("unmoved")
def test_from_another_pod(admin: kubectl.Admin, client: conftest.Client, caller: str) -> None:
    sent = [base64.b64encode(case.bytes(demo.HOST, client.key)).decode() for case in hostile.CASES]
    lines = "".join(f"{number} {one}\n" for number, one in enumerate(sent))
    script = ASK % admin.pod_address("vllm11")
    told = admin.kubectl("exec", "-i", caller, "--", "sh", "-c", script, stdin=lines).splitlines()
    answers = {int(number): base64.b64decode(answer) for number, _, answer in (one.partition(" ") for one in told)}
    found = [rig.statuses(answers.get(number, b"")) for number in range(len(hostile.CASES))]
    assert not (wrong := _unexpected(found, [case.guard for case in hostile.CASES])), json.dumps(wrong, indent=1)


def _unexpected(found: list[list[int]], wanted: list[list[int]]) -> dict[str, tuple[list[int], list[int]]]:
    """Return what was found and what was wanted, by name, where they differ."""
    pairs = zip(hostile.CASES, found, wanted, strict=True)
    return {case.name: (one, other) for case, one, other in pairs if one != other}


def _through_the_edge(request: bytes, answers: int) -> bytes:
    """Send bytes through the Ingress and return what comes back: until the edge closes, or is silent after so many answers."""
    trust = ssl.create_default_context(cafile=str(demo.AUTHORITY / "ca.crt"))
    trust.set_alpn_protocols(["http/1.1"])
    received = b""
    with contextlib.suppress(ConnectionError, TimeoutError, ssl.SSLError):
        plain = socket.create_connection((provider.current().address(), 443), timeout=SECONDS)
        with trust.wrap_socket(plain, server_hostname=demo.HOST) as connection:
            connection.sendall(request)
            while piece := connection.recv(65536):
                received += piece
                connection.settimeout(0.3 if len(rig.statuses(received)) >= answers else SECONDS)
    return received


def _came(admin: kubectl.Admin) -> float:
    """Return how many requests vLLM has counted, health checks and its own metrics aside."""
    return _sum(admin, "/metrics", r"^http_requests_total\{[^}]*\} (\S+)$")


def _keyed(admin: kubectl.Admin) -> float:
    """Return how many requests the guard has counted that had a client's key."""
    return _sum(admin, guard.STATS_PATH, r'^envoy_guard_requests\{[^}]*client="[^"]+"[^}]*\} (\S+)$')


def _sum(admin: kubectl.Admin, path: str, series: str) -> float:
    with urllib.request.urlopen(f"http://{admin.pod_address('vllm11')}:8002{path}", timeout=SECONDS) as answer:
        text = answer.read().decode()
    return sum(float(count) for count in re.findall(series, text, re.MULTILINE))


def _restarts(admin: kubectl.Admin) -> list[int]:
    pods = json.loads(admin.kubectl("get", "pods", "-l", "serving.byteshop.in/model=vllm11", "-o", "json"))["items"]
    return [one["restartCount"] for pod in pods for one in pod["status"]["initContainerStatuses"]]
