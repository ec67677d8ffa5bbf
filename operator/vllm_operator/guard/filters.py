"""What a request passes on the public port: the script, the limiter, the router, and the log of it.

Knows: Envoy's filters and formatters. Must not: hold a key or a client, nor log a key, a prompt or a query.
"""

from __future__ import annotations

import functools
from typing import Any

from vllm_operator.guard import access, metrics, replies, routes

PEERS, ADMIN = "guards", "admin"
"""The clusters that the limiter counts its peers by, and that the script asks for their number."""

Json = dict[str, Any]


def typed(name: str) -> Json:
    """Return the start of a typed configuration."""
    return {"@type": f"type.googleapis.com/envoy.{name}"}


@functools.cache
def lua() -> Json:
    """Return the script: expiry before the limiter, the limiter's answer told to callers after it."""
    code = replies.script(routes.BUDGET, access.UNITS, PEERS, ADMIN)
    config = {**typed("extensions.filters.http.lua.v3.Lua"), "default_source_code": {"inline_string": code}}
    return {"name": routes.METADATA, "typed_config": config}


@functools.cache
def limiter() -> Json:
    """Return the rate limit: a bucket per client and unit, made when first needed; the route tells a request's cost."""
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    config = {
        **typed("extensions.filters.http.local_ratelimit.v3.LocalRateLimit"),
        "stat_prefix": metrics.PREFIX,
        "filter_enabled": always,
        "filter_enforced": always,
        "always_consume_default_token_bucket": False,
        "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
        "local_cluster_rate_limit": {},
        "max_dynamic_descriptors": 4096,
        "rate_limits": [
            {"actions": [_action("client"), _action("unit")], "hits_addend": {"format": _metadata("cost")}}
        ],
        "descriptors": [_bucket(unit, seconds) for unit, seconds in sorted(access.UNITS.items())],
    }
    return {"name": "envoy.filters.http.local_ratelimit", "typed_config": config}


def _action(fact: str) -> Json:
    key = {"key": routes.METADATA, "path": [{"key": fact}]}
    return {"metadata": {"descriptor_key": fact, "source": "ROUTE_ENTRY", "metadata_key": key}}


def _bucket(unit: str, seconds: int) -> Json:
    return {
        "entries": [{"key": "client"}, {"key": "unit", "value": unit}],
        "token_bucket": {"max_tokens": routes.BUDGET, "tokens_per_fill": routes.BUDGET, "fill_interval": f"{seconds}s"},
    }


@functools.cache
def router() -> Json:
    """Return the last filter, which adds no header of Envoy's own."""
    config = {**typed("extensions.filters.http.router.v3.Router"), "suppress_envoy_headers": True}
    return {"name": "envoy.filters.http.router", "typed_config": config}


@functools.cache
def log() -> Json:
    """Return the access log: one JSON object a line on stdout; path and request's id are the script's, without query and keys."""
    line = {
        "time": "%START_TIME%",
        "client": _metadata("client"),
        "method": "%REQ(:METHOD):16%",
        "path": f"%DYNAMIC_METADATA({routes.METADATA}:path)%",
        "status": "%RESPONSE_CODE%",
        "reason": "%RESPONSE_CODE_DETAILS%",
        "duration_ms": "%DURATION%",
        "bytes_received": "%BYTES_RECEIVED%",
        "bytes_sent": "%BYTES_SENT%",
        "request_id": f"%DYNAMIC_METADATA({routes.METADATA}:request_id)%",
    }
    config = {**typed("extensions.access_loggers.stream.v3.StdoutAccessLog"), "log_format": {"json_format": line}}
    return {"name": "envoy.access_loggers.stdout", "typed_config": config}


def _metadata(fact: str) -> str:
    return f"%METADATA(ROUTE:{routes.METADATA}:{fact})%"
