"""Clients and the Ingress reach a model's guards by one Service, and the guards count each other by another."""

from vllm_operator.children import service
from vllm_operator.kube import naming

OWNER = naming.Owner("models", "vllm11", "uid")
PODS = {"serving.byteshop.in/model": "vllm11"}


def test_clients_reach_the_guards_public_port_at_port_80() -> None:
    spec = service.service(OWNER)["spec"]
    assert spec["type"] == "ClusterIP"
    assert spec["selector"] == PODS
    assert spec["ports"] == [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8000}]


def test_the_peers_have_no_address_of_their_own_so_their_name_lists_every_guard() -> None:
    child = service.peers(OWNER)
    assert child["metadata"]["name"] == "vllm11-peers"
    assert child["spec"]["clusterIP"] == "None"
    assert child["spec"]["selector"] == PODS
    assert child["spec"]["ports"] == [{"name": "http", "port": 8000, "protocol": "TCP", "targetPort": 8000}]


def test_the_addresses_are_those_that_the_clusters_dns_gives_the_services() -> None:
    assert service.address(OWNER) == "http://vllm11.models.svc"
    assert service.peers_address(OWNER) == "vllm11-peers.models.svc"
