"""How much a guard holds: connections, buffers and memory, whoever sends what.

Each connection costs a known amount at most, and the listeners take as many as fit into the container's memory. What comes faster
than that is shed by Envoy's overload manager, which the private port passes by.
Knows: what a connection costs in Envoy. Must not: cut a request that is being answered.
"""

from __future__ import annotations

from vllm_operator.guard import proto

MEMORY = 512 * 2**20
"""The bytes of memory that a guard's container may use by default."""
PRIVATE_CONNECTIONS, PRIVATE_QUESTIONS = 2048, 1024
"""Connections to the private port at a time, which asks for no key, and how many of them may have begun to ask."""
BUFFER = 32768
"""The bytes that are held of a connection in each direction before its sender has to wait."""
HEADERS_KB = 16
SEND_BUFFER = 65536
"""The bytes of an answer that the kernel holds for a caller, which count towards the container's memory too."""

_ENVOY = 66 * 2**20
"""What a guard needs without a connection."""
_CONNECTION = 90 * 2**10
"""What a request costs that is held back as whole as it may be."""
_IDLE, _SILENT = 27 * 2**10, 12 * 2**10
"""What a connection costs between two requests, and before it has begun one."""
_FEWEST = 64
_MOST_USED = 0.75
_HEAP = "envoy.resource_monitors.fixed_heap"
_ACTIONS = {
    "shrink_heap": 0.6,
    "disable_http_keepalive": 0.75,
    "close_idle_http_connections": 0.75,
    "stop_accepting_requests": 0.85,
    "reject_incoming_connections": 0.9,
}
"""Envoy's overload actions, and from which share of the heap's bound on each is taken. None ends a request that has begun."""


def connections(memory: int) -> int:
    """Return how many connections the public port takes at a time, in a container with so many bytes of memory."""
    private = PRIVATE_QUESTIONS * _IDLE + (PRIVATE_CONNECTIONS - PRIVATE_QUESTIONS) * _SILENT
    free = memory - _ENVOY - private
    return max(_FEWEST, free // _CONNECTION)


def runtime(memory: int) -> proto.Json:
    """Return the settings of Envoy's runtime by which each listener closes further connections.

    A limit that counts for all listeners would leak: those of a listener that it spares are subtracted when they end.
    """
    most = {"public": connections(memory), "private": PRIVATE_CONNECTIONS}
    return {f"envoy.resource_limits.listener.{name}.connection_limit": count for name, count in most.items()}


def questions() -> proto.Json:
    """Return the network filter that closes a connection which begins to ask while PRIVATE_QUESTIONS others have."""
    config = proto.typed("extensions.filters.network.connection_limit.v3.ConnectionLimit")
    limit = {**config, "stat_prefix": "private", "max_connections": PRIVATE_QUESTIONS}
    return {"name": "envoy.filters.network.connection_limit", "typed_config": limit}


def silence(seconds: int) -> proto.Json:
    """Return the part of a listener that closes who has not begun a request within so many seconds of connecting.

    Until then a connection costs little, and no network filter sees it.
    """
    inspector = proto.typed("extensions.filters.listener.http_inspector.v3.HttpInspector")
    return {
        "listener_filters": [{"name": "envoy.filters.listener.http_inspector", "typed_config": inspector}],
        "listener_filters_timeout": f"{seconds}s",
    }


def overload_manager(memory: int) -> proto.Json:
    """Return Envoy's overload manager, for a container with so many bytes of memory."""
    most = max(int(_MOST_USED * memory) - _ENVOY, memory // 8)
    config = proto.typed("extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig") | {"max_heap_size_bytes": most}
    return {
        "refresh_interval": "0.1s",
        "resource_monitors": [{"name": _HEAP, "typed_config": config}],
        "actions": [_action(name, share) for name, share in _ACTIONS.items()],
    }


def allocator() -> proto.Json:
    """Return how fast memory that is free again goes back to the node."""
    return {"bytes_to_release": 32 * 2**20, "memory_release_interval": "1s"}


def _action(name: str, share: float) -> proto.Json:
    trigger = {"name": _HEAP, "threshold": {"value": share}}
    return {"name": f"envoy.overload_actions.{name}", "triggers": [trigger]}
