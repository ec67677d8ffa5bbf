"""Requests made to get past the guard, through the Ingress and from pod to pod: none comes to vLLM, no guard falls."""

import base64
import json
import re
import urllib.request
from collections.abc import Iterator
from concurrent import futures

import pytest

from dev import demo
from tests import kubectl, waiting
from tests.attack import inside
from tests.e2e import conftest, wire
from tests.guard import hostile, rig
from vllm_operator import guard

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
    with inside.caller(admin) as name:
        yield name


@pytest.mark.usefixtures("unmoved")
def test_through_the_ingress(client: conftest.Client) -> None:
    def ask(case: hostile.Case) -> list[int]:
        return rig.statuses(wire.exchange(case.bytes(demo.HOST, client.key), len(case.at_edge())))

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
