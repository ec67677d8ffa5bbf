"""What a request passes on the public port: the script, the limiter, the router, and the access log.

Knows: Envoy's filters and formatters. Must not: hold a key or a client, nor log a key, a prompt or a query.
Each part is the same for all models and made once per process: callers must not change what they are given.
"""

from __future__ import annotations

import functools

from vllm_operator.guard import access, keyed, metrics, proto, script

KEYLESS = {keyed.HEALTH: (2000, 4000), keyed.OPEN: (200, 2000), keyed.REFUSED: (500, 10_000)}
"""Requests without a key that are answered each second, in all, and at once after a pause, by kind. Above it they get 429."""
SHARED, SHARES = (keyed.HEALTH, keyed.OPEN), 2
"""Of these kinds one address gets one of so many shares, so that one caller alone keeps nobody's health check, page or preflight
from its answer. Of refusals it may have all: 429 says no less than 401."""
ADDRESSES = 4096
"""Addresses whose shares are counted; of more, the one that was seen last counts and another is forgotten."""
QUESTIONS = "questions"
_LIMITED = 429
COUNTS = (1, 40)
"""The first Envoy that counts the bytes of a body."""


def public(envoy: tuple[int, int], max_request_bytes: int) -> list[proto.Json]:
    """Return what a request passes on the public port, in order."""
    counted = [_counted(max_request_bytes)] if envoy >= COUNTS else []
    return [keyless(), lua(counted=bool(counted)), checked(), limiter(), *counted, router()]


def _counted(most: int) -> proto.Json:
    """Return the filter that ends a body which turns out to be too long. The script judges a length that was told."""
    config = proto.typed("extensions.filters.http.body_size_limit.v3.BodySizeLimit") | {"max_request_bytes": most}
    return {"name": "envoy.filters.http.body_size_limit", "typed_config": config}


@functools.cache
def keyless() -> proto.Json:
    """Return the limit of what callers ask without a key: so much a second for all of them, by the kind that the route holds.

    What it refuses costs the script nothing, and is not logged. What the share of an address refuses costs the others nothing.
    """
    key = {"key": keyed.METADATA, "path": [{"key": keyed.KEYLESS}]}
    action = {"metadata": {"descriptor_key": keyed.KEYLESS, "source": "ROUTE_ENTRY", "metadata_key": key}}
    address: proto.Json = {"remote_address": {}}
    buckets = [bucket for kind, amounts in sorted(KEYLESS.items()) for bucket in _of_kind(kind, *amounts)]
    config = {
        **_local_limit("keyless"),
        "always_consume_default_token_bucket": False,
        "max_dynamic_descriptors": ADDRESSES,
        "rate_limits": [{"actions": [action]}, {"actions": [action, address]}],
        "descriptors": buckets,
    }
    return {"name": "keyless", "typed_config": config}


def _of_kind(kind: str, per_second: int, burst: int) -> list[proto.Json]:
    """Return the bucket of a kind, and that of each address."""
    entry = {"key": keyed.KEYLESS, "value": kind}
    shared = {"entries": [entry], "token_bucket": _tokens(per_second, burst)}
    if kind not in SHARED:
        return [shared]
    each = _tokens(per_second // SHARES, burst // SHARES)
    return [shared, {"entries": [entry, {"key": "remote_address"}], "token_bucket": each}]


@functools.cache
def questions() -> proto.Json:
    """Return the filter of the private port by which a route has a limit of its own."""
    return {"name": QUESTIONS, "typed_config": _local_limit(QUESTIONS, enforced=0)}


def at_most(per_second: int, burst: int) -> proto.Json:
    """Return the limit of a route of the private port."""
    return {
        "typed_per_filter_config": {QUESTIONS: {**_local_limit(QUESTIONS), "token_bucket": _tokens(per_second, burst)}}
    }


def _local_limit(name: str, enforced: int = 100) -> proto.Json:
    share = {"default_value": {"numerator": enforced, "denominator": "HUNDRED"}}
    config = proto.typed("extensions.filters.http.local_ratelimit.v3.LocalRateLimit")
    return {**config, "stat_prefix": name, "filter_enabled": share, "filter_enforced": share}


def _tokens(per_second: int, burst: int) -> proto.Json:
    return {"max_tokens": burst, "tokens_per_fill": per_second, "fill_interval": "1s"}


@functools.cache
def checked() -> proto.Json:
    """Return the filter that lets through what the script let through: an error in the script lets nobody in."""
    said = {"filter": keyed.METADATA, "path": [{"key": script.PASSED}], "value": {"bool_match": True}}
    noted = {"metadata_matcher": said, "metadata_source": "DYNAMIC"}
    policy = {"permissions": [{"sourced_metadata": noted}], "principals": [{"any": True}]}
    config = proto.typed("extensions.filters.http.rbac.v3.RBAC")
    rules = {"action": "ALLOW", "policies": {script.PASSED: policy}}
    return {"name": keyed.METADATA, "typed_config": {**config, "rules": rules}}


@functools.cache
def lua(*, counted: bool) -> proto.Json:
    """Return the script, which checks expiry before the limiter and writes the limiter's answer into headers after it.

    `counted`: the bytes of a body are counted behind it. Else it waits for the whole of one in chunks, which BUFFER bounds.
    """
    config = {
        **proto.typed("extensions.filters.http.lua.v3.Lua"),
        "default_source_code": {"inline_string": script.public(counted=counted)},
        "clear_route_cache": False,  # else each changed header would have the route looked for again
    }
    return {"name": keyed.METADATA, "typed_config": config}


@functools.cache
def limiter() -> proto.Json:
    """Return the rate limit: a bucket per client and unit, made when first needed; the route holds the cost of a request."""
    config = {
        **_local_limit(metrics.PREFIX),
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
    return {"name": "envoy.access_loggers.stdout", "typed_config": config, "filter": _told_or_not_429()}


def _told_or_not_429() -> proto.Json:
    """Return the filter of what is logged: all but what was refused before the script told of it."""
    told = {"matcher": {"filter": keyed.METADATA, "path": [{"key": "path"}], "value": {"present_match": True}}}
    others = [_status("LE", _LIMITED - 1), _status("GE", _LIMITED + 1)]
    return {"or_filter": {"filters": [*others, {"metadata_filter": {**told, "match_if_key_not_found": False}}]}}


def _status(relation: str, code: int) -> proto.Json:
    comparison = {"op": relation, "value": {"default_value": code, "runtime_key": "guard.logged"}}
    return {"status_code_filter": {"comparison": comparison}}


def _metadata(fact: str) -> str:
    return f"%METADATA(ROUTE:{keyed.METADATA}:{fact})%"
