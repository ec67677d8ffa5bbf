"""All that an admin may say of a model's pods, at once and for real: placed, within a quota, as a user that no image knows."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dev import demo, demo_calls, images
from tests import kubectl, waiting
from tests.e2e import conftest

NAMESPACE = "rationed"
USER = 1000650000  # as OpenShift would choose it for a namespace
MODEL = "placed"
POOL = {"example.com/pool": "models"}
TAINT = "dedicated=models:NoSchedule"
ALLOW = {
    "allow.serviceAccounts": "{weights-reader}",
    "allow.podLabels": "{cost-centre}",
    "allow.podAnnotations": "{example.com/*}",
}
SPEC: dict[str, Any] = {
    "engine": {
        "image": images.reference("vllm-cpu"),
        "args": ["--enforce-eager", "--dtype=bfloat16", "--max-num-seqs=2"],
    },
    "resources": {
        "limits": {"nvidia.com/gpu": 1, "cpu": "4", "memory": "4Gi"},
        "requests": {"cpu": "100m", "memory": "1Gi"},
    },
    "guard": {"resources": {"limits": {"cpu": "1"}, "requests": {"memory": "64Mi"}}},
    "imagePullSecrets": [{"name": "registry"}],
    "serviceAccountName": "weights-reader",
    "podMetadata": {"labels": {"cost-centre": "nlp"}, "annotations": {"example.com/owner": "nlp"}},
    "scheduling": {
        "nodeSelector": POOL,
        "tolerations": [{"key": "dedicated", "value": "models", "effect": "NoSchedule"}],
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
        ],
        "priorityClassName": "models",
        "runtimeClassName": "plain",
    },
}
QUOTA = {
    "pods": "2", "requests.cpu": "1", "limits.cpu": "6", "requests.memory": "2Gi", "limits.memory": "6Gi",
    "requests.nvidia.com/gpu": "1",
}  # fmt: skip
ANY_USER = {
    "matchConstraints": {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
        "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
    },
    "reinvocationPolicy": "Never",
    "mutations": [
        {
            "patchType": "ApplyConfiguration",
            "applyConfiguration": {
                "expression": "Object{spec: Object.spec{securityContext: Object.spec.securityContext{"
                f"runAsUser: {USER}, runAsGroup: 0, fsGroup: {USER}}}}}}}"
            },
        }
    ],
}
DOCKER = {".dockerconfigjson": json.dumps({"auths": {"registry.example": {"auth": "dXNlcjpwYXNz"}}})}


def obj(api_version: str, kind: str, name: str, namespace: str = "", **body: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


PRIORITY = obj("scheduling.k8s.io/v1", "PriorityClass", "models", value=1000)


def named() -> list[dict[str, Any]]:
    """Return what the model names, and what its namespace holds it to."""
    levels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = obj("v1", "Namespace", NAMESPACE)
    admission = "admissionregistration.k8s.io/v1"
    return [
        {**namespace, "metadata": {**namespace["metadata"], "labels": levels}},
        obj("v1", "ServiceAccount", "weights-reader", NAMESPACE),
        obj("v1", "Secret", "registry", NAMESPACE, type="kubernetes.io/dockerconfigjson", stringData=DOCKER),
        obj("v1", "ResourceQuota", "rations", NAMESPACE, spec={"hard": QUOTA}),
        obj("node.k8s.io/v1", "RuntimeClass", "plain", handler="runc"),
        obj(admission, "MutatingAdmissionPolicy", "any-user", spec=ANY_USER),
        obj(admission, "MutatingAdmissionPolicyBinding", "any-user", spec={"policyName": "any-user"}),
    ]


AMOUNTS = {"cpu": "10m", "memory": "1Mi"}
ANY_POD = obj(
    "v1", "Pod", "any",
    spec={
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{
            "name": "any", "image": "any", "resources": {"limits": AMOUNTS, "requests": AMOUNTS},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }],
    },
)  # fmt: skip


def user(admin: kubectl.Admin) -> int | None:
    """Return the user that a pod made now would get; policies take a while until they are followed."""
    asked = ("create", "--dry-run=server", "-o", "json", "-f", "-")
    made = admin.kubectl(*asked, stdin=json.dumps(ANY_POD), check=False)
    return json.loads(made)["spec"]["securityContext"].get("runAsUser") if made else None


@pytest.fixture
def placed(admin: kubectl.Admin) -> Iterator[kubectl.Admin]:
    """An admin of a namespace with a quota and a user id of its own, on a node that takes only what is meant for it."""
    demo.install(ALLOW)
    [label] = [f"{key}={value}" for key, value in POOL.items()]
    for one in named():
        demo.kubectl("apply", "-f", "-", stdin=json.dumps(one))
    admin.kubectl("label", "nodes", "--all", label)
    admin.kubectl("taint", "nodes", "--all", TAINT)
    here = kubectl.Admin(admin.kubeconfig, NAMESPACE)
    waiting.until("the policy of users", lambda: user(here) == USER, here.world)
    yield here
    admin.kubectl("taint", "nodes", "--all", f"{TAINT}-")
    admin.kubectl("label", "nodes", "--all", f"{next(iter(POOL))}-")
    admin.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    for one in (PRIORITY, *named()[-3:]):
        admin.kubectl("delete", one["kind"], one["metadata"]["name"])


def pod(admin: kubectl.Admin) -> dict[str, Any]:
    [found] = json.loads(admin.kubectl("get", "pods", "-o", "json"))["items"]
    return dict(found)


def test_a_model_with_every_comfort_serves(placed: kubectl.Admin) -> None:
    body = kubectl.model(MODEL, **SPEC)
    body["metadata"]["namespace"] = NAMESPACE
    placed.apply(body)
    waiting.until("its name", lambda: placed.condition(MODEL).get("reason") == "PriorityClassNotFound", placed.world)
    demo.kubectl("apply", "-f", "-", stdin=json.dumps(PRIORITY))
    demo.await_ready(MODEL, NAMESPACE)
    waiting.until("a token", lambda: placed.condition(MODEL, "Verified").get("status") == "True", placed.world)
    done = demo_calls.run(
        [
            "curl",
            "-sSi",
            f"http://{placed.pod_address(MODEL)}:8000/v1/models",
            "-H",
            f"Authorization: Bearer {placed.key(MODEL)}",
        ],
        capture=True,
    )
    assert conftest.Answer(done.stdout).status == 200, done.stderr
    one = pod(placed)
    assert one["metadata"]["labels"]["cost-centre"] == "nlp"
    assert one["metadata"]["annotations"]["example.com/owner"] == "nlp"
    assert (one["spec"]["priority"], one["spec"]["runtimeClassName"]) == (1000, "plain")
    assert (one["spec"]["serviceAccountName"], one["spec"]["imagePullSecrets"]) == (
        "weights-reader",
        [{"name": "registry"}],
    )
    assert placed.get("resourcequota", "rations")["status"]["used"] == {
        "pods": "1", "requests.cpu": "150m", "limits.cpu": "5", "requests.memory": "1088Mi", "limits.memory": "4608Mi",
        "requests.nvidia.com/gpu": "1",
    }  # fmt: skip
    status = one["status"]
    users = [each["user"]["linux"] for each in (*status["initContainerStatuses"], *status["containerStatuses"])]
    assert [(user["uid"], user["gid"]) for user in users] == [(USER, 0), (USER, 0)]
    assert placed.kubectl("exec", f"deployment/{MODEL}", "-c", "vllm", "--", "id", "-u").strip() == str(USER)
