"""Alerts and dashboards in the engine of a real Prometheus, on metrics that a real operator, guard and vLLM had.

promtool, of Debian's package prometheus, has virtual time: hours pass in no time.
"""

import json
import pathlib
import subprocess
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
import yaml

from dev import paths
from tests import chart, tools
from tests.integration import recorded_metrics
from tests.reference import dashboards

RULES = paths.ROOT / "docs" / "alerts.yaml"
MODEL = "facebook/opt-125m"
POD = {"namespace": "models", "pod": "llama-0"}
SERVED = {"namespace": "models", "model": MODEL}
HOURS = recorded_metrics.MINUTES


class Trouble(NamedTuple):
    """How a series goes on, when the alert is to fire, and what whoever is called reads."""

    series: Mapping[str, str]
    minutes: int
    labels: Mapping[str, str]
    summary: str


def requests(code: str, course: str, client: str = "default") -> dict[str, str]:
    """Return the guard's counter of a client's requests with that answer."""
    return {f'envoy_guard_requests{{client="{client}",code="{code}",model="{MODEL}"}}': course}


def models(condition: str, count: int) -> dict[str, str]:
    """Return how many models have a condition that is False."""
    return {f'vllm_operator_models{{condition="{condition}",status="False"}}': f"{count}+0x{HOURS}"}


UP = f"0+1x{HOURS}"
REJECTED = 'envoy_http_rds_update_rejected{envoy_http_conn_manager_prefix="public",envoy_rds_route_config="guard"}'
ENGINE = {"engine": "0", "model_name": MODEL}
TROUBLES = {
    "VllmOperatorAway": Trouble(
        {"vllm_operator_leader": f"0+0x{HOURS}"}, 6, {},
        "No operator works. Models serve on; nothing is repaired and no key is revoked.",
    ),
    "VllmOperatorBlind": Trouble(
        {'vllm_operator_informer_failing_seconds{kind="pods",namespace="a"}': f"0+60x{HOURS}"}, 9,
        {"kind": "pods", "namespace": "a"}, "The operator cannot list or watch pods in a.",
    ),
    "VllmOperatorFails": Trouble(
        {'vllm_operator_reconciles_total{outcome="error"}': UP}, 40, {}, "Runs of models end by errors."
    ),
    "VllmOperatorBehind": Trouble(
        {'vllm_operator_queue_depth{priority="changed"}': f"3+0x{HOURS}"}, 25, {},
        "Changed models have been waiting for their turn for 15 minutes.",
    ),
    "VllmOperatorDenied": Trouble(
        {'vllm_operator_api_calls_total{code="403",resource="secrets",verb="patch"}': UP}, 40,
        {"verb": "patch", "resource": "secrets"}, "The API server denies the operator to patch secrets.",
    ),
    "VllmModelsOfAnother": Trouble(
        {"vllm_operator_models_left": f"1+0x{HOURS}"}, 20, {}, "Two installations of the operator watch the same models."
    ),
    "VllmModelsNotAvailable": Trouble(models("Available", 2), 35, {}, "No server of 2 models answers."),
    "VllmModelsAnswerWrongly": Trouble(
        models("Verified", 3), 15, {}, "A real request to 3 models was answered wrongly."
    ),
    "VllmKeysNotApplied": Trouble(
        models("GuardConfigured", 2), 15, {},
        "Of 2 models a guard lags behind, where a revoked key may still be accepted, or a client has no valid key.",
    ),
    "VllmEngineOutdated": Trouble(models("EngineCurrent", 4), 65, {}, "The vLLM of 4 models has published weaknesses."),
    "VllmGuardRejects": Trouble(
        {REJECTED: UP}, 5, POD, "The guard of models/llama-0 refused its configuration. A revoked key may still be accepted."
    ),
    "VllmGuardScriptFails": Trouble(
        {'envoy_http_lua_errors{envoy_http_conn_manager_prefix="private"}': UP}, 5,
        {**POD, "envoy_http_conn_manager_prefix": "private"}, "A script of the guard of models/llama-0 fails (private).",
    ),
    "VllmGuardFull": Trouble(
        {'envoy_listener_downstream_cx_overflow{envoy_listener_address="0.0.0.0_8000"}': UP}, 5, POD,
        "The guard of models/llama-0 closed connections because it had as many as it takes.",
    ),
    "VllmServerErrors": Trouble(
        {**requests("500", f"0+1x{HOURS}"), **requests("200", f"0+9x{HOURS}")}, 20, SERVED,
        f"More than 5 % of the requests to models/{MODEL} are answered by 5xx.",
    ),
    "VllmClientLimited": Trouble(
        {**requests("429", f"0+6x{HOURS}"), **requests("200", f"0+4x{HOURS}")}, 50, {**SERVED, "client": "default"},
        f"The limit of client default refuses half of its requests to models/{MODEL}.",
    ),
    "VllmWrongKeys": Trouble(
        requests("401", f"0+120x{HOURS}", client=""), 35, SERVED,
        f"More than one request a second to models/{MODEL} has no valid key.",
    ),
    "VllmRequestsWait": Trouble(
        {f'vllm:num_requests_waiting{{engine="0",model_name="{MODEL}"}}': f"4+0x{HOURS}"}, 25, {**POD, **ENGINE},
        "Requests have been waiting in models/llama-0 without a break.",
    ),
    "VllmCachePreempts": Trouble(
        {f'vllm:num_preemptions_total{{engine="0",model_name="{MODEL}"}}': f"0+60x{HOURS}"}, 35, POD,
        "The KV cache of models/llama-0 is too small for its load, so requests are computed twice.",
    ),
}  # fmt: skip
RULE = {rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
ASKED_OF_RARE = {
    **requests("429", UP), **requests("401", UP, client=""), **requests("503", UP),
    'vllm_operator_models_not_ready{reason="OutOfMemory"}': f"2+0x{HOURS}",
    'vllm_operator_informer_failing_seconds{kind="pods",namespace="a"}': UP,
    **models("Available", 1),
}  # fmt: skip
"""Series that no healthy model has, which panels ask for."""


def promtool(*arguments: str) -> None:
    """Run promtool; its complaint is the failure."""
    command = [str(tools.debian("prometheus") / "usr/bin/promtool"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def judge(directory: pathlib.Path, *tests: dict[str, Any]) -> None:
    """Have promtool evaluate the alerts under series of a minute's interval."""
    every = [{"interval": "1m", **one} for one in tests]
    file = directory / "tests.yaml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": every}))
    promtool("test", "rules", str(file))


