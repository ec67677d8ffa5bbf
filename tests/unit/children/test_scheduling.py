"""Where a pod may run and as whom: as the spec says, as the API server gives it back, and nothing of it where nothing is said."""

from typing import Any

from tests import canonical
from vllm_operator import api, config
from vllm_operator.children import pod, template
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "vllm11", "u")
PLAIN: dict[str, Any] = {"model": {"source": "file:///models/opt"}}
DEFAULTS = config.Config(image_pull_secrets=(api.PullSecret(name="of-all"),))


def rendered(settings: config.Config | None = None, **spec: Any) -> kinds.Object:
    """Return the pod template's spec."""
    wanted = api.Spec.model_validate({**PLAIN, **spec})
    found: kinds.Object = pod.template(OWNER, wanted, settings or config.Config())["spec"]
    return found


def test_what_is_not_said_does_not_appear() -> None:
    said = {
        "scheduling": {"nodeSelector": {}, "tolerations": [], "affinity": {"nodeAffinity": {}, "podAffinity": {}}},
        "podMetadata": {"labels": {}},
        "imagePullSecrets": [],
        "guard": {"resources": {}},
    }
    assert rendered(**said) == rendered()
    assert not {"nodeSelector", "tolerations", "affinity", "imagePullSecrets", "serviceAccountName"} & rendered().keys()


def test_fields_at_their_default_restart_nothing() -> None:
    explicit = {"scheduling": {}, "podMetadata": {}, "guard": {"resources": {}}, "imagePullSecrets": []}
    assert template.digest(api.Spec.model_validate({**PLAIN, **explicit})) == template.digest(
        api.Spec.model_validate(PLAIN)
    )


def test_each_field_is_a_new_template() -> None:
    plain = template.digest(api.Spec.model_validate(PLAIN))
    changes: tuple[dict[str, Any], ...] = (
        {"imagePullSecrets": [{"name": "a"}]},
        {"serviceAccountName": "a"},
        {"podMetadata": {"labels": {"a": "b"}}},
        {"guard": {"resources": {"limits": {"cpu": 1}}}},
        {"scheduling": {"priorityClassName": "a"}},
        {"scheduling": {"schedulerName": "a"}},
        {"securityContext": {"fsGroup": 1}},
        {"resourceClaims": [{"name": "a", "resourceClaimName": "b"}]},
        {"resources": {"claims": [{"name": "a"}]}},
    )
    assert len({plain, *(template.digest(api.Spec.model_validate({**PLAIN, **one})) for one in changes)}) == 10


def test_the_operators_pull_secrets_are_of_models_that_name_none() -> None:
    assert rendered(DEFAULTS)["imagePullSecrets"] == [{"name": "of-all"}]
    assert rendered(DEFAULTS, imagePullSecrets=[{"name": "own"}])["imagePullSecrets"] == [{"name": "own"}]


def test_another_scheduler_places_the_servers() -> None:
    assert rendered(scheduling={"schedulerName": "kai-scheduler"})["schedulerName"] == "kai-scheduler"


def test_devices_by_claims_are_allocated_to_the_pod_and_used_by_the_engine() -> None:
    claims = [{"name": "gpus", "resourceClaimTemplateName": "two"}, {"name": "nic", "resourceClaimName": "shared"}]
    used = [{"name": "gpus", "request": "first"}, {"name": "nic"}]
    found = rendered(resources={"limits": {"cpu": 1}, "claims": used}, resourceClaims=claims)
    assert found["resourceClaims"] == claims
    assert found["containers"][0]["resources"]["claims"] == used
    assert "claims" not in found["initContainers"][0]["resources"]


GROUPS = config.Config(fs_group=7, supplemental_groups=(8,))


def groups(settings: config.Config, **spec: Any) -> dict[str, Any]:
    found: dict[str, Any] = rendered(settings, **spec)["securityContext"]
    return {name: value for name, value in found.items() if "roup" in name and name != "runAsGroup"}


def test_volumes_have_the_group_of_the_spec_else_of_the_settings_else_none() -> None:
    assert groups(config.Config()) == {}
    of_settings = {"fsGroup": 7, "fsGroupChangePolicy": "OnRootMismatch", "supplementalGroups": [8]}
    assert groups(GROUPS) == of_settings
    assert groups(GROUPS, securityContext={"fsGroup": 1}) == {**of_settings, "fsGroup": 1}
    assert groups(GROUPS, securityContext={"supplementalGroups": [2, 3]}) == {
        **of_settings,
        "supplementalGroups": [2, 3],
    }


def test_the_operators_own_labels_win() -> None:
    spec = api.Spec.model_validate({**PLAIN, "podMetadata": {"labels": {naming.MODEL_LABEL: "other", "team": "a"}}})
    labels = pod.template(OWNER, spec, config.Config())["metadata"]["labels"]
    assert labels == {**naming.labels("vllm11", "server"), "team": "a"}


def test_the_guard_has_the_settings_where_the_spec_is_silent() -> None:
    wanted = {"limits": {"cpu": "1000m"}, "requests": {"memory": "0.5Gi"}}
    resources = rendered(guard={"resources": wanted})["initContainers"][0]["resources"]
    assert {"memory": "512Mi", "cpu": "1"}.items() <= resources["limits"].items()
    assert {"cpu": "50m", "memory": "512Mi"}.items() <= resources["requests"].items()


def test_a_spread_without_selector_counts_the_models_own_servers() -> None:
    spread = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    for given, selector in (({}, {"matchLabels": naming.selector("vllm11")}), ({"labelSelector": {}}, {})):
        [found] = rendered(scheduling={"topologySpreadConstraints": [{**spread, **given}]})["topologySpreadConstraints"]
        assert found == {**spread, "labelSelector": selector}


def test_servers_are_spread_over_nodes_where_possible_unless_the_spec_says_otherwise() -> None:
    """Those of each version for themselves: the old ones, which go, are not counted."""
    [found] = rendered()["topologySpreadConstraints"]
    assert found == {
        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": naming.selector("vllm11")}, "matchLabelKeys": ["pod-template-hash"],
    }  # fmt: skip
    zones = {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    [found] = rendered(scheduling={"topologySpreadConstraints": [zones]})["topologySpreadConstraints"]
    assert found["topologyKey"] == "zone"


def test_the_number_of_servers_changes_nothing_of_their_template() -> None:
    assert rendered(replicas=1) == rendered(replicas=7)


def test_a_selector_may_be_empty_and_a_value_too() -> None:
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": ""}, "matchExpressions": []}}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    found = rendered(
        scheduling={"affinity": affinity, "tolerations": [{"key": "a", "value": "", "tolerationSeconds": 0}]}
    )
    [term] = found["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["labelSelector"] == {"matchLabels": {"a": ""}}
    assert found["tolerations"] == [{"key": "a", "tolerationSeconds": 0}]
    assert canonical.lossy({part: found[part] for part in ("affinity", "tolerations")}) == ()


def test_the_cluster_may_choose_the_user() -> None:
    assert rendered(config.Config(run_as_user=None))["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
