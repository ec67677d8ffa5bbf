"""`kubectl vllm` on a real API server with a real operator: keys, and what wakes, sleeps and is read of a model."""

import base64
import json
import pathlib
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests import kubectl, plugin, waiting
from tests.integration import account, conftest

NAME = "plugged"
BROUGHT = "sk-" + "v" * 40


@pytest.fixture(scope="module")
def admin(served: pathlib.Path, operator: conftest.Operator) -> Iterator[kubectl.Admin]:
    """An admin of a model with the implied client."""
    del operator
    admin = kubectl.Admin(served)
    admin.apply(kubectl.model(NAME))
    waiting.until("a key", lambda: admin.key(NAME), admin.world)
    waiting.until("its client", lambda: admin.get("vllm", NAME).get("status", {}).get("clients"), admin.world)
    yield admin
    admin.kubectl("delete", "vllm", NAME)


@pytest.fixture(scope="module")
def run(admin: kubectl.Admin, tmp_path_factory: pytest.TempPathFactory) -> plugin.Plugin:
    return plugin.Plugin(admin.kubeconfig, "default", tmp_path_factory.mktemp("plugin"))


def test_status_has_reason_message_servers_keys_weights_and_scaling_on_one_screen(
    admin: kubectl.Admin, run: plugin.Plugin
) -> None:
    scaler = {"scaleTargetRef": {"apiVersion": "serving.byteshop.in/v1alpha1", "kind": "ModelDeployment", "name": NAME}}
    body = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "watcher"}}
    admin.apply({**body, "spec": {**scaler, "minReplicas": 1, "maxReplicas": 4}})
    ready = waiting.until("Ready", lambda: admin.condition(NAME), admin.world)
    said = run.told("status", NAME)
    assert said.startswith(f"{NAME} in default: {ready['reason']}\n  {ready['message']}")
    assert "0 of 1 answer" in said
    assert f"default: version 1, on 0 of 0 servers   Secret {NAME}.key.default" in said
    assert "file:///models/facebook/opt-125m" in said
    assert "HorizontalPodAutoscaler watcher: 1 to 4" in said
    assert admin.key(NAME) not in said
    assert len(said.splitlines()) <= 24
    admin.kubectl("delete", "hpa", "watcher")


def test_without_a_name_status_lists_all_models(run: plugin.Plugin) -> None:
    head, *rows = run.told("status").splitlines()
    assert head.split() == ["MODEL", "STATUS", "SERVERS", "URL"]
    assert NAME in [row.split()[0] for row in rows if row]


def test_key_prints_the_key_alone_or_what_a_shell_needs(admin: kubectl.Admin, run: plugin.Plugin) -> None:
    assert run.told("key", NAME) == f"{admin.key(NAME)}\n"
    script = f'{run.told("key", NAME, "--env")}\nprintf "%s %s" "$OPENAI_API_KEY" "$OPENAI_MODEL"'
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert shell.stdout == f"{admin.key(NAME)} facebook/opt-125m"
    assert "has no client nobody with a key" in run.refusal("key", NAME, "nobody")


def test_rotate_gives_a_new_key_that_overlaps_and_revoke_one_that_does_not(
    admin: kubectl.Admin, run: plugin.Plugin
) -> None:
    old = admin.key(NAME)
    said = run.run("rotate", NAME)
    assert said.code == 0, said
    assert "key version 2; the one before is accepted for 1h longer" in said.out
    assert "Write keyVersion: 2 into the model's manifest" in said.err
    new = admin.key(NAME)
    assert new != old
    waiting.until("both keys at the guards", lambda: {old, new} <= _accepted(admin), admin.world)
    assert admin.get("vllm", NAME)["spec"]["access"]["clients"] == [{"name": "default", "keyVersion": 2}]
    assert "All keys of default are revoked" in run.told("rotate", NAME, "--revoke")
    waiting.until("the newest alone", lambda: _accepted(admin) == {admin.key(NAME)}, admin.world)
    assert admin.key(NAME) not in (old, new)


def test_rotate_takes_one_client_of_many_and_says_where_a_brought_key_is_rotated(
    admin: kubectl.Admin, run: plugin.Plugin
) -> None:
    clients = [{"name": "a"}, {"name": "b", "keyVersion": 5}, {"name": "c", "keySecretRef": {"name": "vault"}}]
    admin.apply(kubectl.model("many", access={"clients": clients}))
    waiting.until("keys", lambda: admin.key("many", "a") and admin.key("many", "b"), admin.world)
    kept = admin.key("many", "a")
    assert "b of many gets key version 6" in run.told("rotate", "many", "b")
    assert admin.key("many", "a") == kept
    assert [one.get("keyVersion") for one in admin.get("vllm", "many")["spec"]["access"]["clients"]] == [None, 6, None]
    assert "write the new one into Secret vault" in run.refusal("rotate", "many", "c")
    assert "has no client d: a, b, c" in run.refusal("rotate", "many", "d")
    admin.kubectl("delete", "vllm", "many")


