"""The static part of the guard: two listeners, their clusters and bounds. Read once at Envoy's start.

Knows: how Envoy is set up. Must not: hold a key or a client; what changes while a model serves is in `routes`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import orjson

from vllm_operator.guard import filters, metrics, replies, routes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vllm_operator.guard.site import Site

LIVE, READY, METRICS, STATS = "/healthz", "/ready", "/metrics", "/stats/prometheus"
PROBE = "probe"
MAX_CONNECTIONS = 4096
"""Connections to the public port at a time; above it new ones are closed. The private port is not counted."""
MAX_PRIVATE_CONNECTIONS = 256
"""Connections to the private port at a time: without a key, each may leave some 100 KiB of statistics unread."""

_ENGINE_IDLE = "3s"  # less than uvicorn's 5 s, or a request meets a connection that is being closed
_REGEX_SIZE = {"re2.max_program_size.error_level": 4096}  # 100 by default: less than a long key takes
_STATS = (
    "http.public.",
    "cluster.vllm.",
    f"cluster.{filters.PEERS}.membership_total",
    f"cluster.{filters.PEERS}.update_",
    "listener.",
    "server.",
    f"{metrics.PREFIX}.",
)

Json = dict[str, Any]


def text(site: Site, peers: str, routes_file: str, counters: Sequence[Json]) -> str:
    """Return Envoy's bootstrap.

    `peers`: the DNS name behind which all guards of the model stand; `counters`: the access loggers of `metrics`.
    """
    return orjson.dumps(_bootstrap(site, peers, routes_file, counters), option=orjson.OPT_SORT_KEYS).decode()


def _bootstrap(site: Site, peers: str, routes_file: str, counters: Sequence[Json]) -> Json:
    return {
        "node": {"id": "guard", "cluster": filters.PEERS},
        "admin": {"address": _pipe(site)},
        "cluster_manager": {"local_cluster_name": filters.PEERS},
        "layered_runtime": {"layers": [{"name": "static", "static_layer": _REGEX_SIZE}]},
        "overload_manager": _overload_manager(),
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": [{"prefix": prefix} for prefix in _STATS]}}},
        "static_resources": {
            "listeners": [_public(site, routes_file, counters), _private(site)],
            "clusters": [
                _cluster(routes.ENGINE, _socket(site.engine_address, site.engine_port)),
                _cluster(PROBE, _socket(site.engine_address, site.engine_port)),
                _cluster(filters.ADMIN, _pipe(site)),
                _peers(peers, site.public_port),
            ],
        },
    }


def _overload_manager() -> Json:
    config = filters.typed("extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig")
    config["max_active_downstream_connections"] = MAX_CONNECTIONS
    return {
        "resource_monitors": [
            {"name": "envoy.resource_monitors.global_downstream_max_connections", "typed_config": config}
        ]
    }


def _public(site: Site, routes_file: str, counters: Sequence[Json]) -> Json:
    source = {"path_config_source": {"path": routes_file, "watched_directory": {"path": site.directory}}}
    manager = {
        **_manager("public"),
        "rds": {"route_config_name": routes.NAME, "config_source": {"resource_api_version": "V3", **source}},
        "http_filters": [filters.lua(), filters.limiter(), filters.router()],
        "local_reply_config": replies.local_replies(),
        "access_log": [filters.log(), *counters],
        "request_timeout": "120s",  # for a request to arrive whole; the answer may take as long as it takes
        "stream_idle_timeout": "600s",
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
    }
    return _listener("public", site.address, site.public_port, manager)


@functools.lru_cache(maxsize=8)
def _private(site: Site) -> Json:
    """Return the listener of probes and metrics. It only reads, and who reads it not is soon gone, so no key is needed."""
    found = [
        {"match": _exactly(LIVE), "direct_response": {"status": 200, "body": {"inline_string": "ok\n"}}},
        {"match": _exactly(READY), "route": {"cluster": PROBE, "prefix_rewrite": "/health", "timeout": "9s"}},
        {"match": _exactly(METRICS), "route": {"cluster": PROBE, "timeout": "9s"}},
        {
            "match": _exactly(STATS),
            "route": {"cluster": filters.ADMIN, "prefix_rewrite": f"{STATS}?text_readouts", "timeout": "9s"},
        },
        {"match": {"prefix": "/"}, "direct_response": {"status": 404}},
    ]
    hosts = [{"name": "private", "domains": ["*"], "routes": found}]
    manager = _soon_gone(_manager("private")) | {
        "route_config": {"name": "private", "virtual_hosts": hosts},
        "http_filters": [filters.router()],
    }
    listener = _listener("private", site.address, site.private_port, manager)
    listener["filter_chains"][0]["filters"].insert(0, _connection_limit())
    return listener | {"ignore_global_conn_limit": True, "per_connection_buffer_limit_bytes": 16384}


def _connection_limit() -> Json:
    config = filters.typed("extensions.filters.network.connection_limit.v3.ConnectionLimit")
    config |= {"stat_prefix": "private", "max_connections": MAX_PRIVATE_CONNECTIONS}
    return {"name": "envoy.filters.network.connection_limit", "typed_config": config}


def _soon_gone(manager: Json) -> Json:
    """Let no connection stay that asks or reads nothing, or probes stay outside; the routes above wait for up to 9 s."""
    kept = {"idle_timeout": "15s", "max_connection_duration": "60s"}
    options = manager["common_http_protocol_options"] | kept
    times = {"request_timeout": "12s", "stream_idle_timeout": "12s"}
    return manager | times | {"common_http_protocol_options": options}


def _exactly(path: str) -> Json:
    """Match a GET of the path without a query: Envoy's `:path` has the query, its path match has not."""
    expected = {":method": "GET", ":path": path}
    return {
        "path": path,
        "headers": [{"name": name, "string_match": {"exact": value}} for name, value in expected.items()],
    }


