"""What the operator's account may and may not write under the chart's policy, with words of each refusal."""

import json
from typing import Any

from tests import audit, kubectl
from tests.golden import render
from tests.integration import account, shape_cases
from vllm_operator.children import security

RELEASE, PLACE, MODEL = "policed-operator", "policed-models", "policed"
USER = audit.account(RELEASE, account.NAME)
OWNER, GUARD_VERSION = "serving.byteshop.in/owner", "serving.byteshop.in/guard-version"
LABELS = {"serving.byteshop.in/model": MODEL}
CONTAINER = {"name": "x", "image": "x", "securityContext": security.container()}
PRIVILEGED = {**CONTAINER, "securityContext": {"privileged": True}}
USER_CONTEXT = security.pod(render.SETTINGS)
HOST_PATH = {"name": "v", "hostPath": {"path": "/"}}
DRY = ("create", "--dry-run=server", "-f", "-")


def owned(kind: str, name: str, api: str = "v1", **body: Any) -> dict[str, Any]:
    """An object that carries the labels of a model's."""
    metadata = {"name": name, "namespace": PLACE, "labels": {**LABELS, OWNER: "u"}}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **body}


def foreign(obj: dict[str, Any], name: str, **metadata: Any) -> dict[str, Any]:
    """The same object without labels."""
    return {**obj, "metadata": {"name": name, "namespace": PLACE, **metadata}}


def deployment(name: str, labels: dict[str, str] = LABELS, **pod: Any) -> dict[str, Any]:
    spec = {"automountServiceAccountToken": False, "securityContext": USER_CONTEXT, "containers": [CONTAINER], **pod}
    template = {"metadata": {"labels": labels}, "spec": spec}
    selector = {"matchLabels": labels}
    return owned("Deployment", name, "apps/v1", spec={"replicas": 0, "selector": selector, "template": template})


def lease(name: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name, "namespace": namespace},
        "spec": {"holderIdentity": "x"},
    }  # fmt: skip


def controlled(kind: str, api: str, name: str, uid: str) -> list[dict[str, Any]]:
    return [{"apiVersion": api, "kind": kind, "name": name, "uid": uid, "controller": True}]


SECRET = owned("Secret", "ours", type="Opaque", stringData={"a": "b"})
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "ours", "namespace": PLACE, "labels": LABELS}, "spec": {
    "containers": [CONTAINER]}}  # fmt: skip
EVENT = {
    "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e", "namespace": PLACE}, "type": "Normal",
    "eventTime": "2026-01-01T00:00:00.000000Z", "reason": "R", "action": "A", "reportingController": "x/y",
    "reportingInstance": "x", "regarding": {"kind": "Pod", "namespace": PLACE, "name": "ours"},
}  # fmt: skip


def patch(kind: str, name: str, body: dict[str, Any], *more: str) -> tuple[str, ...]:
    return ("patch", kind, name, "--type=merge", "--dry-run=server", "-p", json.dumps(body), *more)


def pod_patch(**pod: Any) -> tuple[str, ...]:
    return patch("deployment", MODEL, {"spec": {"template": {"spec": pod}}})


LABELLED = {"metadata": {"labels": {OWNER: "u"}}}
EDITED = {"stringData": {"a": "c"}}
TOLD = {"metadata": {"annotations": {GUARD_VERSION: "1"}}}
NOT_OURS = "only objects of its ModelDeployments"
NOT_THE_PODS = f"only the annotation {GUARD_VERSION}"
TOKEN = {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}

