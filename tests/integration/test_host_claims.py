"""A host that somebody else's Ingress or HTTPRoute has, on a real API server: the model says so, and has it when it is free."""

import pathlib

import pytest
import yaml

from tests import kubectl, waiting
from tests.integration import conftest

BACKEND = {"service": {"name": "shop", "port": {"number": 80}}}
INGRESS = {
    "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "shop", "namespace": conftest.SHOPS},
    "spec": {"rules": [{
        "host": "ingress.claimed.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]},
    }]},
}  # fmt: skip
ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "shop", "namespace": conftest.SHOPS},
    "spec": {"parentRefs": [{"name": "edge"}], "hostnames": ["httproute.claimed.example"], "rules": [{"backendRefs": [
        {"name": "shop", "port": 80},
    ]}]},
}  # fmt: skip


@pytest.fixture(scope="module")
def admin(served: pathlib.Path, operator: conftest.Operator) -> kubectl.Admin:
    """An admin of a cluster in which the hosts are somebody's."""
    del operator
    found = kubectl.Admin(served)
    found.kubectl("create", "namespace", conftest.SHOPS)
    found.kubectl("apply", f"--namespace={conftest.SHOPS}", "-f", "-", stdin=yaml.safe_dump_all([INGRESS, ROUTE]))
    return found


@pytest.mark.parametrize("kind", ["Ingress", "HTTPRoute"])
def test_a_host_of_somebody_else_is_told_and_taken_over_when_it_is_free(admin: kubectl.Admin, kind: str) -> None:
    name, host = f"claims-{kind.lower()}", f"{kind.lower()}.claimed.example"
    with admin.having(kubectl.model(name, replicas=0, expose={"host": host})):
        waiting.until(
            "a conflict", lambda: admin.condition(name, "Exposed").get("reason") == "HostConflict", admin.world
        )
        assert f"is held by {kind} {conftest.SHOPS}/shop," in admin.condition(name, "Exposed")["message"]
        assert not admin.get("ingress", name)
        assert admin.get("vllm", name)["status"]["url"] == f"http://{name}.default.svc/"
        admin.kubectl("delete", kind, "shop", f"--namespace={conftest.SHOPS}")
        waiting.until("its Ingress", lambda: admin.get("ingress", name), admin.world)
        waiting.until("its URL", lambda: admin.get("vllm", name)["status"]["url"] == f"http://{host}/", admin.world)
