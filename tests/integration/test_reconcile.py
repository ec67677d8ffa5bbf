"""The life of a ModelDeployment on a real API server: made, repaired, scaled, healed, deleted."""

import base64
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests import kubectl, waiting
from tests.integration import conftest

CHILDREN = {
    ("Secret", "{}.key.default"), ("Secret", "{}.guard"), ("ControllerRevision", "{}.template"), ("Deployment", "{}"),
    ("Service", "{}"), ("Service", "{}-peers"), ("Ingress", "{}"), ("NetworkPolicy", "{}"),
}  # fmt: skip


@pytest.fixture(scope="module")
def admin(served: pathlib.Path, operator: conftest.Operator) -> kubectl.Admin:
    del operator
    return kubectl.Admin(served)


@pytest.fixture(scope="module")
def vllm(admin: kubectl.Admin) -> Iterator[str]:
    """A model with all its children, for tests that damage and watch repair."""
    name = "steady"
    admin.apply(kubectl.model(name, expose={"host": "steady.example", "ingress": {"className": "contour"}}))
    waiting.until("all children", lambda: len(admin.children(name)) == len(CHILDREN), admin.world)
    yield name
    admin.kubectl("delete", "vllm", name)


def test_one_apply_makes_every_child(admin: kubectl.Admin, vllm: str) -> None:
    assert set(admin.children(vllm)) == {(kind, name.format(vllm)) for kind, name in CHILDREN}


def test_a_clients_secret_is_all_that_the_openai_sdk_needs(admin: kubectl.Admin, vllm: str) -> None:
    data = {
        name: base64.b64decode(value).decode()
        for name, value in admin.get("secret", f"{vllm}.key.default")["data"].items()
    }
    assert data["OPENAI_API_KEY"].startswith("sk-")
    assert data["OPENAI_BASE_URL"] == "http://steady.example/v1"
    assert data["OPENAI_MODEL"] == "facebook/opt-125m"


EDITS: list[tuple[str, str, Any]] = [
    ("deployment", "{}", {"spec": {"template": {"spec": {"containers": [{"name": "vllm", "image": "evil"}]}}}}),
    ("deployment", "{}", {"spec": {"replicas": 3}}),
    ("deployment", "{}", {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}),
    ("deployment", "{}", {"metadata": {"labels": {"serving.byteshop.in/model": None}}}),
    ("service", "{}", {"spec": {"ports": [{"name": "http", "port": 81, "protocol": "TCP", "targetPort": 9}]}}),
    ("service", "{}", {"spec": {"type": "NodePort"}}),
    ("service", "{}", {"spec": {"selector": {"serving.byteshop.in/model": "other"}}}),
    ("service", "{}-peers", {"spec": {"ports": [{"name": "http", "port": 9, "protocol": "TCP"}]}}),
    ("ingress", "{}", {"spec": {"rules": [{"host": "evil.example"}]}}),
    ("ingress", "{}", {"metadata": {"annotations": {"projectcontour.io/response-timeout": "1s"}}}),
    ("networkpolicy", "{}", {"spec": {"ingress": None}}),
    ("secret", "{}.key.default", {"data": {"OPENAI_API_KEY": base64.b64encode(b"sk-" + b"e" * 43).decode()}}),
    ("secret", "{}.key.default", {"data": {"OPENAI_BASE_URL": None}}),
    ("secret", "{}.guard", {"data": {"routes.yaml": ""}}),
    ("secret", "{}.guard", {"metadata": {"labels": {"serving.byteshop.in/owner": "nobody"}}}),
    ("controllerrevision", "{}.template", {"metadata": {"ownerReferences": None}}),
    ("secret", "{}.key.default", {"metadata": {"ownerReferences": None}}),
    ("service", "{}", {"metadata": {"ownerReferences": None, "labels": {"app.kubernetes.io/name": "x"}}}),
    ("service", "{}-peers", {"metadata": {"labels": None}}),
    ("ingress", "{}", {"metadata": {"labels": None}}),
    ("networkpolicy", "{}", {"metadata": {"labels": None}}),
]


def _owned(obj: dict[str, Any]) -> dict[str, Any]:
    """What an edit may have changed, without what the API server counts."""
    metadata = {name: obj["metadata"].get(name) for name in ("labels", "annotations", "ownerReferences")}
    annotations = {
        name: value for name, value in (metadata["annotations"] or {}).items() if "deployment.kubernetes.io" not in name
    }
    return {"metadata": {**metadata, "annotations": annotations}, **{part: obj.get(part) for part in ("spec", "data")}}


