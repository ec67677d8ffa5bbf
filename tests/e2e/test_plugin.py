"""`kubectl vllm` before real vLLM: what each command says of a model that runs, and that what it does is done."""

import json
import re

import pytest

from tests import kubectl, plugin, waiting
from tests.e2e import conftest

TINY = ("--requests=4", "--concurrency=2", "--tokens=16", "--prompt-words=8")


@pytest.fixture(scope="module")
def run(admin: kubectl.Admin, tmp_path_factory: pytest.TempPathFactory) -> plugin.Plugin:
    return plugin.Plugin(admin.kubeconfig, admin.namespace, tmp_path_factory.mktemp("plugin"))


def test_a_talk_is_found_in_the_logs_by_its_request_and_costs_no_key_on_a_command_line(
    admin: kubectl.Admin, run: plugin.Plugin
) -> None:
    said = run.run("chat", "vllm11", "--complete", "--max-tokens=12", "--temperature=0", "The", "future")
    assert said.code == 0, said
    figures = re.search(r"([0-9]+) tokens in [0-9.]+ s: the first after [0-9.]+ s, then [0-9.]+ tokens/s", said.err)
    assert figures
    assert 1 <= int(figures[1]) <= 12
    request = re.findall(r"request (\S+)", said.err)[-1]
    waiting.until("its line, which guards write within a second", lambda: run.run("logs", "vllm11", request).code == 0)
    logged = run.told("logs", "vllm11", request, "--since=10m").splitlines()
    assert sum("200 POST /v1/completions" in line and f"request {request}" in line for line in logged) == 1
    assert "POST /v1/completions" in run.told("logs", "vllm11", "--client=default", "--since=10m")
    assert "404: " in run.refusal("chat", "vllm11", "--as-model=absent", "The", "future")
    missed = "404 POST /v1/chat/completions"
    waiting.until("the refusal", lambda: missed in run.told("logs", "vllm11", "--errors", "--since=10m"))
    assert "no guard logged the request never-sent" in run.refusal("logs", "vllm11", "never-sent", "--since=1m")
    assert admin.key("vllm11") not in run.log.read_text() + said.out + said.err + "".join(logged)


def test_bench_counts_each_token_and_top_sees_them(run: plugin.Plugin) -> None:
    said = run.told("bench", "vllm11", *TINY)
    assert said.startswith("4 of 4 requests answered in ")
    assert " 16 tokens each" in said
    servers, clients = run.told("top", "vllm11", "--interval=0.2").split("\n\n")
    assert re.fullmatch(r"vllm11-\S+ +[0-9]+ +[0-9]+ +[0-9.]+ % .*", servers.splitlines()[1])
    counted = {line.split()[0]: int(line.split()[-1]) for line in clients.splitlines()[1:]}
    assert counted["default"] >= 4


def test_doctor_tries_whether_policies_are_enforced_and_leaves_no_pod(admin: kubectl.Admin, run: plugin.Plugin) -> None:
    """The embedded cluster's network enforces none."""
    said = run.run("doctor", "--probe=vllm11")
    assert "BAD NetworkPolicies   not enforced: a pod reached a guard's private port" in said.out
    assert "ok  operator " in said.out
    assert "ok  operator's rights" in said.out
    assert "4 nvidia.com/gpu" in said.out
    assert said.out.count("BAD") == 1
    pods = json.loads(admin.kubectl("get", "pods", "-o", "json"))["items"]
    left = [one for one in pods if one["metadata"]["name"].startswith("kubectl-vllm-")]
    assert all("deletionTimestamp" in one["metadata"] for one in left)


def test_what_runs_is_told_on_one_screen(admin: kubectl.Admin, run: plugin.Plugin) -> None:
    """The last start is told once its phases are known, which a log must be read for."""
    waiting.until("a start that is told", lambda: "\nlast start" in run.told("status", "vllm11"), admin.world)
    said = run.told("status", "vllm11")
    assert said.startswith(f"vllm11 in {admin.namespace}: Serving\n")
    assert "1 of 1 answer, 1 of the newest version" in said
    assert "on 1 of 1 servers   Secret vllm11.key.default" in said
    assert "KV cache of one server: 2,097,152 tokens, or 512 requests of the longest context" in said
    assert run.told("why", "vllm11").startswith("vllm11: Serving\n")
    fits = run.told("fit", "vllm11")
    assert fits.startswith("vllm11: fits\n")
    assert "vLLM says that its KV cache has room for 2,097,152 tokens" in fits


def test_a_rotated_key_is_the_one_that_is_printed_and_calls(admin: kubectl.Admin, run: plugin.Plugin) -> None:
    old = run.told("key", "vllm11").strip()
    assert "The new key is on 1 of 1 servers" in run.told("rotate", "vllm11")
    new = run.told("key", "vllm11").strip()
    assert new == admin.key("vllm11") != old
    assert run.run("chat", "vllm11", "--complete", "--max-tokens=2", "The").code == 0
    admin.patch("vllm", "vllm11", {"spec": {"access": {"clients": None}}})


def test_a_model_that_was_put_to_sleep_answers_once_it_is_woken(
    admin: kubectl.Admin, client: conftest.Client, run: plugin.Plugin
) -> None:
    assert "Keys and address stay" in run.told("sleep", "vllm11")
    waiting.until("its sleep", lambda: admin.condition("vllm11")["reason"] == "ScaledToZero", admin.world)
    assert "vllm11: Serving at https://vllm11.byteshop.in/" in run.told("wake", "vllm11", "--timeout=300")
    assert run.run("chat", "vllm11", "--complete", "--max-tokens=2", "The").code == 0
    waiting.until("the edge", lambda: client.get("/v1/models").status == 200, admin.world)
