"""Every value of the chart, turned: what changes where, and what is refused in words that name it."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from tests import chart

VALUES = {value.path: value for value in chart.values()}
WRONG = {"string": ["x"], "integer": "x", "boolean": "x", "array": "x", "object": "x"}
"""A value that is none of that type."""

StatusContext = Callable[[chart.Objects], object]


class Turned(NamedTuple):
    """A value other than the default, and where it is to be seen; `given` must be so for it to be seen at all."""

    value: object
    seen: StatusContext
    expected: object
    given: dict[str, Any] | None = None


def at(kind: str, name: str, *path: str | int) -> StatusContext:
    """Look into the object; None where there is no such place."""

    def seen(found: chart.Objects) -> object:
        here: Any = found.get((kind, name))
        for step in path:
            here = None if here is None else here[step] if isinstance(step, int) else here.get(step)
        return here

    return seen


def there(kind: str, name: str) -> StatusContext:
    return lambda found: (kind, name) in found


def template(*path: str | int) -> StatusContext:
    return at("Deployment", "vllm-operator", "spec", "template", *path)


def container(*path: str | int) -> StatusContext:
    return template("spec", "containers", 0, *path)


def monitor(kind: str, *path: str | int) -> StatusContext:
    return at(kind, "vllm-operator" if kind == "ServiceMonitor" else "vllm-operator-models", *path)


def setting(name: str) -> StatusContext:
    return lambda found: variables(found).get(name)


def allowed(name: str, value: object) -> Turned:
    return Turned(value, lambda found: json.loads(variables(found)["VLLM_OPERATOR_ALLOW"])[name], value)


def issuer(field: str) -> StatusContext:
    return lambda found: json.loads(variables(found).get("VLLM_OPERATOR_ISSUER_REF", "{}")).get(field)


def gateway(field: str) -> StatusContext:
    return lambda found: json.loads(variables(found).get("VLLM_OPERATOR_GATEWAY", "{}")).get(field)


def variables(found: chart.Objects) -> dict[str, str]:
    """Return the variables of the operator's container, those with a plain value."""
    entries: Any = container("env")(found)
    return {entry["name"]: entry["value"] for entry in entries if "value" in entry}


DIGEST = f"sha256:{'0' * 64}"
GUARD = "envoyproxy/envoy:distroless-v1.40.0"
PROXY = "http://proxy.example:3128"
INSIDE = "localhost,127.0.0.1,::1,.svc,.cluster.local"
WATCHED = {"monitoring": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}}
CRD = ("CustomResourceDefinition", "modeldeployments.serving.byteshop.in")
BUDGET = ("PodDisruptionBudget", "vllm-operator")
ACCOUNT = ("ServiceAccount", "vllm-operator")
LABEL = ("metadata", "labels", "a")

