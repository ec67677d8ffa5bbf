"""What a request passes on the public port: the script, the limiter, the router, and the access log.

Knows: Envoy's filters and formatters. Must not: hold a key or a client, nor log a key, a prompt or a query.
Each part is the same for all models and made once per process: callers must not change what they are given.
"""

from __future__ import annotations

import functools

from vllm_operator.guard import access, keyed, metrics, proto, script


@functools.cache
def lua() -> proto.Json:
    """Return the script, which checks expiry before the limiter and writes the limiter's answer into headers after it."""
    config = {
        **proto.typed("extensions.filters.http.lua.v3.Lua"),
        "default_source_code": {"inline_string": script.public()},
        "clear_route_cache": False,  # else each changed header would have the route looked for again
    }
    return {"name": keyed.METADATA, "typed_config": config}


@functools.cache
def limiter() -> proto.Json:
    """Return the rate limit: a bucket per client and unit, made when first needed; the route holds the cost of a request."""
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    config = {
        **proto.typed("extensions.filters.http.local_ratelimit.v3.LocalRateLimit"),
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


def _action(fact: str) -> proto.Json:
    key = {"key": keyed.METADATA, "path": [{"key": fact}]}
    return {"metadata": {"descriptor_key": fact, "source": "ROUTE_ENTRY", "metadata_key": key}}


def _bucket(unit: str, seconds: int) -> proto.Json:
    return {
        "entries": [{"key": "client"}, {"key": "unit", "value": unit}],
        "token_bucket": {"max_tokens": keyed.BUDGET, "tokens_per_fill": keyed.BUDGET, "fill_interval": f"{seconds}s"},
    }


@functools.cache
def router() -> proto.Json:
    """Return the last filter. It adds no header of Envoy's own."""
    config = {**proto.typed("extensions.filters.http.router.v3.Router"), "suppress_envoy_headers": True}
    return {"name": "envoy.filters.http.router", "typed_config": config}


@functools.cache
def log() -> proto.Json:
    """Return the access log: a JSON object a line on stdout. Path and request ID come from the script, without query and keys."""
    line = {
        "time": "%START_TIME%",
        "client": _metadata("client"),
        "method": "%REQ(:METHOD):16%",
        "path": f"%DYNAMIC_METADATA({keyed.METADATA}:path)%",
        "status": "%RESPONSE_CODE%",
        "reason": "%RESPONSE_CODE_DETAILS%",
        "duration_ms": "%DURATION%",
        "bytes_received": "%BYTES_RECEIVED%",
        "bytes_sent": "%BYTES_SENT%",
        "request_id": f"%DYNAMIC_METADATA({keyed.METADATA}:request_id)%",
    }
    config = {**proto.typed("extensions.access_loggers.stream.v3.StdoutAccessLog"), "log_format": {"json_format": line}}
    return {"name": "envoy.access_loggers.stdout", "typed_config": config}


def _metadata(fact: str) -> str:
    return f"%METADATA(ROUTE:{keyed.METADATA}:{fact})%"
