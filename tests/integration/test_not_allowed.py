"""What the allow-lists refuse is not made and not taken down, keys go on, and it heals by itself: on a real API server."""

import base64
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests import kubectl, waiting
from tests.integration import conftest

TEAM = {
    "images": ["registry.example/team/"], "serviceAccounts": ["reader"], "domains": {"default": ["team.example"]},
    "clusterIssuers": ["acme"],
}  # fmt: skip
GOOD = "registry.example/team/vllm:0.32.0"


@pytest.fixture(scope="module")
def admin(served: pathlib.Path, operator: conftest.Operator) -> Iterator[kubectl.Admin]:
    """An admin of a cluster whose operator has allow-lists."""
    operator.set("ALLOW", json.dumps(TEAM))
    yield kubectl.Admin(served)
    operator.set("ALLOW", "{}")


def reason(admin: kubectl.Admin, name: str, kind: str = "Ready") -> str:
    return str(admin.condition(name, kind).get("reason", ""))


def kinds(admin: kubectl.Admin, name: str) -> set[str]:
    return {kind for kind, _ in admin.children(name)}


def apply(admin: kubectl.Admin, name: str, **spec: Any) -> None:
    admin.apply(kubectl.model(name, **{"engine": {"image": GOOD}, "replicas": 0, **spec}))


def test_nothing_runs_of_what_is_not_allowed_until_the_spec_is_mended(admin: kubectl.Admin) -> None:
    apply(admin, "foreign", engine={"image": "registry.example/team-evil/vllm:0.32.0"})
    waiting.until("NotAllowed", lambda: reason(admin, "foreign") == "NotAllowed", admin.world)
    message = admin.condition("foreign")["message"]
    assert "spec.engine.image registry.example/team-evil/vllm:0.32.0" in message
    assert "allow.images: registry.example/team/" in message
    assert kinds(admin, "foreign") == {"Secret", "NetworkPolicy"}
    apply(admin, "foreign")
    waiting.until("its Deployment", lambda: "Deployment" in kinds(admin, "foreign"), admin.world)
    waiting.until("its own state", lambda: reason(admin, "foreign") == "ScaledToZero", admin.world)
    admin.kubectl("delete", "vllm", "foreign")


