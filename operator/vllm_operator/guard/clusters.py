"""What a guard connects to: vLLM and Envoy's own administration in this pod, and the guards of the model's other pods.

Knows: how Envoy connects. Must not: hold back requests from vLLM; its queue decides how many it takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vllm_operator.guard import bounds, proto

if TYPE_CHECKING:
    from vllm_operator.guard.site import Site

ENGINE, PROBE, ADMIN, PEERS = "vllm", "probe", "admin", "guards"
"""Names of clusters: vLLM for clients, vLLM for probes, Envoy's administration, and all guards of the model."""

_ENGINE_IDLE = "3s"
"""Less than the 5 s of vLLM's server, which would else close a connection while a request is on its way."""
_UNBOUNDED = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests"), 65536)
"""Above what a guard's listeners let in."""


def clusters(site: Site, peers: str) -> list[proto.Json]:
    """Return all clusters; `peers` is the DNS name of the headless Service with the guards of the model."""
    engine = socket(site.engine_address, site.engine_port)
    return [
        _in_this_pod(ENGINE, engine),
        _in_this_pod(PROBE, engine),
        _in_this_pod(ADMIN, admin_socket(site)),
        _peers(peers, site.public_port),
    ]


def socket(address: str, port: int) -> proto.Json:
    """Return a TCP address."""
    return {"socket_address": {"address": address, "port_value": port}}


def admin_socket(site: Site) -> proto.Json:
    """Return the address of Envoy's administration, a Unix socket that the guard's user alone may open."""
    return {"pipe": {"path": f"{site.run_directory}/admin.sock", "mode": 0o600}}


def _in_this_pod(name: str, address: proto.Json) -> proto.Json:
    protocol = proto.typed("extensions.upstreams.http.v3.HttpProtocolOptions") | {
        "common_http_protocol_options": {"idle_timeout": _ENGINE_IDLE},
        "explicit_http_config": {"http_protocol_options": {}},
    }
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "per_connection_buffer_limit_bytes": bounds.BUFFER,
        "circuit_breakers": {"thresholds": [_UNBOUNDED]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocol},
        "load_assignment": _members(name, address),
    }


def _peers(name: str, port: int) -> proto.Json:
    """Return Envoy's local cluster, whose number of members divides the limits.

    It has addresses of one family, since a pod of a dual-stack cluster would else count twice.
    """
    dns = proto.typed("extensions.clusters.dns.v3.DnsCluster") | {
        "dns_lookup_family": "V4_PREFERRED",
        "dns_refresh_rate": "5s",
    }
    return {
        "name": PEERS,
        "cluster_type": {"name": "envoy.cluster.dns", "typed_config": dns},
        "wait_for_warm_on_init": False,  # a guard starts without DNS too
        "load_assignment": _members(PEERS, socket(name, port)),
    }


def _members(cluster: str, address: proto.Json) -> proto.Json:
    return {"cluster_name": cluster, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]}
