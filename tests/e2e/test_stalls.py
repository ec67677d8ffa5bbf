"""A real vLLM that hangs while `/health` says 200 is restarted alone, and its neighbour serves at its limit meanwhile."""

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

from dev import demo
from tests import kubectl, saturation, waiting
from vllm_operator import guard

HANG = """
import glob, os, signal, sys
for path in glob.glob("/proc/[0-9]*/cmdline"):
    if open(path).read().startswith(sys.argv[1]):
        os.kill(int(path.split("/")[2]), signal.SIGSTOP)
        print("stopped")
"""
ENGINE, WORKER = "VLLM::EngineCore", "VLLM::Worker"
ARGS = ["--enforce-eager", "--dtype=bfloat16", "--max-num-seqs=4", "--max-num-batched-tokens=64"]
SOON = 300.0


def test_a_server_that_hangs_is_restarted_and_its_saturated_neighbour_is_not(admin: kubectl.Admin) -> None:
    engine = {"args": ARGS, "stallTimeout": "2m"}
    with admin.having(kubectl.model("hung", engine=engine, replicas=2, access={"maxQueuedRequests": 64})) as name:
        demo.await_ready(name)
        waiting.until("Verified", lambda: admin.condition(name, "Verified").get("status") == "True", admin.world, SOON)
        one, other = pods(admin, name)
        key = admin.key(name)
        assert saturation.complete(address(one), key, prompt="a", max_tokens=1) == http.client.OK
        with saturation.of(address(other), key) as counts, waits(address(one), key):
            hang(admin, one, ENGINE)
            waiting.until("EngineStalled", lambda: said(admin, name) == "EngineStalled", admin.world, SOON)
            message = admin.condition(name)["message"]
            assert f"the engine in the pod {one['metadata']['name']} made no step for " in message, message
            assert admin.condition(name, "Available")["status"] == "True"
            waiting.until("a restart", lambda: restarts(admin, one, "vllm") == 1, admin.world, SOON)
            assert admin.condition(name, "Available")["status"] == "True"
        assert counts.failures == []
        assert counts.answered > 20
        assert restarts(admin, one, "vllm") == 1
        assert {restarts(admin, other, "vllm"), restarts(admin, one, "guard"), restarts(admin, other, "guard")} == {0}
        assert stalls(address(one)).startswith("count=1 ")
        assert stalls(address(other)) == ""
        assert "EngineStalled" in admin.kubectl("get", "events", "--field-selector", f"involvedObject.name={name}")


def hang(admin: kubectl.Admin, pod: dict[str, Any], process: str) -> None:
    """Stop a process of vLLM's in the pod."""
    run = ("exec", pod["metadata"]["name"], "-c", "vllm", "--", "python", "-c", HANG, process)
    assert "stopped" in admin.kubectl(*run)


def pods(admin: kubectl.Admin, name: str) -> list[dict[str, Any]]:
    text = admin.kubectl("get", "pods", "-l", f"serving.byteshop.in/model={name}", "-o", "json")
    return list(json.loads(text)["items"])


def address(pod: dict[str, Any]) -> str:
    return str(pod["status"]["podIP"])


def said(admin: kubectl.Admin, name: str) -> str:
    return str(admin.condition(name).get("reason"))


def restarts(admin: kubectl.Admin, pod: dict[str, Any], container: str) -> int:
    status = admin.get("pod", pod["metadata"]["name"])["status"]
    found = [*status["containerStatuses"], *status["initContainerStatuses"]]
    return next(int(each["restartCount"]) for each in found if each["name"] == container)


def stalls(where: str) -> str:
    """Return what the guard tells of stalls."""
    connection = http.client.HTTPConnection(where, guard.PRIVATE_PORT, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", guard.STATS_PATH)
        return connection.getresponse().headers.get(guard.STALLS_HEADER, "")


@contextlib.contextmanager
def waits(where: str, key: str) -> Iterator[None]:
    """Let clients ask a server again and again meanwhile, whatever they are answered."""
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                saturation.complete(where, key, prompt="a", max_tokens=16)
            over.wait(0.2)

    asking = [threading.Thread(target=ask, daemon=True) for _ in range(3)]
    for one in asking:
        one.start()
    try:
        yield
    finally:
        over.set()
