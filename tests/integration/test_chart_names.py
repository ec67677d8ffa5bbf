"""How the chart's objects are called and labelled: as they were, unless the values say otherwise, and then all alike."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests import chart

ALL: dict[str, Any] = {
    "replicas": 2,
    "networkPolicy": {"enabled": True},
    "monitoring": {
        name: {"enabled": True} for name in ("serviceMonitor", "podMonitor", "prometheusRule", "dashboards")
    },
}
AS_THEY_WERE = {
    ("ClusterRole", "vllm-operator"), ("ClusterRole", "vllm-operator-edit"), ("ClusterRole", "vllm-operator-view"),
    ("ClusterRoleBinding", "vllm-operator"), ("CustomResourceDefinition", "modeldeployments.serving.byteshop.in"),
    ("Deployment", "vllm-operator"), ("Pod", "vllm-operator-test"), ("PodDisruptionBudget", "vllm-operator"),
    ("PodMonitor", "vllm-operator-models"), ("Role", "vllm-operator"), ("RoleBinding", "vllm-operator"),
    ("Service", "vllm-operator"), ("ServiceAccount", "vllm-operator"), ("ServiceMonitor", "vllm-operator"),
    ("ValidatingAdmissionPolicy", "vllm-operator.ops.allow"), ("ValidatingAdmissionPolicy", "vllm-operator.ops.writes"),
    ("ValidatingAdmissionPolicyBinding", "vllm-operator.ops.allow"),
    ("ValidatingAdmissionPolicyBinding", "vllm-operator.ops.writes"),
}  # fmt: skip
"""Objects of version 0.1.0: one that gets another name is made anew, and the one before is lost with what it holds."""
SELECTOR = {"app.kubernetes.io/name": "vllm-operator", "app.kubernetes.io/instance": "vllm-operator"}
"""Labels by which the Deployment of 0.1.0 finds its pods: Kubernetes lets nobody change them."""


def selectors(one: Any) -> Iterator[dict[str, str]]:
    """Yield what an object selects by."""
    if isinstance(one, list):
        for inner in one:
            yield from selectors(inner)
    if isinstance(one, dict):
        for name in ("selector", "labelSelector"):
            found = one.get(name, {})
            yield found.get("matchLabels", found)
        for inner in one.values():
            yield from selectors(inner)


def test_an_upgrade_renames_nothing() -> None:
    found = chart.objects(ALL)
    assert set(found) >= AS_THEY_WERE
    assert found["Deployment", "vllm-operator"]["spec"]["selector"] == {"matchLabels": SELECTOR}


@pytest.mark.parametrize("watched", [[], ["a"]], ids=["cluster", "namespaces"])
def test_every_object_follows_a_name_of_ones_own(watched: list[str]) -> None:
    given = {**ALL, "watchNamespaces": watched}
    named = json.dumps([*chart.objects({**given, "nameOverride": "models"}).values()])
    whole = json.dumps([*chart.objects({**given, "fullnameOverride": "vllm-operator-models"}).values()])
    label = '"app.kubernetes.io/name": "{}'
    assert named.replace(label.format("models"), label.format("vllm-operator")) == whole
    assert named != whole


def test_a_name_that_is_part_of_the_releases_is_not_said_twice() -> None:
    assert ("Deployment", "vllm-operator") in chart.objects({"nameOverride": "operator"})


def test_each_object_has_the_common_labels_and_annotations_and_none_selects_by_them() -> None:
    found = chart.objects({**ALL, "commonLabels": {"team": "a"}, "commonAnnotations": {"note": "b"}})
    assert [ref for ref, one in found.items() if one["metadata"]["labels"].get("team") != "a"] == []
    assert [ref for ref, one in found.items() if one["metadata"]["annotations"].get("note") != "b"] == []
    kinds = [one for (kind, _), one in found.items() if kind != "CustomResourceDefinition"]
    assert [chosen for one in kinds for chosen in selectors(one) if "team" in chosen] == []


def test_what_is_said_of_one_object_wins_over_what_is_common_to_all() -> None:
    own = {"podLabels": {"a": "pod"}, "serviceAccount": {"annotations": {"a": "account"}}}
    found = chart.objects(
        {**own, "commonLabels": {"a": "all", "helm.sh/chart": "x"}, "commonAnnotations": {"a": "all"}}
    )
    pod = found["Deployment", "vllm-operator"]["spec"]["template"]
    assert pod["metadata"]["labels"]["a"] == "pod"
    assert found["ServiceAccount", "vllm-operator"]["metadata"]["annotations"]["a"] == "account"
    assert found["Service", "vllm-operator"]["metadata"]["labels"]["helm.sh/chart"] == f"vllm-operator-{chart.VERSION}"


def test_nulls_are_empty() -> None:
    maps = ("commonLabels", "commonAnnotations", "podLabels", "podAnnotations")
    nulls = dict.fromkeys((*maps, "extraEnv", "extraVolumes", "extraVolumeMounts"))
    assert chart.objects(nulls) == chart.objects({})
