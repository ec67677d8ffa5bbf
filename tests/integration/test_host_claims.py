"""A host that somebody else's Ingress or HTTPRoute has, on a real API server: the model says so, and has it when it is free."""

import pathlib
from typing import Any

import pytest
import yaml

from tests import kubectl, waiting
from tests.integration import conftest

BACKEND = {"service": {"name": "shop", "port": {"number": 80}}}
INGRESS = {
    "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "shop", "namespace": "claims-shop"},
    "spec": {"rules": [{
        "host": "claimed.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]},
    }]},
}  # fmt: skip
ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "shop", "namespace": "claims-shop"},
    "spec": {"parentRefs": [{"name": "edge"}], "hostnames": ["claimed.example"], "rules": [{"backendRefs": [
        {"name": "shop", "port": 80},
    ]}]},
}  # fmt: skip


@pytest.fixture(scope="module")
def admin(served: pathlib.Path, operator: conftest.Operator) -> kubectl.Admin:
    del operator
    return kubectl.Admin(served)


@pytest.mark.parametrize("foreign", [INGRESS, ROUTE], ids=["Ingress", "HTTPRoute"])
def test_a_host_of_somebody_else_is_told_and_taken_over_when_it_is_free(
    admin: kubectl.Admin, foreign: dict[str, Any]
) -> None:
    name = f"claims-{foreign['kind'].lower()}"
    admin.kubectl("create", "namespace", "claims-shop", check=False)
    admin.kubectl("apply", "--namespace=claims-shop", "-f", "-", stdin=yaml.safe_dump(foreign))
    admin.apply(kubectl.model(name, replicas=0, expose={"host": "claimed.example"}))
    waiting.until("a conflict", lambda: admin.condition(name, "Exposed").get("reason") == "HostConflict", admin.world)
    assert f"is held by {foreign['kind']} claims-shop/shop," in admin.condition(name, "Exposed")["message"]
    assert not admin.get("ingress", name)
    assert admin.get("vllm", name)["status"]["url"] == f"http://{name}.default.svc/"
    admin.kubectl("delete", foreign["kind"], "shop", "--namespace=claims-shop")
    waiting.until("its Ingress", lambda: admin.get("ingress", name), admin.world)
    waiting.until("its URL", lambda: admin.get("vllm", name)["status"]["url"] == "http://claimed.example/", admin.world)
    admin.kubectl("delete", "vllm", name)
    admin.kubectl("delete", "ingress", name, "--ignore-not-found")
