"""The main job on real vLLM, over HTTPS through the real Ingress: what the document does not promise (test_contract.py does)."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from concurrent import futures

from dev import demo, demo_calls, paths
from tests import kubectl, waiting
from tests.e2e import conftest


def test_every_condition_of_a_served_model_is_true(admin: kubectl.Admin) -> None:
    for kind in ("Available", "Ready", "Exposed", "GuardConfigured", "Verified"):
        waiting.until(kind, lambda kind=kind: admin.condition("vllm11", kind).get("status") == "True", admin.world, 60)
    assert admin.condition("vllm11", "Progressing")["status"] == "False"


def test_in_the_demos_shell_documented_commands_work_as_they_are(admin: kubectl.Admin) -> None:
    call = demo_calls.CALLS[1].replace("curl ", "curl -sS -o /dev/null -w '%{http_code}\n' ", 1)
    script = f"{call}\nkubectl get vllm -n {admin.namespace} -o jsonpath='{{.items[*].metadata.name}}'\n"
    command = [sys.executable, "-m", "dev", "shell"]
    settings = {**os.environ, "SHELL": "sh"}
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=True, env=settings)
    assert done.stdout.split()[-2:] == ["200", "vllm11"], done


def test_a_stream_comes_token_by_token_and_ends_with_done(client: conftest.Client) -> None:
    answer = client.complete(stream=True, max_tokens=20, ignore_eos=True)
    events = [line for line in answer.body.splitlines() if line.startswith("data: ")]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert len(events) > 10
    assert events[-1] == "data: [DONE]"


def test_one_request_asks_for_no_more_than_it_may(client: conftest.Client) -> None:
    choices = conftest.answered(client.complete(n=4, max_tokens=1), 200)["choices"]
    assert isinstance(choices, list)
    assert len(choices) == 4
    for answer in (client.complete(n=65), client.complete(prompt=["a"] * 129)):
        assert "VLLM_MAX_" in str(conftest.answered(answer, 400)["error"])


def test_above_the_limit_there_is_429_and_retry_after_is_true(admin: kubectl.Admin, client: conftest.Client) -> None:
    """Six a minute: one every ten seconds, which no loaded machine is too slow to exceed."""
    admin.patch("vllm", "vllm11", {"spec": {"access": {"defaultRateLimit": {"requests": 6, "unit": "Minute"}}}})
    limited = waiting.until(
        "429", lambda: (answer := client.get("/v1/models")).status == 429 and answer, admin.world, 200
    )
    assert isinstance(limited, conftest.Answer)
    told, pause = time.monotonic(), int(limited.headers["retry-after"])
    assert 1 <= pause <= 10
    waiting.until("the end of the pause", lambda: time.monotonic() > told + pause)
    assert client.get("/v1/models").status == 200
    admin.patch("vllm", "vllm11", {"spec": {"access": {"defaultRateLimit": {"requests": 6000, "unit": "Minute"}}}})
    waiting.until(
        "the old limit", lambda: all(client.get("/v1/models").status == 200 for _ in range(8)), admin.world, 200
    )


def test_a_deleted_key_is_revoked_on_running_pods(admin: kubectl.Admin, client: conftest.Client) -> None:
    pods = admin.pods("vllm11")
    admin.kubectl("delete", "secret", "vllm11.key.default")
    waiting.until("a new key", lambda: admin.key("vllm11") not in ("", client.key), admin.world)
    waiting.until("the old key's end", lambda: client.get("/v1/models").status == 401, admin.world)
    assert conftest.Client(admin.key("vllm11")).get("/v1/models").status == 200
    assert admin.pods("vllm11") == pods


def test_logs_exec_and_port_forward_work(admin: kubectl.Admin) -> None:
    assert "Application startup complete" in admin.kubectl("logs", "deployment/vllm11", "-c", "vllm")
    assert admin.kubectl("exec", "deployment/vllm11", "-c", "vllm", "--", "id", "-u").strip() == "65532"
    with (
        admin.forwarded("deployment/vllm11", 8002) as address,
        urllib.request.urlopen(f"{address}/metrics", timeout=60) as answer,
    ):
        text = answer.read().decode()
    page = (paths.ROOT / "docs/metrics.md").read_text()
    assert [name for name in re.findall(r"`(vllm:\w+)`", page) if f"\n{name}{{" not in text] == []


def test_a_start_is_told_by_phase_and_its_room_in_vllms_own_figures(admin: kubectl.Admin) -> None:
    def told() -> bool:
        return "compiling" in admin.get("vllm", "vllm11")["status"].get("lastStart", {})

    waiting.until("the phases of the last start", told, admin.world)
    status = admin.get("vllm", "vllm11")["status"]
    assert status["lastStart"]["total"] >= status["lastStart"]["loading"] > 0
    assert status["capacity"] == {"kvCacheTokens": 2_097_152, "requests": 512}


def test_an_operator_that_is_replaced_restarts_nothing_and_drops_nothing(
    admin: kubectl.Admin, client: conftest.Client
) -> None:
    pods = admin.pods("vllm11")
    operator = kubectl.Admin(admin.kubeconfig, demo.OPERATOR_NAMESPACE)
    operator.kubectl("rollout", "restart", "deployment/vllm-operator")
    with futures.ThreadPoolExecutor(1) as pool:
        rolled = pool.submit(operator.kubectl, "rollout", "status", "deployment/vllm-operator", "--timeout=300s")
        answers = [client.get("/v1/models").status]
        while not rolled.done():
            answers.append(client.get("/v1/models").status)
    assert "successfully rolled out" in rolled.result()
    assert set(answers) == {200}
    assert admin.pods("vllm11") == pods


def test_scaled_to_zero_the_edge_answers_503_and_the_key_survives(
    admin: kubectl.Admin, client: conftest.Client
) -> None:
    admin.kubectl("scale", "vllm", "vllm11", "--replicas=0")
    waiting.until("503", lambda: client.get("/v1/models").status == 503, admin.world, 200)
    waiting.until("ScaledToZero", lambda: admin.condition("vllm11")["reason"] == "ScaledToZero", admin.world)
    admin.kubectl("scale", "vllm", "vllm11", "--replicas=1")
    demo.await_ready("vllm11")
    waiting.until("the edge", lambda: client.get("/v1/models").status == 200, admin.world)