CREATED = [
    ("a Secret without our label", foreign(SECRET, "x"), "only objects with the label"),
    ("a Secret with another label", foreign(SECRET, "x", labels=LABELS), "only objects with the label"),
    ("a Secret with an empty label", foreign(SECRET, "x", labels={OWNER: ""}), "only objects with the label"),
    ("a ConfigMap", owned("ConfigMap", "x"), "nothing to do with /configmaps"),
    ("a set of pods of another kind", {**deployment("x"), "kind": "StatefulSet"}, "nothing to do with apps/statefulsets"),
    (
        "a token of another account",
        {**owned("Secret", "x", type="kubernetes.io/service-account-token"), "metadata": {
            "name": "x", "labels": {OWNER: "u"}, "annotations": {"kubernetes.io/service-account.name": "default"}}},
        "only Secrets of type Opaque",
    ),
    ("a pod on the host's network", deployment("x", hostNetwork=True), "have no part of their node"),
    ("a pod in the host's processes", deployment("x", hostPID=True), "have no part of their node"),
    ("a pod with a host path", deployment("x", volumes=[HOST_PATH]), "no part of their node"),
    ("a privileged pod", deployment("x", containers=[PRIVILEGED]), "have no part of their node"),
    ("a privileged first container", deployment("x", initContainers=[{**PRIVILEGED, "name": "y"}]), "no part of their node"),
    ("a pod that may gain rights", deployment("x", containers=[{"name": "x", "image": "x"}]), "no part of their node"),
    ("a pod with a token", deployment("x", automountServiceAccountToken=True), "hold no token"),
    ("a pod with a projected token", deployment("x", volumes=[TOKEN]), "hold no token"),
    ("a pod of another account", deployment("x", serviceAccountName="admin"), "allow.serviceAccounts"),
    ("another Lease", lease("vllm-operator", PLACE), f"only the Lease {RELEASE}/vllm-operator"),
    ("a Lease of another name", lease("kube-scheduler", RELEASE), f"only the Lease {RELEASE}/vllm-operator"),
    ("a pod itself", POD, NOT_THE_PODS),
    ("a ModelDeployment", kubectl.model("x"), "nothing to do with serving.byteshop.in/modeldeployments"),
]  # fmt: skip
OTHERWISE = [
    ("edits a stranger's Secret", patch("secret", "theirs", EDITED), NOT_OURS),
    ("takes a stranger's Secret by our label", patch("secret", "theirs", {**LABELLED, **EDITED}), NOT_OURS),
    ("edits what another controls under our label", patch("secret", "disputed", EDITED), NOT_OURS),
    ("lets go of a Secret", patch("secret", "ours", {"metadata": {"labels": None}}), NOT_OURS),
    ("deletes a stranger's Secret", ("delete", "secret", "theirs", "--dry-run=server"), NOT_OURS),
    ("deletes what another controls", ("delete", "secret", "disputed", "--dry-run=server"), NOT_OURS),
    ("deletes all Secrets", ("delete", "secret", "--all", "--dry-run=server"), NOT_OURS),
    ("deletes a namespace", ("delete", "namespace", PLACE, "--dry-run=server"), "nothing to do with /namespaces"),
    ("gives a Deployment a host path", pod_patch(volumes=[HOST_PATH]), "no part of"),
    ("gives a Deployment a token", pod_patch(automountServiceAccountToken=True), "hold no"),
    ("gives a Deployment a node", pod_patch(nodeName="x"), "open no port of their node"),
    ("gives a Deployment an account", pod_patch(serviceAccountName="admin"), "run as"),
    ("scales a stranger's Deployment", ("scale", "deployment", "theirs", "--replicas=1"), "nothing to do with"),
    ("tells a stranger's pod", patch("pod", "theirs", TOLD), NOT_THE_PODS),
    ("takes a stranger's pod", patch("pod", "theirs", {"metadata": {"labels": LABELS}}), NOT_THE_PODS),
    ("writes another annotation", patch("pod", "ours", {"metadata": {"annotations": {"a": "b"}}}), NOT_THE_PODS),
    ("relabels a pod", patch("pod", "ours", {"metadata": {"labels": {"a": "b"}}}), NOT_THE_PODS),
    ("changes a pod's image", ("set", "image", "pod/ours", "x=y", "--dry-run=server"), NOT_THE_PODS),
    ("holds a pod back", patch("pod", "ours", {"metadata": {"finalizers": ["a/b"]}}), NOT_THE_PODS),
    ("deletes a pod", ("delete", "pod", "ours", "--dry-run=server"), NOT_THE_PODS),
    ("writes a spec", patch("vllm", MODEL, {"spec": {"replicas": 2}}), "nothing to do with"),
    ("asks for a token", ("create", "token", "default"), "nothing to do with /serviceaccounts/token"),
    ("gives itself rights", ("create", "clusterrolebinding", "x", "--clusterrole=view", "--user=x"), "nothing to do with"),
]  # fmt: skip
ALLOWED = [
    ("edits a Secret", patch("secret", "ours", EDITED)),
    ("gives a label back", patch("secret", "stripped", LABELLED)),
    ("edits what its controller alone says is ours", patch("secret", "stripped", EDITED)),
    ("edits a Deployment", patch("deployment", MODEL, {"spec": {"minReadySeconds": 1}})),
    ("edits what somebody put a host path into", patch("deployment", "damaged", {"spec": {"minReadySeconds": 1}})),
    *((f"edits {case.name}", patch(case.kind, "spoiled", TOLD)) for case in shape_cases.SPOILED),
    ("deletes a Secret", ("delete", "secret", "ours", "--dry-run=server")),
    ("deletes what lost its label", ("delete", "secret", "stripped", "--dry-run=server")),
    ("tells a pod", patch("pod", "ours", TOLD)),
    ("writes a status", patch("vllm", MODEL, {"status": {"url": "x"}}, "--subresource=status")),
]
