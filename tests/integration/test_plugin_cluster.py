"""`kubectl vllm` where no operator looks: doctor, fit, completion, and what somebody else wrote into a status."""

import asyncio
import contextlib
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests import fake_hub, kubectl, plugin
from tests.integration import account

SPACE = "plugin"
CONFIG = {
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096,
    "max_position_embeddings": 8192,
}  # fmt: skip
GPU = {"limits": {"nvidia.com/gpu": 1}}


@pytest.fixture(scope="module")
def admin(served: pathlib.Path) -> Iterator[kubectl.Admin]:
    admin = kubectl.Admin(served, SPACE)
    admin.kubectl("create", "namespace", SPACE)
    apply(admin, "alone", resources=GPU)
    yield admin
    admin.kubectl("delete", "namespace", SPACE, "--wait=false")


@pytest.fixture(scope="module")
def run(admin: kubectl.Admin, tmp_path_factory: pytest.TempPathFactory) -> plugin.Plugin:
    return plugin.Plugin(admin.kubeconfig, SPACE, tmp_path_factory.mktemp("plugin"))


def apply(admin: kubectl.Admin, name: str, **spec: Any) -> None:
    admin.apply({**kubectl.model(name, **spec), "metadata": {"name": name}})


def test_a_model_that_no_operator_looks_at_is_told_as_such(run: plugin.Plugin) -> None:
    words = (
        "no operator has acted on generation 1 of the spec (on none so far): is it running? `kubectl vllm doctor` looks"
    )
    assert run.told("status", "alone").startswith(f"alone in {SPACE}: NoStatus\n  {words}\n")
    assert words in run.told("why", "alone")
    assert "kubectl vllm doctor" in run.told("why", "alone")
    assert f"alone: {words}" in run.told("status")
    assert "not found" in run.refusal("status", "nobody").lower()


def test_no_terminal_obeys_what_somebody_wrote_into_a_status(admin: kubectl.Admin, run: plugin.Plugin) -> None:
    apply(admin, "hostile")
    condition = {
        "type": "Ready",
        "status": "False",
        "reason": "EngineFailed",
        "message": "\x1b]0;owned\x07\x1b[2J\u009b1m",
    }
    condition["lastTransitionTime"] = "2026-11-28T12:00:00Z"
    status = {"status": {"observedGeneration": 1, "conditions": [condition]}}
    admin.kubectl("patch", "vllm", "hostile", "--subresource=status", "--type=merge", "-p", json.dumps(status))
    for command in ("status", "why"):
        said = run.told(command, "hostile")
        assert "owned" in said
        assert not {"\x1b", "\x07", "\u009b"} & set(said)


@pytest.fixture
def operator_deployment(admin: kubectl.Admin) -> Iterator[dict[str, Any]]:
    """A Deployment as the chart writes it for a release that watches everything, in the namespace of the real account."""
    written = account.release(account.NAMESPACE, {"expose": {"ingressClass": "contour"}, "replicas": 1})
    body = next(one for one in written if one["kind"] == "Deployment")
    body["spec"]["replicas"] = 0  # nothing runs pods here
    yield body
    kubectl.Admin(admin.kubeconfig, account.NAMESPACE).kubectl("delete", "deployment", body["metadata"]["name"])


def test_doctor_finds_what_is_missing_and_what_the_operators_account_may_not_do(
    admin: kubectl.Admin, run: plugin.Plugin, operator_deployment: dict[str, Any]
) -> None:
    said = run.run("doctor")
    assert said.code == 1, said
    found = {line[4:21].strip(): (line[:3].strip(), line[22:]) for line in said.out.splitlines()}
    assert found["operator"] == ("BAD", f"none watches namespace {SPACE}: install the chart, or set watchNamespaces")
    assert found["CRD"][0] == found["Kubernetes"][0] == "ok"
    assert "contour" in found["ingress classes"][1]
    assert found["NetworkPolicies"][0] == "?"
    assert found["your rights"] == ("ok", "all commands may be used here")
    home = kubectl.Admin(admin.kubeconfig, account.NAMESPACE)
    home.apply(operator_deployment)
    own = run.run("doctor").out
    assert "ok  operator's rights" in own
    assert "may not" not in own
    operator_deployment["metadata"]["labels"].pop("app.kubernetes.io/part-of")  # as charts before have it
    operator_deployment["spec"]["template"]["spec"]["serviceAccountName"] = "default"
    home.apply(operator_deployment)
    others = run.run("doctor").out
    assert (
        "BAD operator's rights default may not get, list, watch modeldeployments; patch modeldeployments/status"
        in others
    )
    assert "-   operator's rights default may not get ingressclasses" in others


