"""The documented answers of a server in trouble: 503 where the queue is full or the model loads, 500 where the engine dies."""

import json
import time
from concurrent import futures
from typing import Any

from tests import kubectl, waiting
from tests.contract import running, shape
from tests.e2e import conftest
from vllm_operator import api

KILL = """
import os, pathlib, signal
for process in pathlib.Path("/proc").glob("[0-9]*"):
    if (process / "cmdline").read_bytes().startswith(b"VLLM::EngineCore"):
        os.kill(int(process.name), signal.SIGKILL)
        print("killed")
"""
MORE_THAN_ALL_SEATS = "90"
LATE_SECONDS = 50.0
"""Five times what is promised: how long after the only server's end Available is False."""


def waiting_or_running(admin: kubectl.Admin) -> float:
    """Return the number of requests that the engine has."""
    url = f"http://{admin.pod_address('vllm11')}:8002/metrics"
    return sum(waiting.metric(url, f"vllm:num_requests_{state}", {}) for state in ("running", "waiting"))


def unavailable(admin: kubectl.Admin) -> dict[str, Any] | None:
    """Return the condition Available where it is False."""
    found: dict[str, Any] = admin.condition("vllm11", "Available")
    return found if found.get("status") == "False" else None


def test_a_full_queue_is_503_that_says_when_to_try_again(admin: kubectl.Admin, client: conftest.Client) -> None:
    done = running.program("flood.py", client.key, MORE_THAN_ALL_SEATS)
    assert done.returncode == 0, done.stderr
    full = json.loads(done.stdout)
    assert full["status"] == 503, full
    assert int(full["headers"]["retry-after"]) >= 1
    assert shape.differences(shape.ERROR, json.loads(full["body"])) == []
    waiting.until("who hung up is forgotten", lambda: waiting_or_running(admin) == 0, admin.world, 60)


def test_an_engine_that_dies_is_500_and_one_that_loads_503(admin: kubectl.Admin, client: conftest.Client) -> None:
    with futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.complete, max_tokens=3000, ignore_eos=True)
        waiting.until("the request runs", lambda: waiting_or_running(admin) == 1, admin.world)
        run = ("exec", "-i", "deployment/vllm11", "-c", "vllm", "--", "python", "-")
        assert "killed" in admin.kubectl(*run, stdin=KILL)
        died = time.time()
        conftest.answered(asked.result(60), 500)
    available = waiting.until("not Available", lambda: unavailable(admin), admin.world, 60)
    assert isinstance(available, dict)
    assert api.unix(available["lastTransitionTime"]) - died < LATE_SECONDS
    pod = conftest.Client(client.key, f"http://{admin.pod_address('vllm11')}:8000")
    loading = waiting.until("503", lambda: (found := pod.complete()).status == 503 and found, admin.world, 60)
    assert isinstance(loading, conftest.Answer)
    conftest.answered(loading, 503)
    assert int(loading.headers["retry-after"]) >= 1
    waiting.until("it is back", lambda: client.get("/v1/models").status == 200, admin.world, 300)
    conftest.answered(client.complete(), 200)
