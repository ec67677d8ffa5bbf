"""Clients and the edge reach a model's guards by one Service, and the guards count each other by another."""

import json
from typing import Any

import pytest

from tests.golden import render
from vllm_operator import api, children
from vllm_operator.children import service
from vllm_operator.keys import record
from vllm_operator.kube import naming

OWNER = naming.Owner("models", "vllm11", "uid")
PODS = {"serving.byteshop.in/model": "vllm11"}


def test_clients_reach_the_guards_public_port_at_port_80() -> None:
    child = service.service(OWNER, {})
    assert child["spec"]["type"] == "ClusterIP"
    assert child["spec"]["selector"] == PODS
    assert child["spec"]["ports"] == [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8000}]
    assert "annotations" not in child["metadata"]


def test_the_peers_have_no_address_of_their_own_so_their_name_lists_every_guard() -> None:
    child = service.peers(OWNER)
    assert child["metadata"]["name"] == "vllm11-peers"
    assert child["spec"]["clusterIP"] == "None"
    assert child["spec"]["selector"] == PODS
    assert child["spec"]["ports"] == [{"name": "http", "port": 8000, "protocol": "TCP", "targetPort": 8000}]


def test_the_addresses_are_those_that_the_clusters_dns_gives_the_services() -> None:
    assert service.address(OWNER) == "http://vllm11.models.svc"
    assert service.peers_address(OWNER) == "vllm11-peers.models.svc"


def test_the_specs_annotations_are_on_the_service_that_the_edge_uses_alone() -> None:
    spec = api.Spec.model_validate(
        {"model": {"source": "file:///a"}, "expose": {"serviceAnnotations": {"cloud.google.com/neg": "{}"}}}
    )
    settings = render.SETTINGS.model_copy(
        update={"allow": render.ALLOW.model_copy(update={"service_annotations": ("*",)})}
    )
    services = [one for one in render.decided(OWNER, spec, settings).first if one["kind"] == "Service"]
    found = {one["metadata"]["name"]: one["metadata"].get("annotations") for one in services}
    assert found == {"vllm11": {"cloud.google.com/neg": "{}"}, "vllm11-peers": None}


def test_services_have_every_ip_family_that_the_cluster_has() -> None:
    for child in (service.service(OWNER, {}), service.peers(OWNER)):
        assert child["spec"]["ipFamilyPolicy"] == "PreferDualStack"
        assert "ipFamilies" not in child["spec"]


def listened_on(live: dict[str, Any] | None) -> set[str]:
    """Return the addresses that the guards of a model with that live Service listen on."""
    plan = render.decided(OWNER, api.Spec.model_validate({"model": {"source": "file:///a"}}))
    secret = children.guard_secret(plan, {}, 0, live)
    listeners = json.loads(record.decoded(secret, "bootstrap.yaml"))["static_resources"]["listeners"]
    return {one["address"]["socket_address"]["address"] for one in listeners}


@pytest.mark.parametrize(
    ("families", "address"),
    [(["IPv4"], "0.0.0.0"), (["IPv6"], "::"), (["IPv4", "IPv6"], "::"), (["IPv6", "IPv4"], "::")],
)
def test_guards_listen_on_the_families_that_the_service_was_given(families: list[str], address: str) -> None:
    assert listened_on({"spec": {"ipFamilies": families}}) == {address}


@pytest.mark.parametrize("live", [None, {}, {"spec": {}}])
def test_guards_listen_on_ipv4_where_the_service_does_not_say_its_families(live: dict[str, Any] | None) -> None:
    assert listened_on(live) == {"0.0.0.0"}
