"""What is counted of each request: how many by client and code, and how long the answers took.

Access loggers count, when a request ends: the router's own counters miss what the limiter refuses.
Knows: Envoy's statistics. Must not: make a label of what a caller sends, since callers would choose how many series there are.
"""

from __future__ import annotations

from vllm_operator.guard import keyed, proto

PREFIX = "guard"
SCOPED = (1, 39)
"""The first Envoy whose logger takes a scope. The one before takes a prefix."""
_LAST_GOOD = 399


def loggers(model: str, envoy: tuple[int, int]) -> list[proto.Json]:
    """Return Envoy's access loggers that count every request, and the duration of each whose code is below 400."""
    labels = [
        _label("model", model.replace("%", "%%")),
        _label("client", f"%METADATA(ROUTE:{keyed.METADATA}:client)%"),
    ]
    counted = {"stat": {"name": "requests", "tags": [*labels, _label("code", "%RESPONSE_CODE%")]}, "value_fixed": 1}
    duration = {"stat": {"name": "request_duration_milliseconds", "tags": labels}, "value_format": "%DURATION%"}
    good = {"op": "LE", "value": {"default_value": _LAST_GOOD, "runtime_key": "guard.good"}}
    return [
        _logger(envoy, counters=[counted]),
        {
            **_logger(envoy, histograms=[{**duration, "unit": "Milliseconds"}]),
            "filter": {"status_code_filter": {"comparison": good}},
        },
    ]


def _label(name: str, value: str) -> proto.Json:
    return {"name": name, "value_format": value}


def _logger(envoy: tuple[int, int], **stats: list[proto.Json]) -> proto.Json:
    scope: proto.Json = {"stats_scope": {"prefix": PREFIX}} if envoy >= SCOPED else {"stat_prefix": PREFIX}
    config = proto.typed("extensions.access_loggers.stats.v3.Config")
    return {"name": "envoy.access_loggers.stats", "typed_config": {**config, **scope, **stats}}
