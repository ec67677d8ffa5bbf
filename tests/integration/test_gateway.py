"""A model behind a Gateway, on a real API server with the Gateway API and without it; a controller is played."""

import itertools
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from dev import contour
from tests import kubectl, waiting
from tests.integration import account, conftest

GATEWAY = {
    "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "edge", "namespace": "default"},
    "spec": {"gatewayClassName": "played", "listeners": [
        {"name": "http", "protocol": "HTTP", "port": 80},
        {"name": "https", "protocol": "HTTPS", "port": 443, "tls": {"certificateRefs": [{"name": "certificate"}]}},
    ]},
}  # fmt: skip
PARENT = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "sectionName": "https"}
GATEWAYS = {"parentRefs": [{"name": "edge"}]}
NUMBERS = itertools.count(1)
CRD = "httproutes.gateway.networking.k8s.io"


@pytest.fixture(scope="module")
def admin(served: pathlib.Path, operator: conftest.Operator) -> kubectl.Admin:
    del operator
    return kubectl.Admin(served)


@pytest.fixture
def vllm(admin: kubectl.Admin) -> Iterator[str]:
    """A model of its own for each test, behind a Gateway that is not there yet."""
    name = f"routed-{next(NUMBERS)}"
    admin.apply(kubectl.model(name, expose={"host": f"{name}.example", "path": "/opt", "gateway": GATEWAYS}))
    yield name
    admin.kubectl("delete", "vllm", name)
    admin.kubectl("delete", "gateway", "edge", "--ignore-not-found")


def exposed(admin: kubectl.Admin, name: str, reason: str) -> str:
    """Wait until Exposed has that reason; return its message."""

    def found() -> dict[str, Any] | None:
        listed = admin.get("vllm", name).get("status", {}).get("conditions", [])
        return next((one for one in listed if one["type"] == "Exposed" and one["reason"] == reason), None)

    return str(waiting.until(f"Exposed={reason}", found, admin.world)["message"])


def carriers(admin: kubectl.Admin, name: str) -> list[str]:
    """Return which kinds carry the model's host."""
    return [kind for kind in ("ingress", "httproute") if admin.get(kind, name)]


def nudge(admin: kubectl.Admin, name: str) -> None:
    """Have the operator look at once, and not when it would have tried again."""
    admin.patch("vllm", name, {"metadata": {"annotations": {"serving.byteshop.in/nudged": "yes"}}})


def answer(admin: kubectl.Admin, name: str, accepted: str, reason: str, message: str) -> None:
    """Say what the Gateway's controller says of the route as it is."""
    generation = admin.get("httproute", name)["metadata"]["generation"]
    base = {"observedGeneration": generation, "lastTransitionTime": "2026-01-01T00:00:00Z"}
    conditions = [
        {"type": "Accepted", "status": accepted, "reason": reason, "message": message, **base},
        {"type": "ResolvedRefs", "status": "True", "reason": "ResolvedRefs", "message": "", **base},
    ]
    parent = {"parentRef": PARENT, "controllerName": "example.com/played", "conditions": conditions}
    patch = json.dumps({"status": {"parents": [parent]}})
    admin.kubectl("patch", "httproute", name, "--subresource=status", "--type=merge", "-p", patch)


def test_a_model_is_routed_and_says_what_its_gateway_says(admin: kubectl.Admin, vllm: str) -> None:
    assert "Gateway default/edge does not exist" in exposed(admin, vllm, "GatewayNotFound")
    admin.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(GATEWAY))
    nudge(admin, vllm)
    exposed(admin, vllm, "GatewaySilent")
    waiting.until(
        "the listener with TLS alone",
        lambda: admin.get("httproute", vllm)["spec"]["parentRefs"] == [PARENT],
        admin.world,
    )
    route = admin.get("httproute", vllm)
    assert carriers(admin, vllm) == ["httproute"]
    assert route["spec"]["rules"][0]["timeouts"] == {"request": "0s"}
    answer(admin, vllm, "False", "NotAllowedByListeners", "no listener takes it")
    assert "allowedRoutes of its listeners" in exposed(admin, vllm, "GatewayRefused")
    answer(admin, vllm, "True", "Accepted", "")
    exposed(admin, vllm, "Exposed")
    assert admin.get("vllm", vllm)["status"]["url"] == f"https://{vllm}.example/opt/"
    assert admin.get("httproute", vllm)["metadata"]["generation"] == route["metadata"]["generation"], (
        "it is written once"
    )