def test_sleep_and_wake_go_through_the_scale_subresource_with_no_other_right(
    admin: kubectl.Admin, tmp_path: pathlib.Path
) -> None:
    scaler = plugin.Plugin(_account(admin, tmp_path, "scaler", "modeldeployments/scale"), "default", tmp_path / "bin")
    admin.kubectl("scale", "vllm", NAME, "--replicas=3")
    assert f"{NAME} goes to sleep" in scaler.told("sleep", NAME)
    assert admin.get("vllm", NAME)["spec"]["replicas"] == 0
    waiting.until("sleep", lambda: admin.condition(NAME)["reason"] == "ScaledToZero", admin.world)
    assert "ScaledToZero" in scaler.told("status", NAME)
    assert f"{NAME} wakes; servers: 2" in scaler.told("wake", NAME, "--no-wait", "--replicas=2")
    assert admin.get("vllm", NAME)["spec"]["replicas"] == 2
    assert "is awake: spec.replicas is 2" in scaler.told("wake", NAME, "--no-wait")
    assert f"kubectl vllm why {NAME}" in scaler.refusal("wake", NAME, "--timeout=1")
    assert "orbidden" in scaler.refusal("rotate", NAME)
    assert "orbidden" in scaler.refusal("key", NAME)
    admin.kubectl("scale", "vllm", NAME, "--replicas=1")


def test_why_has_the_schedulers_words_warnings_and_what_to_look_at(admin: kubectl.Admin, run: plugin.Plugin) -> None:
    waiting.until("one pod", lambda: len(_pods(admin)) == 1, admin.world)
    pod = _pods(admin)[0]
    words = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
    status = {"status": {"conditions": [condition]}}
    admin.kubectl("patch", "pod", pod, "--subresource=status", "-p", json.dumps(status))
    waiting.until("Unschedulable", lambda: admin.condition(NAME).get("reason") == "Unschedulable", admin.world)
    about = {"apiVersion": "v1", "kind": "Pod", "name": pod, "namespace": "default"}
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "odd"},
        "involvedObject": about,
        "type": "Warning",
    }
    told = {"reason": "FailedAttach", "message": "no such disk", "lastTimestamp": "2026-11-28T12:00:00Z"}
    admin.kubectl("create", "-f", "-", stdin=json.dumps({**event, **told}))
    said = run.told("why", NAME)
    assert said.startswith(f"{NAME}: Unschedulable\n  {admin.condition(NAME)['message']}")
    assert f"not scheduled: {words}" in said
    assert "FailedAttach: no such disk" in said
    assert f"kubectl describe pod {pod}\n  kubectl vllm fit {NAME}" in said


def test_no_key_was_ever_an_argument(admin: kubectl.Admin, run: plugin.Plugin) -> None:
    lines = run.log.read_text()
    assert "get " in lines
    assert admin.key(NAME) not in lines
    assert "sk-" not in lines


def _accepted(admin: kubectl.Admin) -> set[str]:
    """The keys that the guards' Secret lets in."""
    data = admin.get("secret", f"{NAME}.guard")["data"]
    return set(re.findall("sk-[A-Za-z0-9_-]+", base64.b64decode(data["keys.json"]).decode()))


def _pods(admin: kubectl.Admin) -> list[str]:
    return admin.kubectl(
        "get", "pods", "-l", f"serving.byteshop.in/model={NAME}", "-o", "jsonpath={.items[*].metadata.name}"
    ).split()


def _account(admin: kubectl.Admin, directory: pathlib.Path, name: str, resource: str) -> pathlib.Path:
    """Make an account that may read models, and update one of their resources."""
    admin.kubectl("create", "serviceaccount", name)
    admin.kubectl("create", "role", name, "--verb=get,list", "--resource=modeldeployments.serving.byteshop.in")
    admin.kubectl("create", "rolebinding", name, f"--role={name}", f"--serviceaccount=default:{name}")
    rule = {"apiGroups": ["serving.byteshop.in"], "resources": [resource], "verbs": ["get", "patch", "update"]}
    admin.patch("role", name, [{"op": "add", "path": "/rules/-", "value": rule}], "json")
    config = json.loads(admin.kubeconfig.read_text())
    token = account.kubectl(admin.kubeconfig, "create", "token", name, "--namespace=default").strip()
    path = directory / "kubeconfig"
    path.write_text(json.dumps({**config, "users": [{"name": config["users"][0]["name"], "user": {"token": token}}]}))
    return path
