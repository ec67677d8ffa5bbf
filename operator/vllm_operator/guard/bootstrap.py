"""The static part of the guard, which Envoy reads once, when it starts.

Knows: how Envoy is set up. Must not: hold a key or a client. What changes while a model serves is in `routes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vllm_operator.guard import bounds, clusters, listeners, metrics, proto

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vllm_operator.guard.site import Site

_REGEX_SIZE = {"re2.max_program_size.error_level": 4096}
"""By default 100, which is less than a long key takes."""
_STATS = (
    "http.public.",
    "http.private.lua.",
    "cluster.vllm.",
    f"cluster.{clusters.PEERS}.membership_total",
    f"cluster.{clusters.PEERS}.update_",
    "listener.",
    "overload.",
    "server.",
    f"{metrics.PREFIX}.",
)
"""Prefixes of the statistics that Envoy keeps."""


def text(site: Site, peers: str, routes_file: str, counters: Sequence[proto.Json], passed: Sequence[proto.Json]) -> str:
    """Return Envoy's bootstrap.

    `peers`: the DNS name of all guards of the model; `counters`: the access loggers of `metrics`; `passed`: the public port's
    `filters`. All else is the same for all models, and most of it is made once per process.
    """
    return proto.encoded(_bootstrap(site, peers, routes_file, counters, passed)).decode()


def _bootstrap(
    site: Site, peers: str, routes_file: str, counters: Sequence[proto.Json], passed: Sequence[proto.Json]
) -> proto.Json:
    static = {**_REGEX_SIZE, **bounds.runtime(site.memory)}
    return {
        "node": {"id": "guard", "cluster": clusters.PEERS},
        "admin": {"address": clusters.admin_socket(site)},
        "cluster_manager": {"local_cluster_name": clusters.PEERS},
        "layered_runtime": {"layers": [{"name": "static", "static_layer": static}]},
        "overload_manager": bounds.overload_manager(site.memory),
        "memory_allocator_manager": bounds.allocator(),
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": [{"prefix": prefix} for prefix in _STATS]}}},
        "static_resources": {
            "listeners": [listeners.public(site, routes_file, counters, passed), listeners.private(site)],
            "clusters": clusters.clusters(site, peers),
        },
    }
