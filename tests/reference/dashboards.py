"""The dashboards for Grafana that the chart brings: a table of panels -> the JSON that Grafana imports.

tests/integration/test_prometheus.py has a real PromQL engine answer every question on recorded metrics.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

HEIGHT, WIDTH, SCREEN = 8, 8, 24
NAMESPACE, MODEL = ("namespace", "namespace"), ("model", "model_name")
"""A variable of the dashboard of models, and the label of vLLM's metrics that has its values."""
ENGINE = 'namespace=~"$namespace", model_name=~"$model"'
GUARD = 'namespace=~"$namespace", model=~"$model"'
REQUESTS, FAILED, LIMITED, REFUSED = (
    f"envoy_guard_requests{{{GUARD}{codes}}}"
    for codes in ("", ', code=~"5.."', ', code="429"', ', code=~"4..", code!="429"')
)
ANSWERS = f"envoy_guard_request_duration_milliseconds_bucket{{{GUARD}}}"
FIRST_TOKEN, NEXT_TOKEN = (
    f"vllm:{name}_seconds_bucket{{{ENGINE}}}" for name in ("time_to_first_token", "inter_token_latency")
)
RECONCILE = "vllm_operator_reconcile_duration_seconds"
BY_ENGINE = "namespace, model_name"
NOT_READY = "max by (reason) (vllm_operator_models_not_ready)"


class Panel(NamedTuple):
    """One graph: PromQL by the legend of its lines; `unit` is Grafana's name of it."""

    title: str
    lines: dict[str, str]
    unit: str = "short"
    about: str = ""


class Dashboard(NamedTuple):
    """One dashboard; `variables`: what its reader may choose, with the label that has the values."""

    title: str
    panels: tuple[Panel, ...]
    variables: tuple[tuple[str, str], ...] = ()


def per_second(metric: str, by: str) -> str:
    """Return PromQL for how quickly a counter grows; `metric` with its selector."""
    return f"sum by ({by}) (rate({metric}[$__rate_interval]))"


def quantile(share: float, metric: str, by: str) -> str:
    """Return PromQL for a quantile of a histogram; `metric` with its selector."""
    return f"histogram_quantile({share}, {per_second(metric, f'le, {by}')})"


def latencies(metric: str, by: str, legend: str) -> dict[str, str]:
    """Return two lines: what half of the cases stay under, and what all but one in twenty do."""
    return {f"half, {legend}": quantile(0.5, metric, by), f"95 %, {legend}": quantile(0.95, metric, by)}