def test_doctor_says_what_whoever_asks_may_not_do(admin: kubectl.Admin, tmp_path: pathlib.Path) -> None:
    token = account.kubectl(admin.kubeconfig, "create", "token", "default", f"--namespace={SPACE}").strip()
    config = json.loads(admin.kubeconfig.read_text())
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps({**config, "users": [{"name": config["users"][0]["name"], "user": {"token": token}}]}))
    said = plugin.Plugin(path, SPACE, tmp_path / "bin").run("doctor").out
    assert "you may not get secrets here, which these need: key, chat, bench" in said
    assert "?   operator          you may not list Deployments of all namespaces" in said


def test_fit_counts_what_the_hub_and_the_nodes_say(
    admin: kubectl.Admin, run: plugin.Plugin, tmp_path: pathlib.Path
) -> None:
    assert "no node that the model may run on has 1 nvidia.com/gpu" in run.told("fit", "alone")
    config = tmp_path / "config.json"
    config.write_text(json.dumps(CONFIG))
    known = (f"--config={config}", "--weights=16Gi")
    with _node(admin, {"nvidia.com/gpu.memory": "81559"}):
        assert run.told("fit", "alone", *known).startswith("alone: fits\n")
        assert run.told("fit", "alone").startswith("alone: cannot tell\n")
        assert run.told("fit", "alone", f"--config={config}", "--weights=80Gi").startswith("alone: does not fit\n")
    with _node(admin, {}):
        said = run.told("fit", "alone", *known)
        assert said.startswith("alone: cannot tell\n")
        assert "give --memory" in said
        assert run.told("fit", "alone", *known, "--memory=80Gi").startswith("alone: fits\n")


async def test_fit_reads_a_manifest_and_asks_the_hub(run: plugin.Plugin, tmp_path: pathlib.Path) -> None:
    repository = tmp_path / "hub" / "org" / "large"
    repository.mkdir(parents=True)
    (repository / "config.json").write_text(json.dumps(CONFIG))
    for number in range(4):
        (repository / f"model-{number}.safetensors").write_bytes(b"x" * 1000)
    manifest = tmp_path / "model.yaml"
    body = kubectl.model("planned", resources=GPU, model={"source": "hf://org/large"})
    manifest.write_text(json.dumps({**body, "metadata": {"name": "planned"}}))
    hub = fake_hub.Hub(tmp_path / "hub")
    async with hub.serving() as url:
        asked = ("fit", "-f", str(manifest), f"--hub={url}", "--memory=80Gi")
        said = await asyncio.to_thread(run.told, *asked, HF_TOKEN=fake_hub.GOOD)
    assert said.startswith("planned: fits\n")
    assert "3.9 KiB   4 files *.safetensors of org/large at" in said
    assert "128.0 KiB a token" in said
    assert {token for _, _, token in hub.seen} == {f"Bearer {fake_hub.GOOD}"}


@contextlib.contextmanager
def _node(admin: kubectl.Admin, labels: dict[str, str]) -> Iterator[None]:
    """Have a node with one accelerator for as long as the block lasts."""
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "gpu-1", "labels": labels}}
    admin.kubectl("create", "-f", "-", stdin=json.dumps(body))
    offers = {"status": {"allocatable": {"nvidia.com/gpu": "1", "memory": "64Gi"}}}
    admin.kubectl("patch", "node", "gpu-1", "--subresource=status", "--type=merge", "-p", json.dumps(offers))
    yield
    admin.kubectl("delete", "node", "gpu-1")


def test_kubectls_own_completion_offers_commands_models_and_clients(admin: kubectl.Admin, run: plugin.Plugin) -> None:
    assert admin
    run.complete_by(run.told("completion"))

    def offered(*words: str) -> list[str]:
        return run.kubectl("__complete", "vllm", *words).out.splitlines()[:-1]

    assert {"status", "why", "chat"} <= set(offered(""))
    assert offered("status", "-n", SPACE, "al") == ["alone"]
    assert SPACE in offered("status", "-n", "")
    assert offered("key", "-n", SPACE, "alone", "") == ["default"]
    assert "--revoke" in offered("rotate", "--r")