def test_an_option_that_needs_an_admin_runs_once_it_is_listed_and_goes_on_when_it_is_not(
    admin: kubectl.Admin, operator: conftest.Operator
) -> None:
    apply(admin, "asked", engine={"image": GOOD, "args": ["--kv-transfer-config={}"]})
    waiting.until("NotAllowed", lambda: reason(admin, "asked") == "NotAllowed", admin.world)
    message = admin.condition("asked")["message"]
    assert "spec.engine.args --kv-transfer-config is not in allow.engineArgs: none; it opens ports" in message
    assert kinds(admin, "asked") == {"Secret", "NetworkPolicy"}
    operator.set("ALLOW", json.dumps({**TEAM, "engineArgs": ["--kv-*"]}))
    waiting.until("its own state", lambda: reason(admin, "asked") == "ScaledToZero", admin.world)
    before = admin.get("deployment", "asked")
    operator.set("ALLOW", json.dumps(TEAM))
    waiting.until("NotAllowed again", lambda: reason(admin, "asked") == "NotAllowed", admin.world)
    assert admin.get("deployment", "asked")["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    admin.kubectl("delete", "vllm", "asked")


def test_a_cluster_issuer_that_is_listed_is_looked_for(admin: kubectl.Admin, operator: conftest.Operator) -> None:
    """By an operator of the whole cluster: one of some namespaces may not read what lies in none."""
    operator.set("WATCH_NAMESPACES", "[]")
    issued = {
        "host": "issued.team.example",
        "ingress": {"tls": {"issuerRef": {"name": "acme", "kind": "ClusterIssuer"}}},
    }
    apply(admin, "issued", expose=issued)
    waiting.until("no issuer", lambda: reason(admin, "issued", "Exposed") == "ClusterIssuerNotFound", admin.world)
    assert "ClusterIssuer acme does not exist" in admin.condition("issued", "Exposed")["message"]
    admin.kubectl("delete", "vllm", "issued")
    operator.unset("WATCH_NAMESPACES")


def test_a_host_of_others_gets_no_ingress_and_exposed_says_so(admin: kubectl.Admin) -> None:
    apply(admin, "hosted", expose={"host": "bank.example"})
    waiting.until("NotAllowed", lambda: reason(admin, "hosted", "Exposed") == "NotAllowed", admin.world)
    assert "allow.domains of the namespace default: team.example" in admin.condition("hosted", "Exposed")["message"]
    assert "Ingress" not in kinds(admin, "hosted")
    assert admin.get("vllm", "hosted")["status"]["url"] == "http://hosted.default.svc/"
    apply(admin, "hosted", expose={"host": "hosted.team.example"})
    waiting.until("its Ingress", lambda: "Ingress" in kinds(admin, "hosted"), admin.world)
    apply(admin, "hosted", expose={"host": "bank.example"})
    waiting.until("NotAllowed again", lambda: reason(admin, "hosted", "Exposed") == "NotAllowed", admin.world)
    assert admin.get("ingress", "hosted")["spec"]["rules"][0]["host"] == "hosted.team.example"
    assert admin.get("vllm", "hosted")["status"]["url"] == "http://hosted.team.example/"  # which still serves
    admin.kubectl("delete", "vllm", "hosted")


def test_a_list_tightened_later_takes_nothing_down_and_stops_no_revocation(
    admin: kubectl.Admin, operator: conftest.Operator
) -> None:
    apply(admin, "tight", expose={"host": "tight.team.example"})
    waiting.until("all children", lambda: {"Deployment", "Ingress"} <= kinds(admin, "tight"), admin.world)
    before, key = admin.children("tight"), admin.key("tight")
    operator.set("ALLOW", json.dumps({**TEAM, "images": ["registry.example/other/"], "domains": {"default": []}}))
    waiting.until("NotAllowed", lambda: reason(admin, "tight") == "NotAllowed", admin.world)
    admin.kubectl("delete", "secret", "tight.key.default")
    waiting.until("a new key", lambda: admin.key("tight") not in ("", key), admin.world)

    def guard() -> str:
        return admin.get("secret", "tight.guard")["data"]["routes.yaml"]

    waiting.until("the old key's end", lambda: key not in base64.b64decode(guard()).decode(), admin.world)
    kept = [("Deployment", "tight"), ("ControllerRevision", "tight.template"), ("Ingress", "tight")]
    after = admin.children("tight")
    assert [after[one]["metadata"]["uid"] for one in kept] == [before[one]["metadata"]["uid"] for one in kept]
    assert [after[one].get("spec") for one in kept] == [before[one].get("spec") for one in kept]
    operator.set("ALLOW", json.dumps(TEAM))
    waiting.until("its own state", lambda: reason(admin, "tight") == "ScaledToZero", admin.world)
    assert admin.get("deployment", "tight")["metadata"]["uid"] == before["Deployment", "tight"]["metadata"]["uid"]
    admin.kubectl("delete", "vllm", "tight")


def test_what_only_the_api_server_can_refuse_is_said_and_heals(admin: kubectl.Admin) -> None:
    apply(admin, "odd", resources={"limits": {"cpu": 1}, "requests": {"cpu": 2}})
    waiting.until("WriteRefused", lambda: reason(admin, "odd") == "WriteRefused", admin.world)
    assert "must be less than or equal to cpu limit" in admin.condition("odd")["message"]
    apply(admin, "odd", resources={"limits": {"cpu": 2}, "requests": {"cpu": 1}})
    waiting.until("its own state", lambda: reason(admin, "odd") == "ScaledToZero", admin.world)
    admin.kubectl("delete", "vllm", "odd")


MISSING = {
    "pulled": ({"imagePullSecrets": [{"name": "registry"}]}, "Secret", "registry", ("secret", "generic")),
    "known": ({"serviceAccountName": "reader"}, "ServiceAccount", "reader", ("serviceaccount",)),
}


def test_what_is_missing_is_named_and_its_coming_is_seen(admin: kubectl.Admin) -> None:
    for model, (spec, *_) in MISSING.items():
        apply(admin, model, **spec)
    for model, (_, kind, name, how) in MISSING.items():
        waiting.until(model, lambda model=model, kind=kind: reason(admin, model) == f"{kind}NotFound", admin.world)
        assert f"{kind} {name} does not exist" in admin.condition(model)["message"]
        assert reason(admin, model, "Exposed") == "InCluster"
        admin.kubectl("create", *how, name)
    for model, (_, kind, name, _) in MISSING.items():
        waiting.until("healing", lambda model=model: reason(admin, model) == "ScaledToZero", admin.world, 80)
        admin.kubectl("delete", kind, name)
        admin.kubectl("delete", "vllm", model)


@pytest.mark.parametrize(
    ("field", "kind"),
    [("resourceClaimName", "ResourceClaim"), ("resourceClaimTemplateName", "ResourceClaimTemplate")],
)
def test_a_claim_of_devices_or_a_template_that_is_missing_is_named(admin: kubectl.Admin, field: str, kind: str) -> None:
    apply(admin, "claiming", resources={"claims": [{"name": "gpus"}]}, resourceClaims=[{"name": "gpus", field: "four"}])
    waiting.until(kind, lambda: reason(admin, "claiming") == f"{kind}NotFound", admin.world)
    assert f"{kind} four does not exist" in admin.condition("claiming")["message"]
    admin.kubectl("delete", "vllm", "claiming")
