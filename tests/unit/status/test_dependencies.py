"""What must exist for a model to be served and exposed: whose field names it, and whether servers or the Ingress need it."""

from typing import Any

from tests import observations
from tests.golden import render
from vllm_operator import api, config
from vllm_operator.kube import kinds, naming
from vllm_operator.status import dependencies

EVERYTHING = {
    "model": {"source": "pvc://weights/opt"},
    "imagePullSecrets": [{"name": "registry"}],
    "serviceAccountName": "reader",
    "engine": {
        "files": [{"name": "chat.jinja", "configMapKeyRef": {"name": "templates"}}],
        "env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}, {"name": "A"}],
    },
    "scheduling": {"priorityClassName": "urgent"},
    "expose": {"host": "a.example", "ingress": {"className": "contour", "tls": {"secretName": "web-tls"}}},
}
ROUTED = {
    "expose": {
        "host": "a.example",
        "gateway": {"parentRefs": [{"name": "edge", "namespace": "infra"}, {"name": "own"}]},
    }
}
CLAIMING: dict[str, Any] = {
    "resources": {"claims": [{"name": "a"}, {"name": "b"}]},
    "resourceClaims": [
        {"name": "a", "resourceClaimName": "shared"},
        {"name": "b", "resourceClaimTemplateName": "one-gpu"},
    ],
}
CACHED = {"model": {"source": "hf://org/name", "cache": {"size": "1Gi", "storageClassName": "fast"}}}
OF_ALL = config.Config(
    ca_config_map="authorities",
    image_pull_secrets=(api.PullSecret(name="registry-of-all"),),
    ingress_class="class-of-all",
    domain="example",
    tls_secret="tls-of-all",
)


def named(spec: dict[str, Any], settings: config.Config) -> dict[str, tuple[str, bool]]:
    """Return by whom each dependency is required, and whether for the edge."""
    owner = naming.Owner("models", "vllm11", "uid")
    plan = render.decided(owner, api.Spec.model_validate({"model": {"source": "file:///m"}, **spec}), settings)
    return {str(one.ref): (one.required_by, one.for_edge) for one in dependencies.of(plan)}


def test_what_a_spec_names_is_required_by_the_spec() -> None:
    assert named(EVERYTHING, OF_ALL) == {
        "PersistentVolumeClaim weights": ("spec", False),
        "ConfigMap authorities": ("settings", False),
        "Secret registry": ("spec", False),
        "ServiceAccount reader": ("spec", False),
        "ConfigMap templates": ("spec", False),
        "Secret hub": ("spec", False),
        "PriorityClass urgent": ("spec", False),
        "IngressClass contour": ("spec", True),
        "Secret web-tls": ("spec", True),
    }


def test_what_a_setting_names_is_required_by_the_settings() -> None:
    assert named({}, OF_ALL) == {
        "ConfigMap authorities": ("settings", False),
        "Secret registry-of-all": ("settings", False),
        "IngressClass class-of-all": ("settings", True),
        "Secret tls-of-all": ("settings", True),
    }


def test_a_gateway_is_needed_for_the_edge_wherever_it_lies() -> None:
    assert named(ROUTED, config.Config()) == {"Gateway edge": ("spec", True), "Gateway own": ("spec", True)}
    of_all = config.Config(domain="example", gateway=api.ParentRef(name="edge", namespace="infra"))
    assert named({}, of_all) == {"Gateway edge": ("settings", True)}
    plan = observations.plan(observations.state(observations.model(ROUTED), {}), config.Config())
    assert [one.ref.namespace for one in dependencies.of(plan)] == ["infra", "models"]


def test_where_nothing_is_named_nothing_is_looked_for() -> None:
    assert named({}, config.Config()) == {}


def test_the_class_of_a_claim_and_the_issuer_of_a_certificate_are_looked_for() -> None:
    assert named(CACHED, config.Config()) == {"StorageClass fast": ("spec", False)}
    for kind in ("Issuer", "ClusterIssuer"):
        assert named(issued(kind), config.Config()) == {
            "Secret vllm11.tls": ("spec", True),
            f"{kind} ours": ("spec", True),
        }


def test_claims_of_devices_and_their_templates_are_looked_for() -> None:
    assert named(CLAIMING, config.Config()) == {
        "ResourceClaim shared": ("spec", False),
        "ResourceClaimTemplate one-gpu": ("spec", False),
    }


def issued(kind: str) -> dict[str, Any]:
    return {"expose": {"host": "a.example", "ingress": {"tls": {"issuerRef": {"name": "ours", "kind": kind}}}}}


def test_with_roles_alone_no_class_is_looked_for() -> None:
    alone = OF_ALL.model_copy(update={"watch_namespaces": ("models",)})
    assert set(named(EVERYTHING, OF_ALL)) - set(named(EVERYTHING, alone)) == {
        "IngressClass contour",
        "PriorityClass urgent",
    }


def test_a_namespaced_dependency_lies_in_the_models_namespace() -> None:
    plan = observations.plan(observations.state(observations.model(EVERYTHING), {}), OF_ALL)
    found = {one.ref.kind: one.ref.namespace for one in dependencies.of(plan)}
    assert {kind for kind, namespace in found.items() if namespace != "models"} == {"IngressClass", "PriorityClass"}


def test_the_kinds_are_all_there_are() -> None:
    specs = (EVERYTHING, ROUTED, CACHED, CLAIMING, issued("Issuer"), issued("ClusterIssuer"))
    found = {name.partition(" ")[0] for spec in specs for name in named(spec, OF_ALL)}
    assert found == {kind.kind for kind in dependencies.KINDS}
    assert all(kind.kind in kinds.BY_NAME for kind in dependencies.KINDS)
