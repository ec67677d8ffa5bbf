"""The guard's two ports: the public one for clients, and the private one for probes and metrics.

Knows: Envoy's listeners, and how many connections of what kind they take. Must not: hold a key or a client.
"""

from __future__ import annotations

import functools
import socket
from typing import TYPE_CHECKING

from vllm_operator.guard import clusters, filters, keyed, proto, replies, routes, watch
from vllm_operator.guard.site import BOTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vllm_operator.guard.site import Site

LIVE, READY, ALIVE, METRICS, STATS = "/healthz", "/ready", "/alive", watch.METRICS, "/stats/prometheus"
"""The paths of the private port: Envoy's health, vLLM's health, whether vLLM moves on, vLLM's metrics, Envoy's statistics."""
ALIVE_HEADER = ("x-probe", "alive")
"""With it READY is answered as ALIVE is. So the kubelet asks, for a guard that an earlier operator configured answers ALIVE with
404, and passes over a header that it does not know."""
MAX_PRIVATE_CONNECTIONS = 256
"""Connections to the private port at a time. It asks for no key, and each may leave some 100 KiB of statistics unread."""
_PROBE_TIMEOUT = f"{watch.FOR_ALL - watch.FOR_STATS}s"
KEPT_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 6),
)
"""Level, name and value of socket options, in Linux's numbers: in a silent answer each side hears of the other every minute, so
that nothing between them forgets the connection, and a caller that is gone is noticed after four minutes."""


def public(site: Site, routes_file: str, counters: Sequence[proto.Json]) -> proto.Json:
    """Return the listener of clients. It takes up each change of `routes_file`, and writes to the access loggers `counters`."""
    source = {"path_config_source": {"path": routes_file, "watched_directory": {"path": site.directory}}}
    manager = _manager("public") | {
        "rds": {"route_config_name": routes.NAME, "config_source": {"resource_api_version": "V3", **source}},
        "http_filters": [filters.lua(), filters.limiter(), filters.router()],
        "local_reply_config": replies.local_replies(),
        "access_log": [filters.log(), *counters],
        "request_timeout": "120s",  # until the request is whole; the answer may take as long as it takes
        "stream_idle_timeout": "600s",
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
    }
    return _listener("public", site.address, site.public_port, [_http(manager)]) | {
        "socket_options": [_option(*option) for option in KEPT_ALIVE]
    }


@functools.lru_cache(maxsize=8)
def private(site: Site) -> proto.Json:
    """Return the listener of probes and metrics. It needs no key: it only reads, and soon closes what does not read."""
    hosts = [{"name": "private", "domains": ["*"], "routes": _private_routes()}]
    manager = _impatient(_manager("private")) | {
        "route_config": {"name": "private", "virtual_hosts": hosts},
        "http_filters": [watch.lua(), filters.router()],
    }
    return _listener("private", site.address, site.private_port, [_connection_limit(), _http(manager)]) | {
        "ignore_global_conn_limit": True,  # probes pass while the public port is full
        "per_connection_buffer_limit_bytes": 16384,
    }


def _private_routes() -> list[proto.Json]:
    probe = {"cluster": clusters.PROBE, "timeout": _PROBE_TIMEOUT}
    health = {"route": {**probe, "prefix_rewrite": routes.HEALTH}}
    stats = {"cluster": clusters.ADMIN, "prefix_rewrite": f"{STATS}?text_readouts", "timeout": _PROBE_TIMEOUT}
    return [
        {"match": _exactly(LIVE), "direct_response": {"status": 200, "body": {"inline_string": "ok\n"}}},
        {"match": _exactly(ALIVE), **health, **_told(probe="alive")},
        {"match": _exactly(READY, **dict([ALIVE_HEADER])), **health, **_told(probe="alive")},
        {"match": _exactly(READY), **health, **_told(probe="ready")},
        {"match": _exactly(METRICS), "route": probe},
        {"match": _exactly(STATS), "route": stats, **_told(stalls=True)},
        {"match": {"prefix": "/"}, "direct_response": {"status": 404}},
    ]


def _told(**facts: object) -> proto.Json:
    """Return what the watch reads of a route."""
    return {"metadata": {"filter_metadata": {keyed.METADATA: facts}}}


def _exactly(path: str, **more: str) -> proto.Json:
    """Match a GET of the path without a query: Envoy's header `:path` has the query, its path match has not."""
    expected = {":method": "GET", ":path": path, **more}
    headers = [{"name": name, "string_match": {"exact": value}} for name, value in expected.items()]
    return {"path": path, "headers": headers}


def _impatient(manager: proto.Json) -> proto.Json:
    """Return the manager with bounds for connections that ask or read nothing, or they would keep probes out."""
    bounds = {"idle_timeout": "15s", "max_connection_duration": "60s"}
    return manager | {
        "request_timeout": "12s",
        "stream_idle_timeout": "12s",  # above _PROBE_TIMEOUT
        "common_http_protocol_options": manager["common_http_protocol_options"] | bounds,
    }


def _connection_limit() -> proto.Json:
    limit = {"stat_prefix": "private", "max_connections": MAX_PRIVATE_CONNECTIONS}
    config = proto.typed("extensions.filters.network.connection_limit.v3.ConnectionLimit") | limit
    return {"name": "envoy.filters.network.connection_limit", "typed_config": config}


def _manager(name: str) -> proto.Json:
    """Return what both ports share: HTTP/1.1 alone, paths as they were sent."""
    return proto.typed("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager") | {
        "stat_prefix": name,
        "codec_type": "HTTP1",
        "use_remote_address": True,
        "normalize_path": False,
        "merge_slashes": False,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "max_request_headers_kb": 32,
        "request_headers_timeout": "10s",
        "common_http_protocol_options": {"headers_with_underscores_action": "DROP_HEADER", "max_headers_count": 100},
    }


def _option(level: int, name: int, value: int) -> proto.Json:
    """Return an option of the listening socket, which every connection inherits."""
    return {"level": level, "name": name, "int_value": value, "state": "STATE_PREBIND"}


def _http(manager: proto.Json) -> proto.Json:
    return {"name": "http", "typed_config": manager}


def _everywhere(address: str, port: int) -> proto.Json:
    """Return the address to listen on; one of IPv6 takes IPv4 too, where it stands for every address."""
    found = clusters.socket(address, port)
    if address == BOTH:
        found["socket_address"]["ipv4_compat"] = True
    return found


def _listener(name: str, address: str, port: int, network_filters: list[proto.Json]) -> proto.Json:
    return {
        "name": name,
        "address": _everywhere(address, port),
        "enable_reuse_port": False,  # true by default: a process of the engine could listen there too, and read keys
        "per_connection_buffer_limit_bytes": 262144,
        "filter_chains": [{"filters": network_filters}],
    }
