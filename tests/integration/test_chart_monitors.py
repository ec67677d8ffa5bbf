"""Objects of the Prometheus operator: where its CRDs are, where somebody says so, and nowhere else."""

from typing import Any

import pytest
import yaml

from tests import chart

PLACES = {
    "serviceMonitor": ("ServiceMonitor", "vllm-operator"),
    "podMonitor": ("PodMonitor", "vllm-operator-models"),
    "prometheusRule": ("PrometheusRule", "vllm-operator"),
}
KNOWN = [part for kind, _ in PLACES.values() for part in ("--api-versions", f"monitoring.coreos.com/v1/{kind}")]
READ = {"namespaces": ["monitoring"]}


def kinds(
    monitoring: dict[str, Any], *cluster: str, group: str = "helm", policy: dict[str, Any] | None = None
) -> set[tuple[str, str]]:
    """Return which of these objects there are; `cluster`: what the cluster knows."""
    given = {"image": {"repository": "x"}, "monitoring": monitoring, "networkPolicy": policy or {}}
    done = chart.template(given, *cluster, group=group)
    assert done.returncode == 0, done.stderr
    found = [one for one in yaml.load_all(done.stdout, yaml.CSafeLoader) if one]
    return {(one["kind"], one["metadata"]["name"]) for one in found} & set(PLACES.values())


@pytest.mark.parametrize("group", ["helm", "helm3"])
def test_they_are_there_where_the_cluster_knows_them(group: str) -> None:
    assert kinds(READ, *KNOWN, group=group) == set(PLACES.values())
    assert kinds(READ, group=group) == set()
    assert kinds(READ, *KNOWN[:2], group=group) == {PLACES["serviceMonitor"]}


def test_pods_that_no_prometheus_may_read_are_no_targets() -> None:
    """Each would be one that is down, as Prometheus sees it."""
    assert kinds({}, *KNOWN) == {PLACES["serviceMonitor"], PLACES["prometheusRule"]}


CLOSED = {"enabled": True}
OPENED = {**CLOSED, "extraIngress": [{"from": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]}]}


@pytest.mark.parametrize(
    ("monitoring", "policy", "found"),
    [
        ({"serviceMonitor": {"enabled": False}}, {}, set()),
        ({}, CLOSED, set()),
        ({}, OPENED, {"serviceMonitor", "prometheusRule"}),
        (READ, CLOSED, set(PLACES)),
        ({"serviceMonitor": {"enabled": True}}, CLOSED, {"serviceMonitor", "prometheusRule"}),
        ({"prometheusRule": {"enabled": True}}, CLOSED, {"prometheusRule"}),
    ],
)  # fmt: skip
def test_no_alert_says_for_good_that_an_operator_is_away_which_nobody_reads(
    monitoring: dict[str, Any], policy: dict[str, Any], found: set[str]
) -> None:
    assert kinds(monitoring, *KNOWN, policy=policy) == {PLACES[name] for name in found}


@pytest.mark.parametrize("name", PLACES)
def test_who_says_so_has_them_or_not_whatever_the_cluster_knows(name: str) -> None:
    assert PLACES[name] in kinds({name: {"enabled": True}})
    assert PLACES[name] not in kinds({**READ, name: {"enabled": False}}, *KNOWN)


def test_a_group_without_alerts_is_left_out() -> None:
    rule = chart.objects({"monitoring": {"prometheusRule": {"enabled": True}}})[PLACES["prometheusRule"]]
    first, second = rule["spec"]["groups"]
    without = {"enabled": True, "disabled": [one["alert"] for one in first["rules"]]}
    less = chart.objects({"monitoring": {"prometheusRule": without}})[PLACES["prometheusRule"]]
    assert less["spec"]["groups"] == [second]


def test_the_label_namespace_of_the_operators_metrics_is_not_taken_by_that_of_its_pod() -> None:
    """It says where a kind cannot be read, and the alert VllmOperatorBlind names it."""
    found = chart.objects({"monitoring": {"serviceMonitor": {"enabled": True}}})[PLACES["serviceMonitor"]]
    assert [one["honorLabels"] for one in found["spec"]["endpoints"]] == [True]