@pytest.mark.parametrize(("kind", "name", "edit"), EDITS)
def test_an_edited_field_is_put_back(admin: kubectl.Admin, vllm: str, kind: str, name: str, edit: Any) -> None:
    child = name.format(vllm)
    before = waiting.until("the child", lambda: admin.get(kind, child))
    admin.patch(kind, child, edit)
    assert before["metadata"]["resourceVersion"] != admin.get(kind, child)["metadata"]["resourceVersion"]
    waiting.until(
        "the repair", lambda: _owned(admin.get(kind, child)) == _owned(before), lambda: (admin.get(kind, child), before)
    )
    assert admin.get(kind, child)["metadata"]["uid"] == before["metadata"]["uid"]


@pytest.mark.parametrize(("kind", "name"), sorted(CHILDREN))
def test_a_deleted_child_comes_back(admin: kubectl.Admin, vllm: str, kind: str, name: str) -> None:
    child = name.format(vllm)
    before = waiting.until("the child", lambda: admin.get(kind, child))
    admin.kubectl("delete", kind, child)
    waiting.until(
        "a new one",
        lambda: admin.get(kind, child).get("metadata", {}).get("uid") not in (None, before["metadata"]["uid"]),
        admin.world,
    )


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in CHILDREN}))
def test_a_copy_of_a_child_is_removed(admin: kubectl.Admin, vllm: str, kind: str) -> None:
    name = next(name.format(vllm) for of, name in sorted(CHILDREN) if of == kind)
    copied = waiting.until("the child", lambda: admin.get(kind, name))
    metadata = {field: copied["metadata"][field] for field in ("labels", "ownerReferences", "namespace")}
    copied["metadata"] = {**metadata, "name": "copied"}
    for address in ("clusterIP", "clusterIPs"):
        copied.get("spec", {}).pop(address, None)
    admin.kubectl("create", "-f", "-", stdin=json.dumps(copied))
    waiting.until("its end", lambda: not admin.get(kind, "copied"), admin.world)
    assert admin.get(kind, name)


def test_deleting_the_clients_secret_makes_a_new_key_and_the_guard_learns_it(admin: kubectl.Admin, vllm: str) -> None:
    old = admin.key(vllm)
    admin.kubectl("delete", "secret", f"{vllm}.key.default")
    waiting.until("a new key", lambda: admin.key(vllm) not in ("", old), admin.world)

    def held() -> str:
        return base64.b64decode(admin.get("secret", f"{vllm}.guard")["data"]["keys.json"]).decode()

    waiting.until("the guard's Secret to hold it", lambda: admin.key(vllm) in held() and old not in held(), admin.world)


def test_a_client_secret_that_lost_its_labels_keeps_its_key(admin: kubectl.Admin, vllm: str) -> None:
    old, name = admin.key(vllm), f"{vllm}.key.default"
    admin.patch("secret", name, {"metadata": {"labels": None}})
    waiting.until("its labels", lambda: admin.get("secret", name)["metadata"].get("labels"), admin.world)
    assert admin.key(vllm) == old


def test_a_pin_that_lost_its_labels_goes_on_holding(admin: kubectl.Admin, vllm: str) -> None:
    before = admin.get("controllerrevision", f"{vllm}.template")
    admin.patch("controllerrevision", f"{vllm}.template", {"metadata": {"labels": None}})
    waiting.until(
        "its labels", lambda: admin.get("controllerrevision", f"{vllm}.template")["metadata"].get("labels"), admin.world
    )
    assert admin.get("controllerrevision", f"{vllm}.template")["metadata"]["uid"] == before["metadata"]["uid"]


def test_scaling_the_model_scales_the_workload_and_is_never_written_back(admin: kubectl.Admin, vllm: str) -> None:
    admin.kubectl("scale", "vllm", vllm, "--replicas=2")
    waiting.until("two servers", lambda: admin.get("deployment", vllm)["spec"]["replicas"] == 2, admin.world)
    admin.kubectl("scale", "deployment", vllm, "--replicas=5")
    waiting.until("two servers again", lambda: admin.get("deployment", vllm)["spec"]["replicas"] == 2, admin.world)
    assert admin.get("vllm", vllm)["spec"]["replicas"] == 2
    admin.kubectl("scale", "vllm", vllm, "--replicas=1")


