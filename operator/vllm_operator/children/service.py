"""The Services: one that clients and the Ingress use, one without an address over which the guards count their peers."""

from vllm_operator import guard
from vllm_operator.kube import kinds, naming

PORT = 80


def service(owner: naming.Owner) -> kinds.Object:
    """Return the Service that clients inside the cluster, and the Ingress, reach the guards by."""
    return naming.child(kinds.SERVICE, owner, owner.name, "server", spec={
        "ports": [_port("http", PORT)],
        "selector": naming.selector(owner.name),
        "type": "ClusterIP",
    })  # fmt: skip


def peers(owner: naming.Owner) -> kinds.Object:
    """Return the headless Service whose addresses share the rate limits."""
    return naming.child(kinds.SERVICE, owner, naming.peers(owner.name), "peers", spec={
        "clusterIP": "None",
        "ports": [_port("http", guard.PUBLIC_PORT)],
        "selector": naming.selector(owner.name),
        "type": "ClusterIP",
    })  # fmt: skip


def address(owner: naming.Owner) -> str:
    """Return the model's base URL inside the cluster."""
    return f"http://{owner.name}.{owner.namespace}.svc"


def peers_address(owner: naming.Owner) -> str:
    """Return the DNS name of the headless Service."""
    return f"{naming.peers(owner.name)}.{owner.namespace}.svc"


def _port(name: str, port: int) -> kinds.Object:
    return {"name": name, "port": port, "protocol": "TCP", "targetPort": guard.PUBLIC_PORT}
