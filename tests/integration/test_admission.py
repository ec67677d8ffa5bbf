"""The chart's policy on the operator's own account, on a real API server: what it lets through, and in which words it refuses.

The account of this release is given every right there is, so that a refusal is the policy's and no role's.
"""

import copy
import json
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from dev import binaries
from tests import audit, kubectl, waiting
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


class Account(kubectl.Admin):
    """kubectl in the hands of the operator's account."""

    def attempt(self, *arguments: str, body: dict[str, Any] | None = None) -> str:
        """Run kubectl as the account; return what it was refused with, empty where all went well."""
        place = (body or {}).get("metadata", {}).get("namespace", self.namespace)
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{RELEASE}", "system:authenticated")
        who = (f"--as={USER}", *(f"--as-group={group}" for group in groups))
        command = [binaries.find("kubectl"), f"--kubeconfig={self.kubeconfig}", f"--namespace={place}", *who]
        stdin = None if body is None else json.dumps(body)
        done = subprocess.run([*command, *arguments], input=stdin, capture_output=True, text=True, check=False)
        return done.stderr if done.returncode else ""


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


@pytest.fixture(scope="module")
def held(served: pathlib.Path) -> Iterator[Account]:
    """The account under the policy, a model's objects, and a stranger's."""
    admin = Account(served, PLACE)
    for namespace in (RELEASE, PLACE):
        account.kubectl(served, "create", "namespace", namespace)
    accounts = [*account.ALLOW["serviceAccounts"], *render.SETTINGS.allow.service_accounts]
    allow = {**render.ALLOW.model_dump(mode="json", by_alias=True), "serviceAccounts": accounts}
    values = {"allow": allow, "watchNamespaces": [PLACE]}
    account.apply(served, account.rights(RELEASE, values))
    everything = ("--clusterrole=cluster-admin", f"--serviceaccount={RELEASE}:{account.NAME}")
    admin.kubectl("create", "clusterrolebinding", RELEASE, *everything)
    account.apply(served, list(_objects(served, admin)))
    waiting.until("the policy", lambda: admin.attempt(*DRY, body=foreign(SECRET, "x")))
    yield admin
    admin.kubectl("delete", "namespace", PLACE, RELEASE, "--wait=false")
    admin.kubectl("delete", "clusterrolebinding", RELEASE)


def _objects(served: pathlib.Path, admin: Account) -> Iterator[dict[str, Any]]:
    model = kubectl.model(MODEL)
    model["metadata"]["namespace"] = PLACE
    uid = kubectl.create(served, model)["metadata"]["uid"]
    by_model = controlled("ModelDeployment", "serving.byteshop.in/v1alpha1", MODEL, uid)
    account.apply(served, [foreign(SECRET, "theirs")])
    by_another = controlled("Secret", "v1", "theirs", admin.get("secret", "theirs")["metadata"]["uid"])
    yield SECRET
    yield foreign(SECRET, "stripped", ownerReferences=by_model)
    yield foreign(SECRET, "disputed", labels={**LABELS, OWNER: uid}, ownerReferences=by_another)
    yield deployment(MODEL)
    yield deployment("damaged", containers=[PRIVILEGED], volumes=[HOST_PATH], hostPID=True, serviceAccountName="admin")
    yield foreign(deployment("theirs", {"app": "theirs"}), "theirs")
    yield from (shape_cases.spoiled(case, PLACE) for case in shape_cases.SPOILED)
    yield POD
    yield foreign(POD, "theirs")


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


@pytest.mark.parametrize(("body", "words"), [case[1:] for case in CREATED], ids=[case[0] for case in CREATED])
def test_what_it_may_not_create_is_refused(held: Account, body: dict[str, Any], words: str) -> None:
    refusal = held.attempt(*DRY, body=body)
    assert f"ValidatingAdmissionPolicy 'vllm-operator.{RELEASE}.writes'" in refusal
    assert words in refusal


@pytest.mark.parametrize("case", shape_cases.CASES, ids=[case.name for case in shape_cases.CASES])
def test_no_object_of_another_shape_than_it_renders_is_created(held: Account, case: shape_cases.Case) -> None:
    refusal = held.attempt(*DRY, body=case.body(PLACE))
    assert f"ValidatingAdmissionPolicy 'vllm-operator.{RELEASE}.writes'" in refusal
    assert case.words in refusal


@pytest.mark.parametrize(("command", "words"), [case[1:] for case in OTHERWISE], ids=[case[0] for case in OTHERWISE])
def test_what_it_may_not_do_is_refused(held: Account, command: tuple[str, ...], words: str) -> None:
    refusal = held.attempt(*command)
    assert f"ValidatingAdmissionPolicy 'vllm-operator.{RELEASE}.writes'" in refusal
    assert words in refusal


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


@pytest.mark.parametrize("command", [case[1] for case in ALLOWED], ids=[case[0] for case in ALLOWED])
def test_what_it_has_to_do_is_let_through(held: Account, command: tuple[str, ...]) -> None:
    assert held.attempt(*command) == ""


@pytest.mark.parametrize("body", [
    EVENT, lease(account.NAME, RELEASE), deployment("x", serviceAccountName="models-a"),
    deployment("x", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]),
], ids=["an Event", "its Lease", "a pod of an allowed account", "a pod with a claim"])  # fmt: skip
def test_what_it_has_to_create_is_let_through(held: Account, body: dict[str, Any]) -> None:
    assert held.attempt(*DRY, body=body) == ""


def test_a_service_that_a_webhook_of_the_platform_annotates_is_let_through(held: Account) -> None:
    """GKE notes on each new Service that its load balancers reach pods directly."""
    [body] = [
        one
        for one in render.desired(render.case("plain"))
        if one["metadata"]["name"] == "vllm11" and one["kind"] == "Service"
    ]
    noted = {"cloud.google.com/neg": '{"ingress":true}'}
    body = {**body, "metadata": {**body["metadata"], "namespace": PLACE, "annotations": noted}}
    assert held.attempt(*DRY, body=body) == ""


def test_every_child_of_every_golden_is_let_through(held: Account) -> None:
    children = [child for case in render.CASES for child in render.desired(render.model(case))]
    moved = copy.deepcopy(children)
    for child in moved:
        child["metadata"]["namespace"] = PLACE
    assert held.attempt(*DRY, body={"apiVersion": "v1", "kind": "List", "items": moved}) == ""


def test_nobody_else_is_held(held: Account) -> None:
    held.kubectl(*DRY, stdin=json.dumps(foreign(SECRET, "x")))
