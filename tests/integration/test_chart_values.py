"""Every value of the chart, turned: what changes where, and what is refused in words that name it."""

import pytest

from tests import chart
from tests.integration import chart_seen
from tests.integration.chart_rows import TURNED

VALUES = {value.path: value for value in chart.values()}
WRONG = {"string": ["x"], "integer": "x", "boolean": "x", "array": "x", "object": "x"}
"""A value that is none of that type."""


def refusal(values: object, group: str = "helm") -> str:
    done = chart.template(values, group=group)
    assert done.returncode != 0, f"{values} was taken"
    return done.stderr


OF_A_CHART_AROUND = {"enabled"}
"""Values that act only on a chart that has this one as a dependency: test_chart_umbrella.py."""


def test_every_value_is_turned_here() -> None:
    assert set(TURNED) | OF_A_CHART_AROUND == set(VALUES)


@pytest.mark.parametrize("path", TURNED)
def test_a_value_does_what_it_says(path: str) -> None:
    turned = TURNED[path]
    given = turned.given or {}
    assert turned.seen(chart.objects(given)) != turned.expected
    assert turned.seen(chart.objects(chart_seen.merged(given, path, turned.value))) == turned.expected


def test_a_value_of_a_wrong_type_is_refused_by_name() -> None:
    words = refusal(chart_seen.all_of({path: WRONG[chart.types(value)[0]] for path, value in VALUES.items()}))
    assert [path for path in VALUES if f"at '/{path.replace('.', '/')}': got " not in words] == []


def test_a_misspelt_value_is_refused_by_name() -> None:
    places = {path.rpartition(".")[0] for path in VALUES} - {"global"}
    words = refusal(chart_seen.all_of({f"{place}.mispelt".lstrip("."): True for place in sorted(places)}))
    said = [f"at '{'/' * bool(place)}{place.replace('.', '/')}': additional properties 'mispelt'" for place in places]
    assert [one for one in said if one not in words] == []


BAD: dict[str, object] = {
    "image.tag": "a b", "image.digest": "sha256:12", "image.pullPolicy": "Sometimes", "watchNamespaces": ["a", "a"],
    "replicas": 0, "logLevel": "LOUD", "guard.image": "", "guard.resources.cpu": "much", "pods.runAsUser": 0, "pods.fsGroup": 0,
    "engine.env": {"cpu": {"A": 1}},
    "allow.remoteCode": {"models": ["org/name"]}, "allow.engineArgs": ["middleware"], "allow.engineEnv": ["A B"],
    "pods.supplementalGroups": [0],
    "expose.domain": "https://x.example", "proxy.http": "http://user:secret@proxy", "caBundle.key": "../x",
    "monitoring.podMonitor.interval": "often", "podDisruptionBudget.maxUnavailable": 0, "resources.limits": {"cpu": "-1"},
    "topologySpreadConstraints": [{"maxSkew": 1}], "tolerations": [{"effect": "NoRun"}], "imagePullSecrets": ["x"],
    "affinity": {"node": {}}, "allow.domains": {"a": ["*.x"]}, "allow.podLabels": ["a*b"], "allow.images": [""],
    "serviceAccount.name": "A", "podLabels": {"a": True}, "fullnameOverride": "1a", "nameOverride": "A",
    "monitoring.prometheusRule.disabled": ["Nothing"], "monitoring.serviceMonitor.enabled": "sometimes",
    "commonLabels": {"a": "b c"}, "strategy": {"type": "Never"}, "revisionHistoryLimit": -1, "extraVolumes": [{}],
    "podSecurityContext": {"runAsRoot": True}, "securityContext": {"capabilities": {"drop": ["all of"]}},
    "extraEnv": [{"name": "1"}], "extraVolumeMounts": [{}], "extraObjects": [{}], "networkPolicy.apiServer.ports": [0],
    "networkPolicy.apiServer.cidrs": ["x"],
}  # fmt: skip


def test_a_value_out_of_its_bounds_is_refused_by_name() -> None:
    words = refusal(chart_seen.all_of(BAD))
    assert [path for path in BAD if f"at '/{path.replace('.', '/')}" not in words] == []


def test_helm_3_refuses_by_name_too() -> None:
    assert "replica" in refusal({"replica": 2}, "helm3")
    assert "replicas" in refusal({"replicas": "two"}, "helm3")


def test_what_helm_shares_with_other_charts_is_no_error() -> None:
    assert chart.objects({"global": {"others": 1}})
