"""One example for each leaf of a spec: a value, what else the spec says, and the kinds whose objects change by it.

A field that is added gets a row here. Its test sets the value on a real API server, finds the change in the kinds that the row
names, and takes the value back. `ACTS_LATER` has the leaves that change no object by themselves, each with the test of its act.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

SPEC: dict[str, Any] = {"model": {"source": "pvc://weights/opt"}}
SERVER, GUARD = "Deployment", "Secret"
HUB = {"model": {"source": "hf://facebook/opt-125m", "cache": {"size": "1Gi"}}}
SHARED = {"model": {"source": "hf://facebook/opt-125m", "cache": {"existingClaim": "weights"}}}
ADAPTED = {"model": {**SPEC["model"], "adapters": [{"name": "sql", "source": "hf://org/sql"}]}}
SECRET_ENV = {"engine": {"env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}]}}
FILES = {"engine": {"files": [{"name": "a.jinja", "configMapKeyRef": {"name": "templates", "key": "a"}}]}}
HOST = {"expose": {"host": "a.example"}}
ROUTED = {"expose": {"host": "a.example", "gateway": {"parentRefs": [{"name": "edge"}]}}}
ISSUED = {"expose": {"host": "a.example", "ingress": {"tls": {"issuerRef": {"name": "acme"}}}}}
CLAIMS = {
    "resources": {"claims": [{"name": "gpus"}]},
    "resourceClaims": [{"name": "gpus", "resourceClaimName": "shared"}],
}
BY_TEMPLATE = {**CLAIMS, "resourceClaims": [{"name": "gpus", "resourceClaimTemplateName": "two"}]}
CLIENT = {"access": {"clients": [{"name": "a"}]}}
LIMITED = {"access": {"clients": [{"name": "a", "rateLimit": {"requests": 60}}]}}
EXPRESSION = {"key": "zone", "operator": "In", "values": ["a"]}
LABELS = {"matchLabels": {"team": "a"}, "matchExpressions": [EXPRESSION]}
SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": LABELS}
HARD, SOFT = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"


class Row(NamedTuple):
    """`value`: that of the leaf; `changes`: a kind whose object it changes; `given`: what the spec says with and without it.

    `also`: other leaves that must be set with it.
    """

    value: Any
    changes: str = SERVER
    given: Mapping[str, Any] = {}
    also: Mapping[str, Any] = {}


def _under(prefix: str, given: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Row]:
    return {f"{prefix}{name}": Row(value, given=given) for name, value in values.items()}


def _expressions(prefix: str, given: Mapping[str, Any]) -> dict[str, Row]:
    values = {"key": "other", "operator": "NotIn", "values[]": "b"}
    return _under(f"{prefix}.matchExpressions[].", given, values)


def _node_affinity() -> dict[str, Row]:
    field = "spec.scheduling.affinity.nodeAffinity"
    terms = {HARD: {"nodeSelectorTerms": [{"matchExpressions": [EXPRESSION]}]}}
    wishes = {SOFT: [{"weight": 1, "preference": {"matchExpressions": [EXPRESSION]}}]}
    hard, soft = ({"scheduling": {"affinity": {"nodeAffinity": one}}} for one in (terms, wishes))
    return {
        **_expressions(f"{field}.{HARD}.nodeSelectorTerms[]", hard),
        **_expressions(f"{field}.{SOFT}[].preference", soft),
        f"{field}.{SOFT}[].weight": Row(7, given=soft),
    }


def _pod_affinity(kind: str) -> dict[str, Row]:
    field, term = f"spec.scheduling.affinity.{kind}", {"topologyKey": "zone", "labelSelector": LABELS}
    hard = {"scheduling": {"affinity": {kind: {HARD: [term]}}}}
    soft = {"scheduling": {"affinity": {kind: {SOFT: [{"weight": 1, "podAffinityTerm": term}]}}}}
    values = {
        "topologyKey": "rack", "labelSelector.matchLabels{}": {"team": "b"},
        "matchLabelKeys[]": "stage", "mismatchLabelKeys[]": "x",
    }  # fmt: skip
    return {
        **_under(f"{field}.{HARD}[].", hard, values),
        **_expressions(f"{field}.{HARD}[].labelSelector", hard),
        **_under(f"{field}.{SOFT}[].podAffinityTerm.", soft, values),
        **_expressions(f"{field}.{SOFT}[].podAffinityTerm.labelSelector", soft),
        f"{field}.{SOFT}[].weight": Row(7, given=soft),
    }


def _spread() -> dict[str, Row]:
    field, given = (
        "spec.scheduling.topologySpreadConstraints[]",
        {"scheduling": {"topologySpreadConstraints": [SPREAD]}},
    )
    values = {
        "maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "ScheduleAnyway", "matchLabelKeys[]": "stage", "minDomains": 2,
        "labelSelector.matchLabels{}": {"team": "b"}, "nodeAffinityPolicy": "Ignore", "nodeTaintsPolicy": "Honor",
    }  # fmt: skip
    return {**_under(f"{field}.", given, values), **_expressions(f"{field}.labelSelector", given)}


def _tolerations() -> dict[str, Row]:
    given = {"scheduling": {"tolerations": [{"key": "a", "operator": "Equal", "value": "x", "effect": "NoExecute"}]}}
    exists = {"scheduling": {"tolerations": [{"key": "a", "effect": "NoSchedule"}]}}
    values = {"key": "b", "value": "y", "effect": "NoSchedule", "tolerationSeconds": 9}
    field = "spec.scheduling.tolerations[]."
    return {**_under(field, given, values), f"{field}operator": Row("Exists", given=exists)}


ROWS: dict[str, Row] = {
    "spec.model.source": Row("pvc://weights/other"),
    "spec.model.credentialsSecretRef.name": Row("hub", "Job", HUB),
    "spec.model.digest": Row(f"sha256:{'0' * 64}", "Job", HUB),
    "spec.model.files[]": Row("*.json", "Job", HUB),
    "spec.model.cache.size": Row("2Gi", "PersistentVolumeClaim", HUB),
    "spec.model.cache.storageClassName": Row("fast", "PersistentVolumeClaim", HUB),
    "spec.model.cache.accessMode": Row("ReadWriteMany", "PersistentVolumeClaim", HUB),
    "spec.model.cache.retain": Row(True, "PersistentVolumeClaim", HUB),
    "spec.model.cache.existingClaim": Row("others", "Job", SHARED),
    "spec.model.servedName": Row("another"),
    "spec.model.servedNames[]": Row("another"),
    "spec.model.adapters[].name": Row("tone", given=ADAPTED),
    "spec.model.adapters[].source": Row("hf://org/tone", given=ADAPTED),
    "spec.model.task": Row("Embed"),
    "spec.replicas": Row(2, "PodDisruptionBudget"),
    "spec.resources.limits{}": Row({"memory": "8Gi"}),
    "spec.resources.requests{}": Row({"cpu": "2"}),
    "spec.resources.claims[].name": Row("a", given=CLAIMS, also={"spec.resourceClaims[].name": "a"}),
    "spec.resources.claims[].request": Row("big", given=CLAIMS),
    "spec.resourceClaims[].name": Row("a", given=CLAIMS, also={"spec.resources.claims[].name": "a"}),
    "spec.resourceClaims[].resourceClaimName": Row("other", given=CLAIMS),
    "spec.resourceClaims[].resourceClaimTemplateName": Row("other", given=BY_TEMPLATE),
    "spec.engine.image": Row("registry.example/vllm:2"),
    "spec.engine.maxModelLen": Row(512),
    "spec.engine.allowLongContext": Row(True),
    "spec.engine.trustRemoteCode": Row(True),
    "spec.engine.args[]": Row("--seed=1"),
    "spec.engine.env[].name": Row(
        "VLLM_LOG_STATS_INTERVAL", given={"engine": {"env": [{"name": "OTHER", "value": "x"}]}}
    ),
    "spec.engine.env[].value": Row("y", given={"engine": {"env": [{"name": "OTHER", "value": "x"}]}}),
    "spec.engine.env[].valueFrom.secretKeyRef.name": Row("other", given=SECRET_ENV),
    "spec.engine.env[].valueFrom.secretKeyRef.key": Row("other", given=SECRET_ENV),
    "spec.engine.files[].name": Row("b.jinja", given=FILES),
    "spec.engine.files[].configMapKeyRef.name": Row("other", given=FILES),
    "spec.engine.files[].configMapKeyRef.key": Row("other", given=FILES),
    "spec.engine.media.allowDomains[]": Row("images.example.com"),
    "spec.engine.startupTimeout": Row("1h"),
    "spec.engine.drainTimeout": Row("2m"),
    "spec.engine.stallTimeout": Row("0s"),
    "spec.guard.resources.limits{}": Row({"memory": "1Gi"}),
    "spec.guard.resources.requests{}": Row({"cpu": "1"}),
    "spec.access.defaultRateLimit.requests": Row(9, GUARD),
    "spec.access.defaultRateLimit.unit": Row("Hour", GUARD),
    "spec.access.maxQueuedRequests": Row(3),
    "spec.access.maxRequestBytes": Row(2048, GUARD),
    "spec.access.clients[].name": Row("b", GUARD, CLIENT),
    "spec.access.clients[].rateLimit.requests": Row(9, GUARD, LIMITED),
    "spec.access.clients[].rateLimit.unit": Row("Hour", GUARD, LIMITED),
    "spec.access.clients[].expiresAt": Row("2030-01-01T00:00:00Z", GUARD, CLIENT),
    "spec.access.clients[].keyVersion": Row(2, GUARD, CLIENT),
    "spec.access.clients[].keySecretRef.name": Row("vault", GUARD, CLIENT),
    "spec.access.cors.allowOrigins[]": Row("https://app.example", GUARD),
    "spec.expose.host": Row("a.example", "Ingress"),
    "spec.expose.path": Row("/opt", "Ingress", HOST),
    "spec.expose.url": Row("https://b.example", "Ingress", HOST),
    "spec.expose.ingress.className": Row("other", "Ingress", HOST),
    "spec.expose.ingress.annotations{}": Row({"team": "a"}, "Ingress", HOST),
    "spec.expose.ingress.tls.secretName": Row("tls", "Ingress", HOST),
    "spec.expose.ingress.tls.issuerRef.name": Row("other", "Ingress", ISSUED),
    "spec.expose.ingress.tls.issuerRef.kind": Row("ClusterIssuer", "Ingress", ISSUED),
    "spec.expose.gateway.parentRefs[].name": Row("other", "HTTPRoute", ROUTED),
    "spec.expose.gateway.parentRefs[].namespace": Row("others", "HTTPRoute", ROUTED),
    "spec.expose.gateway.parentRefs[].sectionName": Row("https", "HTTPRoute", ROUTED),
    "spec.expose.serviceAnnotations{}": Row({"team": "a"}, "Service"),
    "spec.expose.guide": Row(False, GUARD),
    "spec.paused": Row(True),
    "spec.imagePullSecrets[].name": Row("registry"),
    "spec.serviceAccountName": Row("reader"),
    "spec.podMetadata.labels{}": Row({"team": "a"}),
    "spec.podMetadata.annotations{}": Row({"team": "a"}),
    "spec.rollout.strategy": Row("Recreate"),
    "spec.scheduling.nodeSelector{}": Row({"zone": "a"}),
    "spec.scheduling.priorityClassName": Row("goldens"),
    "spec.scheduling.schedulerName": Row("other"),
    "spec.scheduling.runtimeClassName": Row("nvidia"),
    "spec.securityContext.fsGroup": Row(7),
    "spec.securityContext.supplementalGroups[]": Row(7),
    **_node_affinity(),
    **_pod_affinity("podAffinity"),
    **_pod_affinity("podAntiAffinity"),
    **_spread(),
    **_tolerations(),
}
FOR_EVER = ("spec.access.clients[].keyVersion", "spec.model.cache.")
"""Beginnings of leaves that a model keeps as it was made with them: they are taken back by making it anew."""
ACTS_LATER = {
    "spec.access.rotationOverlap": "tests/unit/keys/test_rotation.py",
    "spec.rollout.returnAfter": "tests/unit/children/test_rollout.py",
}
"""Leaves that act when time passes: when a key was replaced, and when a new version is not verified."""
