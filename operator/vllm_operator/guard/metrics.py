"""What is counted of each request: how many by client and code, and how long the answers took.

Counted where the request ends, since the limiter's refusals never come to the router, whose counters are per route.
Knows: Envoy's statistics. Must not: make a label of what a caller sends, or the number of series is the caller's to choose.
"""

from __future__ import annotations

from typing import Any

from vllm_operator.guard import routes

PREFIX = "guard"
SCOPED = (1, 39)
"""The first Envoy whose logger is given a scope; the one before has a prefix."""
_LAST_GOOD = 399

Json = dict[str, Any]


def loggers(model: str, envoy: tuple[int, int]) -> list[Json]:
    """Return Envoy's access loggers that count: every request, and the time of each that was not refused."""
    labels = [
        _label("model", model.replace("%", "%%")),
        _label("client", f"%METADATA(ROUTE:{routes.METADATA}:client)%"),
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


def _label(name: str, value: str) -> Json:
    return {"name": name, "value_format": value}


def _logger(envoy: tuple[int, int], **stats: list[Json]) -> Json:
    scope: Json = {"stats_scope": {"prefix": PREFIX}} if envoy >= SCOPED else {"stat_prefix": PREFIX}
    kind = "type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config"
    return {"name": "envoy.access_loggers.stats", "typed_config": {"@type": kind, **scope, **stats}}