MODELS = Dashboard(
    "vllm-operator: models",
    (
        Panel(
            "Models that are not Ready, by reason",
            {"{{reason}}": NOT_READY},
            about="Of all namespaces. See docs/troubleshooting.md.",
        ),
        Panel(
            "Requests by answer",
            {"{{model}} {{code}}": per_second(REQUESTS, "namespace, model, code")},
            "reqps",
        ),
        Panel(
            "Server errors, share of requests",
            {"{{model}}": f"{per_second(FAILED, 'namespace, model')} / {per_second(REQUESTS, 'namespace, model')}"},
            "percentunit",
        ),
        Panel(
            "Tokens",
            {
                "made, {{model_name}}": per_second(f"vllm:generation_tokens_total{{{ENGINE}}}", BY_ENGINE),
                "read, {{model_name}}": per_second(f"vllm:prompt_tokens_total{{{ENGINE}}}", BY_ENGINE),
            },
            "tokens/s",
        ),
        Panel(
            "Time to first token",
            latencies(FIRST_TOKEN, BY_ENGINE, "{{model_name}}"),
            "s",
        ),
        Panel(
            "Time between two tokens",
            latencies(NEXT_TOKEN, BY_ENGINE, "{{model_name}}"),
            "s",
        ),
        Panel(
            "Requests in the engine",
            {
                "running, {{model_name}}": f"sum by (namespace, model_name) (vllm:num_requests_running{{{ENGINE}}})",
                "waiting, {{model_name}}": f"sum by (namespace, model_name) (vllm:num_requests_waiting{{{ENGINE}}})",
            },
        ),
        Panel(
            "KV cache in use",
            {"{{pod}}": f"max by (namespace, pod) (vllm:kv_cache_usage_perc{{{ENGINE}}})"},
            "percentunit",
        ),
        Panel(
            "Requests computed again for want of cache",
            {"{{pod}}": per_second(f"vllm:num_preemptions_total{{{ENGINE}}}", "namespace, pod")},
            "reqps",
        ),
        Panel(
            "Requests by client",
            {"{{model}} {{client}}": per_second(REQUESTS, "namespace, model, client")},
            "reqps",
        ),
        Panel(
            "Refused by a client's rate limit (429)",
            {"{{model}} {{client}}": per_second(LIMITED, "namespace, model, client")},
            "reqps",
        ),
        Panel(
            "Refused by the guard otherwise",
            {"{{model}} {{code}}": per_second(REFUSED, "namespace, model, code")},
            "reqps",
            "401: no valid key. 400, 404, 405, 413: no call that the model answers.",
        ),
        Panel(
            "Whole answers, streams to their end",
            latencies(ANSWERS, "namespace, model", "{{model}}"),
            "ms",
        ),
        Panel(
            "Configurations that guards refused",
            {
                "{{pod}}": 'sum by (namespace, pod) (increase(envoy_http_rds_update_rejected{namespace=~"$namespace"}[1h]))'
            },
            about="A revoked key may still be accepted there: alert VllmGuardRejects.",
        ),
    ),
    (NAMESPACE, MODEL),
)
OPERATOR = Dashboard(
    "vllm-operator: operator",
    (
        Panel("Processes that lead", {"leaders": "sum(vllm_operator_leader)"}, about="One; none: nothing is repaired."),
        Panel(
            "Models",
            {
                "worked on": "max(vllm_operator_models_checked)",
                "of another installation": "max(vllm_operator_models_left)",
            },
        ),
        Panel("Models that are not Ready, by reason", {"{{reason}}": NOT_READY}),
        Panel(
            "Conditions that are not True",
            {"{{condition}} {{status}}": 'max by (condition, status) (vllm_operator_models{status!="True"})'},
        ),
        Panel("Models that wait for their turn", {"{{priority}}": "sum by (priority) (vllm_operator_queue_depth)"}),
        Panel("Models worked on", {"{{outcome}}": per_second("vllm_operator_reconciles_total", "outcome")}, "ops"),
        Panel(
            "Time for one model",
            {
                f"{share:.0%}": f"histogram_quantile({share}, {per_second(f'{RECONCILE}_bucket', 'le')})"
                for share in (0.5, 0.95)
            },
            "s",
        ),
        Panel(
            "Calls to the API server",
            {"{{verb}} {{resource}}": f"topk(10, {per_second('vllm_operator_api_calls_total', 'verb, resource')})"},
            "ops",
        ),
        Panel(
            "Calls that the API server did not grant",
            {
                "{{code}} {{verb}} {{resource}}": per_second(
                    'vllm_operator_api_calls_total{code!~"2.."}', "code, verb, resource"
                )
            },
            "ops",
            "0: no answer came. 404 of a get and 409 are no trouble; 403 is.",
        ),
        Panel(
            "Kinds that cannot be read, for how long",
            {"{{kind}} {{namespace}}": "max by (kind, namespace) (vllm_operator_informer_failing_seconds)"},
            "s",
        ),
    ),
)
ALL = {"models": MODELS, "operator": OPERATOR}


def files() -> dict[str, str]:
    """Return each dashboard as JSON, by its name."""
    return {name: json.dumps(_dashboard(name, one), indent=1) + "\n" for name, one in ALL.items()}


def expressions(board: Dashboard) -> Iterator[str]:
    """Yield the PromQL of a dashboard, in the form that Grafana sends where all is chosen."""
    for panel in board.panels:
        for text in panel.lines.values():
            yield text.replace("$namespace", ".*").replace("$model", ".*").replace("$__rate_interval", "5m")


def _dashboard(name: str, board: Dashboard) -> dict[str, Any]:
    return {
        "uid": f"vllm-operator-{name}",
        "title": board.title,
        "tags": ["vllm-operator"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_SOURCE, *(_variable(*one) for one in board.variables)]},
        "panels": [_panel(at, panel) for at, panel in enumerate(board.panels)],
    }


_SOURCE = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
_FROM = {"type": "prometheus", "uid": "${datasource}"}


def _variable(name: str, label: str) -> dict[str, Any]:
    inside = '{namespace=~"$namespace"}' if name != NAMESPACE[0] else ""
    return {
        "name": name, "type": "query", "datasource": _FROM, "query": f"label_values(vllm:num_requests_running{inside}, {label})",
        "refresh": 2, "includeAll": True, "allValue": ".*", "multi": True, "current": {"text": "All", "value": "$__all"},
    }  # fmt: skip


def _panel(at: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(at, SCREEN // WIDTH)
    targets = [
        {"refId": chr(ord("A") + number), "datasource": _FROM, "expr": text, "legendFormat": legend}
        for number, (legend, text) in enumerate(panel.lines.items())
    ]
    return {
        "id": at + 1, "type": "timeseries", "title": panel.title, "description": panel.about, "datasource": _FROM,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []}, "targets": targets,
    }  # fmt: skip
