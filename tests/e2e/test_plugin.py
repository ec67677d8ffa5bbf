"""`kubectl vllm` before real vLLM: a talk, its log by request, what servers do, how fast they are, and the cluster's network."""

import json
import re

import pytest

from tests import kubectl, plugin, waiting

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