def test_a_route_is_brought_back_to_what_the_spec_says(admin: kubectl.Admin, vllm: str) -> None:
    """Also one that lost the label by which the operator watches, which looks to it as if it were gone."""

    def is_whole() -> bool:
        route = admin.get("httproute", vllm)
        labelled = route.get("metadata", {}).get("labels", {}).get("serving.byteshop.in/model") == vllm
        return (
            labelled and route["spec"]["hostnames"] == [f"{vllm}.example"] and "timeouts" in route["spec"]["rules"][0]
        )

    waiting.until("the route", is_whole, admin.world)
    admin.patch("httproute", vllm, {"spec": {"hostnames": ["evil.example"]}})
    waiting.until("its host", is_whole, admin.world)
    admin.patch("httproute", vllm, {"metadata": {"labels": {"serving.byteshop.in/model": None}}})
    waiting.until("its label", is_whole, admin.world)


def test_an_ingress_takes_the_place_of_a_route_and_the_other_way_round(admin: kubectl.Admin, vllm: str) -> None:

    def is_carried_by(kind: str) -> None:
        waiting.until(f"the {kind} alone", lambda: carriers(admin, vllm) == [kind], admin.world)

    is_carried_by("httproute")
    ingress = {"className": "contour"}
    admin.patch("vllm", vllm, {"spec": {"expose": {"gateway": None, "ingress": ingress}}})
    is_carried_by("ingress")
    waiting.until(
        "its URL", lambda: admin.get("vllm", vllm)["status"]["url"] == f"http://{vllm}.example/opt/", admin.world
    )
    admin.patch("vllm", vllm, {"spec": {"expose": {"gateway": GATEWAYS, "ingress": None}}})
    is_carried_by("httproute")
    waiting.until(
        "its URL", lambda: admin.get("vllm", vllm)["status"]["url"] == f"https://{vllm}.example/opt/", admin.world
    )


def test_without_the_gateway_api_the_model_says_so_and_all_else_goes_on(admin: kubectl.Admin, vllm: str) -> None:
    """The API is uninstalled and installed again while the operator runs."""
    waiting.until("the route", lambda: admin.get("httproute", vllm), admin.world)
    admin.kubectl("delete", "crd", CRD)
    try:
        nowhere = {"host": "elsewhere.example", "gateway": {"parentRefs": [{"name": "nowhere"}]}}
        admin.apply(kubectl.model("unrouted", expose=nowhere))
        assert "does not know HTTPRoute of gateway.networking.k8s.io/v1" in exposed(admin, "unrouted", "KindNotFound")
        assert admin.get("deployment", "unrouted")
        admin.patch("vllm", vllm, {"spec": {"replicas": 2}})
        waiting.until("2 replicas", lambda: admin.get("deployment", vllm)["spec"]["replicas"] == 2, admin.world)
    finally:
        definition = next(one for one in contour.gateway_api() if one["metadata"]["name"] == CRD)
        admin.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump(definition))
        account.await_crds(admin.kubeconfig)
    nudge(admin, "unrouted")
    exposed(admin, "unrouted", "GatewayNotFound")
    waiting.until("the route of before", lambda: admin.get("httproute", vllm), admin.world)
    admin.kubectl("delete", "httproute", "unrouted")
    waiting.until(
        "the route again, as one who watches makes it", lambda: admin.get("httproute", "unrouted"), admin.world
    )
    admin.kubectl("delete", "vllm", "unrouted")
