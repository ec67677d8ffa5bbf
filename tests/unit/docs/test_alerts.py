"""docs/alerts.yaml: each alert has a section that says what to do, and asks for metrics that there are."""

import re
from typing import Any

import pytest
import yaml

from dev import paths
from tests import chart, pages
from tests.reference import dashboards, metrics
from vllm_operator.guard import metrics as metrics_of_guard
from vllm_operator.guard import watch

RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((paths.ROOT / "docs/alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
NAME = re.compile(r"\b(?:vllm_operator|envoy|vllm:)\w+")
LISTED = set(NAME.findall((paths.ROOT / "docs/metrics.md").read_text()))
SEVERITIES = ("critical", "warning", "info")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    found = set(NAME.findall(rule["expr"]))
    assert found
    own = {name for name in found if name.startswith("vllm_operator")}
    assert own <= metrics.names()
    assert found <= LISTED
    assert rule["labels"]["severity"] in SEVERITIES
    assert rule["annotations"]["summary"].endswith(".")


@pytest.mark.parametrize("name", dashboards.ALL)
def test_a_dashboard_asks_for_metrics_that_there_are(name: str) -> None:
    found = {metric for text in dashboards.expressions(dashboards.ALL[name]) for metric in NAME.findall(text)}
    assert found
    assert found <= LISTED


def test_each_alert_can_be_left_out_of_the_charts_rule_by_its_name() -> None:
    (value,) = (one for one in chart.values() if one.path == "monitoring.prometheusRule.disabled")
    assert value.schema["items"]["enum"] == [rule["alert"] for rule in RULES]


OF_MODELS = re.compile(r"\b(?:envoy_|vllm:)\w+")
GROUPED = re.compile(r"\b(?:by|on) \(([^)]*)\)")


def queries() -> dict[str, str]:
    """Return the PromQL of all pages, alerts and dashboards that asks for metrics of models."""
    files = [path for path in sorted((paths.ROOT / "docs").glob("*.md")) if path.name != "metrics.md"]
    blocks = {
        path.name: "".join(re.findall(r"^```.*?^```", path.read_text(), re.MULTILINE | re.DOTALL)) for path in files
    }
    lines = {f"{name}: {line.strip()}": line for name, text in blocks.items() for line in text.splitlines()}
    panels = {
        f"{name}: {text}": text for name, board in dashboards.ALL.items() for text in dashboards.expressions(board)
    }
    found = {**lines, **panels, **{rule["alert"]: rule["expr"] for rule in RULES}}
    return {name: text for name, text in found.items() if OF_MODELS.search(text) and ("(" in text)}


@pytest.mark.parametrize("query", queries().values(), ids=queries().keys())
def test_models_and_pods_of_one_name_in_two_namespaces_are_told_apart(query: str) -> None:
    assert "pod=~" not in query, "a pattern of names of pods has those of other models too"
    groups = GROUPED.findall(query)
    if not groups:
        assert "namespace=" in query or not re.search(r"\b(?:sum|max|min|avg|count)\(", query)
    assert [group for group in groups if "namespace" not in group] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_summary_names_the_namespace_of_what_it_names(rule: dict[str, Any]) -> None:
    named = re.findall(r"(.{22})[{]{2} [$]labels[.](?:model|pod) ", rule["annotations"]["summary"])
    assert [before for before in named if not before.endswith("$labels.namespace }}/")] == []


def test_each_alert_has_a_section_and_each_section_an_alert() -> None:
    page = (paths.ROOT / "docs/observability.md").read_text()
    sections = re.findall(r"^### (Vllm\w+)$", page, re.MULTILINE)
    assert sections == [rule["alert"] for rule in RULES]
    assert {name.lower() for name in sections} <= pages.anchors(page)


def test_the_guards_own_counters_are_those_of_the_page() -> None:
    loggers = [one["typed_config"] for one in metrics_of_guard.loggers("model", (1, 40))]
    stats = [stat["stat"]["name"] for one in loggers for stat in (*one.get("counters", ()), *one.get("histograms", ()))]
    assert len(stats) > 1
    own = {name.removesuffix("_bucket") for name in LISTED if name.startswith("envoy_guard")}
    assert own == {f"envoy_{metrics_of_guard.PREFIX}_{name}" for name in stats}


def test_the_engines_metrics_of_the_page_are_those_that_the_guard_asks_for() -> None:
    assert set(watch.SIGNS) <= LISTED
