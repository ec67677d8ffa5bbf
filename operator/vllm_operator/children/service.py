"""The Services: one that clients and the edge use, one without an address over which the guards count their peers.

Both have every IP family that the cluster gives to Services, and by them the guards know where to listen.
"""

from collections.abc import Mapping

from vllm_operator import guard
from vllm_operator.kube import kinds, naming

PORT = 80
FAMILIES = "PreferDualStack"
"""IPv4, IPv6 or both, as the cluster has them."""


def service(owner: naming.Owner, annotations: Mapping[str, str]) -> kinds.Object:
    """Return the Service that clients inside the cluster, and the edge, reach the guards by."""
    child = naming.child(kinds.SERVICE, owner, owner.name, "server", spec={
        "ipFamilyPolicy": FAMILIES,
        "ports": [_port("http", PORT)],
        "selector": naming.selector(owner.name),
        "type": "ClusterIP",
    })  # fmt: skip
    if annotations:
        child["metadata"]["annotations"] = dict(annotations)
    return child


def peers(owner: naming.Owner) -> kinds.Object:
    """Return the headless Service whose addresses share the rate limits."""
    return naming.child(kinds.SERVICE, owner, naming.peers(owner.name), "peers", spec={
        "clusterIP": "None",
        "ipFamilyPolicy": FAMILIES,
        "ports": [_port("http", guard.PUBLIC_PORT)],
        "selector": naming.selector(owner.name),
        "type": "ClusterIP",
    })  # fmt: skip


def listening(live: kinds.Object | None) -> str:
    """Return the address that the guards listen on, by the IP families that a live Service was given.

    Only where there is IPv6: a kernel without it cannot listen on an address that is of both families.
    """
    return guard.BOTH if "IPv6" in ((live or {}).get("spec") or {}).get("ipFamilies", ()) else guard.IPV4


def address(owner: naming.Owner) -> str:
    """Return the model's base URL inside the cluster."""
    return f"http://{owner.name}.{owner.namespace}.svc"


def peers_address(owner: naming.Owner) -> str:
    """Return the DNS name of the headless Service."""
    return f"{naming.peers(owner.name)}.{owner.namespace}.svc"


def _port(name: str, port: int) -> kinds.Object:
    return {"name": name, "port": port, "protocol": "TCP", "targetPort": guard.PUBLIC_PORT}