TURNED = {
    "global.imageRegistry": Turned("mirror.example", setting("VLLM_OPERATOR_GUARD_IMAGE"), f"mirror.example/{GUARD}"),
    "nameOverride": Turned("x", there("Deployment", "vllm-operator-x"), expected=True),
    "commonLabels": Turned({"a": "b"}, at(*ACCOUNT, *LABEL), "b"),
    "commonAnnotations": Turned({"a": "b"}, at(*ACCOUNT, "metadata", "annotations"), {"a": "b"}),
    "fullnameOverride": Turned("other", there("Deployment", "other"), expected=True),
    "image.repository": Turned("registry.example/mine", container("image"), f"registry.example/mine:{chart.VERSION}"),
    "image.tag": Turned("9", container("image"), "registry.example/operator:9"),
    "image.digest": Turned(DIGEST, container("image"), f"registry.example/operator:{chart.VERSION}@{DIGEST}"),
    "image.pullPolicy": Turned("Never", container("imagePullPolicy"), "Never"),
    "imagePullSecrets": Turned([{"name": "a"}], template("spec", "imagePullSecrets"), [{"name": "a"}]),
    "crds.install": Turned(False, there(*CRD), expected=False),
    "crds.keep": Turned(False, at(*CRD, "metadata", "annotations"), None),
    "watchNamespaces": Turned(["a"], there("ClusterRole", "vllm-operator"), expected=False),
    "rbac.aggregateRoles": Turned(False, there("ClusterRole", "vllm-operator-view"), expected=False),
    "serviceAccount.create": Turned(
        False, there("ServiceAccount", "a"), expected=False, given={"serviceAccount": {"name": "a"}}
    ),
    "serviceAccount.name": Turned("mine", template("spec", "serviceAccountName"), "mine"),
    "serviceAccount.annotations": Turned({"a": "b"}, at(*ACCOUNT, "metadata", "annotations"), {"a": "b"}),
    "engine.images": Turned({"cpu": "x:1"}, lambda found: '"cpu":"x:1"' in setting("VLLM_OPERATOR_ENGINE_IMAGES")(found), True),
    "weights.hub": Turned("https://hub.example", setting("VLLM_OPERATOR_HUB_URL"), "https://hub.example"),
    "weights.s3": Turned("https://s3.example", setting("VLLM_OPERATOR_S3_URL"), "https://s3.example"),
    "weights.offline": Turned(True, setting("VLLM_OPERATOR_WEIGHTS_OFFLINE"), "true"),
    "engine.env": Turned(
        {"cpu": {"A": "b"}}, lambda found: json.loads(variables(found)["VLLM_OPERATOR_ENGINE_ENV"]), {"cpu": {"A": "b"}}
    ),
    "guard.image": Turned("a:v1.40.0", setting("VLLM_OPERATOR_GUARD_IMAGE"), "a:v1.40.0"),
    "guard.resources.cpu": Turned("1", setting("VLLM_OPERATOR_GUARD_CPU"), "1"),
    "guard.resources.memory": Turned("1Gi", setting("VLLM_OPERATOR_GUARD_MEMORY"), "1Gi"),
    "guard.resources.memoryLimit": Turned("2Gi", setting("VLLM_OPERATOR_GUARD_MEMORY_LIMIT"), "2Gi"),
    "pods.scratch.size": Turned("8Gi", setting("VLLM_OPERATOR_SCRATCH_SIZE"), "8Gi"),
    "pods.scratch.weights": Turned("4Ti", setting("VLLM_OPERATOR_SCRATCH_WEIGHTS"), "4Ti"),
    "pods.scratch.reserved": Turned("2Gi", setting("VLLM_OPERATOR_SCRATCH_RESERVED"), "2Gi"),
    "pods.runAsUser": Turned(None, setting("VLLM_OPERATOR_RUN_AS_USER"), "null"),
    "pods.fsGroup": Turned(7, setting("VLLM_OPERATOR_FS_GROUP"), "7"),
    "pods.supplementalGroups": Turned([7, 8], setting("VLLM_OPERATOR_SUPPLEMENTAL_GROUPS"), "[7,8]"),
    "pods.imagePullSecrets": Turned([{"name": "a"}], setting("VLLM_OPERATOR_IMAGE_PULL_SECRETS"), '[{"name":"a"}]'),
    "allow.images": allowed("images", ["a.example"]),
    "allow.domains": allowed("domains", {"models": ["x.example"]}),
    "allow.remoteCode": allowed("remoteCode", {"models": ["hf://org"]}),
    "allow.engineArgs": allowed("engineArgs", ["--kv-transfer-config", "--otel-*"]),
    "allow.engineEnv": allowed("engineEnv", ["LMCACHE_*"]),
    "allow.serviceAccounts": allowed("serviceAccounts", ["a"]),
    "allow.podLabels": allowed("podLabels", ["a"]),
    "allow.podAnnotations": allowed("podAnnotations", ["a/*"]),
    "allow.ingressAnnotations": allowed("ingressAnnotations", ["a"]),
    "allow.ingressClasses": allowed("ingressClasses", ["inner"]),
    "allow.serviceAnnotations": allowed("serviceAnnotations", ["a"]),
    "allow.gateways": allowed("gateways", ["infra/edge"]),
    "allow.clusterIssuers": allowed("clusterIssuers", ["a"]),
    "admission.enabled": Turned(
        False, there("ValidatingAdmissionPolicy", "vllm-operator.ops.writes"), expected=False
    ),
    "egress.enabled": Turned(False, setting("VLLM_OPERATOR_EGRESS"), "false"),
    "egress.to": Turned(
        [{"cidr": "10.1.0.0/16", "ports": [443]}, {"namespace": "minio"}], setting("VLLM_OPERATOR_EGRESS_TO"),
        '[{"cidr":"10.1.0.0/16","ports":[443]},{"namespace":"minio"}]',
    ),
    "egress.except": Turned(["10.0.0.0/8"], setting("VLLM_OPERATOR_EGRESS_EXCEPT"), '["10.0.0.0/8"]'),
    "expose.domain": Turned("x.example", setting("VLLM_OPERATOR_DOMAIN"), "x.example"),
    "expose.ingressClass": Turned("contour", setting("VLLM_OPERATOR_INGRESS_CLASS"), "contour"),
    "expose.tlsSecret": Turned("tls", setting("VLLM_OPERATOR_TLS_SECRET"), "tls"),
    "expose.namespaces": Turned(["edge"], setting("VLLM_OPERATOR_CLIENT_NAMESPACES"), '["edge"]'),
    "expose.ingressAnnotations": Turned({"a": "b"}, setting("VLLM_OPERATOR_INGRESS_ANNOTATIONS"), '{"a":"b"}'),
    "expose.gateway.name": Turned("edge", gateway("name"), "edge"),
    "expose.gateway.namespace": Turned("infra", gateway("namespace"), "infra", {"expose": {"gateway": {"name": "edge"}}}),
    "expose.gateway.sectionName": Turned("https", gateway("sectionName"), "https", {"expose": {"gateway": {"name": "edge"}}}),
    "expose.issuerRef.name": Turned("acme", issuer("name"), "acme"),
    "expose.issuerRef.kind": Turned("Issuer", issuer("kind"), "Issuer", {"expose": {"issuerRef": {"name": "acme"}}}),
    "expose.scheme": Turned("https", setting("VLLM_OPERATOR_SCHEME"), "https"),
    "expose.guide": Turned(False, setting("VLLM_OPERATOR_GUIDE"), "false"),
    "proxy.http": Turned(PROXY, setting("HTTP_PROXY"), PROXY),
    "proxy.https": Turned(PROXY, setting("https_proxy"), PROXY),
    "proxy.noProxy": Turned(".x", setting("VLLM_OPERATOR_NO_PROXY"), f"{INSIDE},.x", {"proxy": {"http": PROXY}}),
    "caBundle.configMap": Turned("ca", setting("SSL_CERT_FILE"), "/etc/ca-bundle/ca.crt"),
    "caBundle.key": Turned(
        "all.pem", template("spec", "volumes", 0, "configMap", "items", 0, "key"), "all.pem", {"caBundle": {"configMap": "ca"}}
    ),
    "monitoring.namespaces": Turned(["m"], setting("VLLM_OPERATOR_MONITORING_NAMESPACES"), '["m"]'),
    "monitoring.serviceMonitor.enabled": Turned(True, there("ServiceMonitor", "vllm-operator"), expected=True),
    "monitoring.serviceMonitor.interval": Turned(
        "5s", monitor("ServiceMonitor", "spec", "endpoints", 0, "interval"), "5s", WATCHED
    ),
    "monitoring.serviceMonitor.labels": Turned({"a": "b"}, monitor("ServiceMonitor", *LABEL), "b", WATCHED),
    "monitoring.podMonitor.enabled": Turned(True, there("PodMonitor", "vllm-operator-models"), expected=True),
    "monitoring.podMonitor.interval": Turned(
        "5s", monitor("PodMonitor", "spec", "podMetricsEndpoints", 1, "interval"), "5s", WATCHED
    ),
    "monitoring.podMonitor.labels": Turned({"a": "b"}, monitor("PodMonitor", *LABEL), "b", WATCHED),
    "replicas": Turned(2, at("Deployment", "vllm-operator", "spec", "replicas"), 2),
    "upgrade.policy": Turned("Rolling", setting("VLLM_OPERATOR_UPGRADE_POLICY"), "Rolling"),
    "upgrade.atOnce": Turned(3, setting("VLLM_OPERATOR_UPGRADE_AT_ONCE"), "3"),
    "logLevel": Turned("DEBUG", setting("VLLM_OPERATOR_LOG_LEVEL"), "DEBUG"),
    "resources.requests": Turned({"cpu": 1}, container("resources", "requests", "cpu"), 1),
    "resources.limits": Turned({"memory": "1Gi"}, container("resources", "limits", "memory"), "1Gi"),
    "podDisruptionBudget.enabled": Turned(False, there(*BUDGET), expected=False, given={"replicas": 2}),
    "podDisruptionBudget.maxUnavailable": Turned(2, at(*BUDGET, "spec", "maxUnavailable"), 2, {"replicas": 3}),
    "topologySpreadConstraints": Turned([], template("spec", "topologySpreadConstraints"), None),
    "priorityClassName": Turned("high", template("spec", "priorityClassName"), "high"),
    "nodeSelector": Turned({"a": "b"}, template("spec", "nodeSelector"), {"a": "b"}),
    "tolerations": Turned([{"key": "a"}], template("spec", "tolerations"), [{"key": "a"}]),
    "affinity": Turned({"nodeAffinity": {"x": 1}}, template("spec", "affinity"), {"nodeAffinity": {"x": 1}}),
    "podAnnotations": Turned({"a": "b"}, template("metadata", "annotations", "a"), "b"),
    "podLabels": Turned({"a": "b"}, template(*LABEL), "b"),
}  # fmt: skip


