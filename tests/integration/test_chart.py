"""The chart as Helm renders it: what the operator is told, what it may do, and what it refuses to guess."""

import pytest

from tests import chart
from tests.integration import chart_rows, chart_seen
from vllm_operator import config

HELMS = ("helm", "helm3")
OPERATOR = ("Deployment", "vllm-operator")


@pytest.mark.parametrize("group", HELMS)
def test_helm_lint_finds_nothing(group: str) -> None:
    done = chart.run("lint", "--strict", str(chart.DIRECTORY), group=group)
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_helms_render_the_same() -> None:
    assert chart.objects({"watchNamespaces": ["a"]}) == chart.objects({"watchNamespaces": ["a"]}, "helm3")


def test_without_an_image_it_says_what_to_do() -> None:
    done = chart.template({})
    assert done.returncode != 0
    assert "image.repository is not set" in done.stderr


def test_a_service_account_that_is_not_created_must_be_named() -> None:
    done = chart.template({"image": {"repository": "x"}, "serviceAccount": {"create": False}})
    assert "serviceAccount.name is not set" in done.stderr


def test_the_settings_it_writes_are_the_ones_the_operator_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    values = chart_seen.all_of({path: one.value for path, one in chart_rows.TURNED.items()})
    for name, value in chart_seen.variables(
        chart.objects({**values, "fullnameOverride": "", "nameOverride": ""})
    ).items():
        monkeypatch.setenv(name, value)
    settings = config.Config()
    changed = {name for name, value in settings if value != config.Config.model_fields[name].default}
    not_from_values = {"namespace", "identity", "lease_name", "http_port", "workers"}
    assert changed == set(config.Config.model_fields) - not_from_values
    assert settings.allow.pod_labels == ("a",)
    assert settings.image_pull_secrets[0].name == "a"
    assert settings.watch_namespaces == ("a",)
    assert settings.run_as_user is None
    assert settings.engine_images == {
        "cpu": "mirror.example/x:1",
        "nvidia.com/gpu": "mirror.example/vllm/vllm-openai:v0.33.0",
        "amd.com/gpu": "mirror.example/vllm/vllm-openai-rocm:v0.33.0",
        "gpu.intel.com/xe": "mirror.example/vllm/vllm-openai-xpu:v0.33.0",
    }


def test_every_variable_of_the_operators_is_a_setting() -> None:
    names = chart_seen.variables(chart.objects({"caBundle": {"configMap": "ca"}, "proxy": {"http": "http://x"}}))
    own = {name.removeprefix("VLLM_OPERATOR_").lower() for name in names if name.startswith("VLLM_OPERATOR_")}
    assert own <= set(config.Config.model_fields)


def test_named_namespaces_are_watched_by_roles_alone() -> None:
    found = chart.objects({"watchNamespaces": ["a", "b"]})
    assert not [kind for kind, _ in found if kind.startswith("ClusterRole")]
    assert {one["metadata"]["namespace"] for (kind, _), one in found.items() if kind == "Role"} <= {"ops", "a", "b"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, True),
        ({"watchNamespaces": ["a"]}, True),
        ({"watchNamespaces": ["a"], "crds": {"install": False}}, False),
        ({"watchNamespaces": ["a"], "crds": {"install": False}, "admission": {"enabled": True}}, True),
        ({"admission": {"enabled": False}}, False),
    ],
)
def test_who_installs_the_crd_installs_the_policies_and_is_told_where_there_are_none(
    values: dict[str, object], *, expected: bool
) -> None:
    found = {name for kind, name in chart.objects(values) if kind == "ValidatingAdmissionPolicy"}
    assert found == ({"vllm-operator.ops.writes", "vllm-operator.ops.allow"} if expected else set())
    assert ("admission.enabled=true" in chart.notes(values)) is not expected


def test_the_built_in_roles_get_the_new_kind_where_it_is_asked_for() -> None:
    found = chart.objects({"watchNamespaces": ["a"], "rbac": {"aggregateRoles": True}})
    assert {name for kind, name in found if kind == "ClusterRole"} == {"vllm-operator-view", "vllm-operator-edit"}


def test_the_crd_is_kept_when_the_chart_goes() -> None:
    crd = chart.objects({})["CustomResourceDefinition", "modeldeployments.serving.byteshop.in"]
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("vllm-cpu:1", "mirror.example/vllm-cpu:1"),
        ("vllm/vllm-openai:v1", "mirror.example/vllm/vllm-openai:v1"),
        ("quay.io/x/y:1", "quay.io/x/y:1"),
        ("registry:5000/x:1", "registry:5000/x:1"),
        ("localhost/x:1", "localhost/x:1"),
        ("", ""),
    ],
)
def test_a_registry_of_ones_own_stands_before_what_names_none(image: str, expected: str) -> None:
    found = chart.objects({"global": {"imageRegistry": "mirror.example/"}, "engine": {"images": {"cpu": image}}})
    assert f'"cpu":"{expected}"' in chart_seen.variables(found)["VLLM_OPERATOR_ENGINE_IMAGES"]


def test_with_a_registry_of_ones_own_the_operators_image_needs_no_name() -> None:
    done = chart.template({"global": {"imageRegistry": "mirror.example"}})
    assert f"image: mirror.example/vllm-operator:{chart.VERSION}" in done.stdout


def test_the_operator_never_asks_a_proxy_for_the_api_server() -> None:
    found = chart_seen.variables(chart.objects({"proxy": {"https": "http://proxy.example:3128"}}))
    assert found["NO_PROXY"] == found["no_proxy"]
    assert found["NO_PROXY"].split(",")[0] == "$(KUBERNETES_SERVICE_HOST)"
    assert "HTTP_PROXY" not in found


def test_labels_of_ones_own_do_not_hide_the_pods_from_their_deployment() -> None:
    spec = chart.objects({"podLabels": {"app.kubernetes.io/name": "other", "team": "a"}})[OPERATOR]["spec"]
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_a_spread_of_ones_own_counts_the_operators_pods() -> None:
    own = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    other = {**own, "labelSelector": {"matchLabels": {"a": "b"}}}
    operator = chart.objects({"topologySpreadConstraints": [own, other]})[OPERATOR]["spec"]
    filled, kept = operator["template"]["spec"]["topologySpreadConstraints"]
    assert filled["labelSelector"] == operator["selector"]
    assert kept == other


def test_one_replica_has_no_budget_that_could_stand_in_a_drains_way() -> None:
    assert ("PodDisruptionBudget", "vllm-operator") not in chart.objects({})
    assert ("PodDisruptionBudget", "vllm-operator") in chart.objects({"replicas": 2})


def test_a_long_release_name_is_cut_to_what_a_service_may_have() -> None:
    done = chart.run("template", "r" * 53, str(chart.DIRECTORY), "--set", "image.repository=x")
    assert f"name: {'r' * 53}-vllm-oper\n" in done.stdout


def test_the_test_pod_has_no_token_and_no_right() -> None:
    pod = chart.objects({})["Pod", "vllm-operator-test"]
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert "hook-succeeded" in pod["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod["spec"]