def _manager(name: str) -> Json:
    """Return what both listeners share: HTTP/1.1 alone, taken literally, no path rewritten into another."""
    return {
        **filters.typed("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
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


def _listener(name: str, address: str, port: int, manager: Json) -> Json:
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    return {
        "name": name,
        "address": _socket(address, port),
        "enable_reuse_port": False,  # true by default: a process of the engine could bind the port too, and read keys
        "per_connection_buffer_limit_bytes": 262144,
        "filter_chains": [chain],
    }


def _cluster(name: str, address: Json) -> Json:
    """Return a cluster of one address in this pod. How much vLLM takes is vLLM's own queue to say, not a circuit breaker's."""
    most = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests"), 65536)
    protocol = filters.typed("extensions.upstreams.http.v3.HttpProtocolOptions")
    options = {
        "common_http_protocol_options": {"idle_timeout": _ENGINE_IDLE},
        "explicit_http_config": {"http_protocol_options": {}},
    }
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "circuit_breakers": {"thresholds": [most]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {**protocol, **options}
        },
        "load_assignment": _members(name, address),
    }


def _peers(name: str, port: int) -> Json:
    """Return the local cluster, whose number of members divides the limits.

    One address family, or the pods of a dual-stack cluster count twice.
    """
    dns = {"dns_lookup_family": "V4_PREFERRED", "dns_refresh_rate": "5s"}
    return {
        "name": filters.PEERS,
        "cluster_type": {
            "name": "envoy.cluster.dns",
            "typed_config": {**filters.typed("extensions.clusters.dns.v3.DnsCluster"), **dns},
        },
        "wait_for_warm_on_init": False,  # a guard must start also where DNS is away
        "load_assignment": _members(filters.PEERS, _socket(name, port)),
    }


def _members(cluster: str, address: Json) -> Json:
    return {"cluster_name": cluster, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]}


def _socket(address: str, port: int) -> Json:
    return {"socket_address": {"address": address, "port_value": port}}


def _pipe(site: Site) -> Json:
    return {"pipe": {"path": f"{site.run_directory}/admin.sock", "mode": 0o600}}
