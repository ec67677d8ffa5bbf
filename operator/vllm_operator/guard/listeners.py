"""The guard's two ports: the public one for clients, and the private one for probes and metrics.

Knows: Envoy's listeners, and how many connections of what kind they take. Must not: hold a key or a client.
"""

from __future__ import annotations

import functools
import socket
from typing import TYPE_CHECKING

from vllm_operator.guard import bounds, clusters, filters, keyed, proto, replies, routes, watch
from vllm_operator.guard.site import BOTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vllm_operator.guard.site import Site

LIVE, READY, ALIVE, METRICS, STATS = "/healthz", "/ready", "/alive", watch.METRICS, "/stats/prometheus"
"""The paths of the private port: Envoy's health, vLLM's health, whether vLLM moves on, vLLM's metrics, Envoy's statistics."""
ALIVE_HEADER = ("x-probe", "alive")
"""With it READY is answered as ALIVE is. So the kubelet asks, for a guard that an earlier operator configured answers ALIVE with
404, and passes over a header that it does not know."""
_PROBE_TIMEOUT = f"{watch.FOR_ALL - watch.FOR_STATS}s"
SOCKET_OPTIONS = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.SOL_SOCKET, socket.SO_SNDBUF, bounds.SEND_BUFFER),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 6),
)
"""Level, name and value of socket options, in Linux's numbers: in a silent answer each side hears of the other every minute, so
that nothing between them forgets the connection, and a caller that is gone is noticed after four minutes. And the bytes that may
wait for a caller who does not read."""


def public(site: Site, routes_file: str, counters: Sequence[proto.Json], passed: Sequence[proto.Json]) -> proto.Json:
    """Return the listener of clients. It takes up each change of `routes_file`, and writes to the access loggers `counters`.

    `passed`: the filters that a request passes.
    """
    source = {"path_config_source": {"path": routes_file, "watched_directory": {"path": site.directory}}}
    common = _manager("public")
    manager = common | {
        "rds": {"route_config_name": routes.NAME, "config_source": {"resource_api_version": "V3", **source}},
        "http_filters": list(passed),
        "local_reply_config": replies.local_replies(),
        "access_log": [filters.log(), *counters],
        "request_timeout": "120s",  # until the request is whole; the answer may take as long as it takes
        "stream_idle_timeout": "20s",  # where no key has opened another one, by the route
        "common_http_protocol_options": common["common_http_protocol_options"] | {"idle_timeout": "55s"},
        "proxy_100_continue": True,  # else Envoy would ask for a body that nobody takes
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
    }
    return _listener("public", site.address, site.public_port, manager) | {
        **bounds.silence(15),
        "socket_options": [_option(*option) for option in SOCKET_OPTIONS],
    }


@functools.lru_cache(maxsize=8)
def private(site: Site) -> proto.Json:
    """Return the listener of probes and metrics. It needs no key: it only reads, and soon closes what does not read."""
    hosts = [{"name": "private", "domains": ["*"], "routes": _private_routes()}]
    manager = _impatient(_manager("private")) | {
        "route_config": {"name": "private", "virtual_hosts": hosts},
        "http_filters": [watch.lua(), filters.questions(), filters.router()],
    }
    return _listener("private", site.address, site.private_port, manager, bounds.questions()) | {
        **bounds.silence(3),
        "bypass_overload_manager": True,  # probes pass while the public port is full
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
        {"match": _exactly(METRICS), "route": probe, **filters.at_most(5, 20)},
        {"match": _exactly(STATS), "route": stats, **_told(stalls=True), **filters.at_most(50, 100)},
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
    """Return the manager with bounds for connections that ask or read nothing, or they would keep probes out.

    Nobody keeps a connection: each has one question and its answer.
    """
    common = {"idle_timeout": "15s", "max_connection_duration": "60s", "max_requests_per_connection": 1}
    return manager | {
        "request_headers_timeout": "3s",
        "request_timeout": "12s",
        "stream_idle_timeout": "12s",  # above _PROBE_TIMEOUT
        "common_http_protocol_options": manager["common_http_protocol_options"] | common,
    }


def _manager(name: str) -> proto.Json:
    """Return what both ports share: HTTP/1.1 alone, paths as they were sent."""
    return proto.typed("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager") | {
        "stat_prefix": name,
        "codec_type": "HTTP1",
        "use_remote_address": True,
        "normalize_path": False,
        "merge_slashes": False,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "max_request_headers_kb": bounds.HEADERS_KB,
        "request_headers_timeout": "10s",
        "common_http_protocol_options": {"headers_with_underscores_action": "DROP_HEADER", "max_headers_count": 100},
    }


def _option(level: int, name: int, value: int) -> proto.Json:
    """Return an option of the listening socket, which every connection inherits."""
    return {"level": level, "name": name, "int_value": value, "state": "STATE_PREBIND"}


def _everywhere(address: str, port: int) -> proto.Json:
    """Return the address to listen on; one of IPv6 takes IPv4 too, where it stands for every address."""
    found = clusters.socket(address, port)
    if address == BOTH:
        found["socket_address"]["ipv4_compat"] = True
    return found


def _listener(name: str, address: str, port: int, manager: proto.Json, *before: proto.Json) -> proto.Json:
    return {
        "name": name,
        "address": _everywhere(address, port),
        "enable_reuse_port": False,  # true by default: a process of the engine could listen there too, and read keys
        "per_connection_buffer_limit_bytes": bounds.BUFFER,
        "filter_chains": [{"filters": [*before, {"name": "http", "typed_config": manager}]}],
    }