def fires(name: str, minutes: int, *alerts: dict[str, Any]) -> dict[str, Any]:
    return {"alertname": name, "eval_time": f"{minutes}m", "exp_alerts": list(alerts)}


def test_a_prometheus_takes_the_rules() -> None:
    promtool("check", "rules", str(RULES))


def test_each_alert_fires_in_its_trouble_and_says_whom_it_is_about(tmp_path: pathlib.Path) -> None:
    assert list(TROUBLES) == list(RULE)
    tests = []
    for name, trouble in TROUBLES.items():
        labels = {**trouble.labels, **RULE[name]["labels"]}
        alert = {"exp_labels": labels, "exp_annotations": {"summary": trouble.summary}}
        series = recorded_metrics.series(trouble.series)
        tests.append({"input_series": series, "alert_rule_test": [fires(name, 0), fires(name, trouble.minutes, alert)]})
    judge(tmp_path, *tests)


def test_no_alert_fires_where_all_is_well(tmp_path: pathlib.Path) -> None:
    quiet = [fires(name, 180) for name in RULE]
    judge(tmp_path, {"input_series": recorded_metrics.series({}), "alert_rule_test": quiet})


def test_each_question_of_a_dashboard_has_an_answer(tmp_path: pathlib.Path) -> None:
    asked = [text for board in dashboards.ALL.values() for text in dashboards.expressions(board)]
    answered = [
        {"expr": f"count({text}) > bool 0", "eval_time": "60m", "exp_samples": [{"labels": "{}", "value": 1}]}
        for text in asked
    ]
    judge(
        tmp_path, {"input_series": recorded_metrics.series(ASKED_OF_RARE, growing=True), "promql_expr_test": answered}
    )


@pytest.mark.parametrize("label", ["", "https://docs.example/observability.html"])
def test_the_rule_of_the_chart_is_that_of_the_page(tmp_path: pathlib.Path, label: str) -> None:
    values = {"monitoring": {"prometheusRule": {"enabled": True, "runbookUrl": label}}}
    spec = chart.objects(values)["PrometheusRule", "vllm-operator"]["spec"]
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps(spec))
    promtool("check", "rules", str(file))
    rules = [rule for group in spec["groups"] for rule in group["rules"]]
    books = [rule["annotations"].pop("runbook_url", "") for rule in rules]
    assert spec == yaml.safe_load(RULES.read_text())
    assert books == [f"{label}#{rule['alert'].lower()}" if label else "" for rule in rules]