def refusal(values: object, group: str = "helm") -> str:
    done = chart.template(values, group=group)
    assert done.returncode != 0, f"{values} was taken"
    return done.stderr


def merged(values: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return `values` with `value` at `path`, whatever stands there."""
    name, _, rest = path.partition(".")
    return {**values, name: merged(values.get(name, {}), rest, value) if rest else value}


def all_of(values: Mapping[str, object]) -> dict[str, Any]:
    """Return the values that hold each of `values`, by path."""
    whole: dict[str, Any] = {}
    for path, value in values.items():
        whole = merged(whole, path, value)
    return whole


OF_A_CHART_AROUND = {"enabled"}
"""Values that act only on a chart that has this one as a dependency: test_chart_umbrella.py."""


def test_every_value_is_turned_here() -> None:
    assert set(TURNED) | OF_A_CHART_AROUND == set(VALUES)


@pytest.mark.parametrize("path", TURNED)
def test_a_value_does_what_it_says(path: str) -> None:
    turned = TURNED[path]
    given = turned.given or {}
    assert turned.seen(chart.objects(given)) != turned.expected
    assert turned.seen(chart.objects(merged(given, path, turned.value))) == turned.expected


def test_a_value_of_a_wrong_type_is_refused_by_name() -> None:
    words = refusal(all_of({path: WRONG[chart.types(value)[0]] for path, value in VALUES.items()}))
    assert [path for path in VALUES if f"at '/{path.replace('.', '/')}': got " not in words] == []


def test_a_misspelt_value_is_refused_by_name() -> None:
    places = {path.rpartition(".")[0] for path in VALUES} - {"global"}
    words = refusal(all_of({f"{place}.mispelt".lstrip("."): True for place in sorted(places)}))
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
    "commonLabels": {"a": "b c"},
}  # fmt: skip


def test_a_value_out_of_its_bounds_is_refused_by_name() -> None:
    words = refusal(all_of(BAD))
    assert [path for path in BAD if f"at '/{path.replace('.', '/')}" not in words] == []


def test_helm_3_refuses_by_name_too() -> None:
    assert "replica" in refusal({"replica": 2}, "helm3")
    assert "replicas" in refusal({"replicas": "two"}, "helm3")


def test_what_helm_shares_with_other_charts_is_no_error() -> None:
    assert chart.objects({"global": {"others": 1}})