def test_no_replicas_is_a_state_of_its_own(admin: kubectl.Admin, vllm: str) -> None:
    key = admin.key(vllm)
    admin.kubectl("scale", "vllm", vllm, "--replicas=0")
    waiting.until("ScaledToZero", lambda: admin.condition(vllm).get("reason") == "ScaledToZero", admin.world)
    assert admin.key(vllm) == key
    admin.kubectl("scale", "vllm", vllm, "--replicas=1")
    waiting.until("another state", lambda: admin.condition(vllm).get("reason") != "ScaledToZero", admin.world)


def test_a_missing_certificate_is_named_and_heals(admin: kubectl.Admin) -> None:
    name = "uncertain"
    admin.apply(
        kubectl.model(
            name, expose={"host": "u.example", "ingress": {"className": "contour", "tls": {"secretName": "u-tls"}}}
        )
    )
    waiting.until(
        "SecretNotFound", lambda: admin.condition(name, "Exposed").get("reason") == "SecretNotFound", admin.world
    )
    assert "u-tls" in admin.condition(name, "Exposed")["message"]
    admin.kubectl("create", "secret", "generic", "u-tls")
    waiting.until("healing", lambda: admin.condition(name, "Exposed")["reason"] != "SecretNotFound", admin.world, 90)
    admin.kubectl("delete", "vllm", name)


def test_a_missing_claim_is_named(admin: kubectl.Admin) -> None:
    body = kubectl.model("incomplete")
    body["spec"]["model"]["source"] = "pvc://no-such-claim"
    admin.apply(body)
    reason = "PersistentVolumeClaimNotFound"
    waiting.until(reason, lambda: admin.condition("incomplete").get("reason") == reason, admin.world)
    assert "no-such-claim" in admin.condition("incomplete")["message"]
    admin.kubectl("delete", "vllm", "incomplete")


def test_a_strangers_object_is_named_and_left_alone_until_it_goes(admin: kubectl.Admin) -> None:
    name = "claimed"
    admin.kubectl("create", "service", "clusterip", name, "--tcp=1:1")
    before = admin.get("service", name)
    admin.apply(kubectl.model(name))
    waiting.until("NameTaken", lambda: admin.condition(name).get("reason") == "NameTaken", admin.world)
    assert f"Service {name}" in admin.condition(name)["message"]
    assert admin.get("service", name) == before
    admin.kubectl("delete", "service", name)
    waiting.until("its own Service", lambda: ("Service", name) in admin.children(name), admin.world, 90)
    admin.kubectl("delete", "vllm", name)


def test_a_child_with_a_foreign_addition_keeps_it(admin: kubectl.Admin, vllm: str) -> None:
    admin.patch(
        "service", vllm, {"metadata": {"annotations": {"example.com/theirs": "yes"}, "labels": {"theirs": "yes"}}}
    )
    admin.patch("service", vllm, {"spec": {"type": "NodePort"}})
    waiting.until("the repair", lambda: admin.get("service", vllm)["spec"]["type"] == "ClusterIP", admin.world)
    assert admin.get("service", vllm)["metadata"]["annotations"]["example.com/theirs"] == "yes"


def test_a_restart_writes_nothing(admin: kubectl.Admin, vllm: str, operator: conftest.Operator) -> None:
    before = {
        name: one["metadata"]["resourceVersion"]
        for name, one in admin.children(vllm).items()
        if name[0] != "Deployment"
    }
    assert operator.stop() == 0
    assert "ends part" not in operator.log.read_text()
    operator.restart()
    waiting.until("every model looked at", lambda: operator.metric("vllm_operator_reconciles_total", outcome="ok") >= 1)
    writes = sum(
        operator.metric("vllm_operator_api_calls_total", verb=verb) for verb in ("create", "apply", "patch", "delete")
    )
    after = {
        name: one["metadata"]["resourceVersion"]
        for name, one in admin.children(vllm).items()
        if name[0] != "Deployment"
    }
    assert after == before
    assert writes == 0
    assert operator.metric("vllm_operator_models", condition="Available") >= 1


def test_deleting_the_model_deletes_everything_also_with_the_operator_gone(
    admin: kubectl.Admin, operator: conftest.Operator
) -> None:
    for name, gone in (("brief", False), ("orphan", True)):
        admin.apply(kubectl.model(name))
        waiting.until("children", lambda name=name: len(admin.children(name)) == len(CHILDREN) - 1, admin.world)
        if gone:
            assert operator.stop() == 0
        admin.kubectl("delete", "vllm", name)
        waiting.until("their end", lambda name=name: not admin.children(name), admin.world, 90)
    operator.restart()
