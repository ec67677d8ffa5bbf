"""What belongs to a model: nothing else with its label, or one of its names, counts in its status or is asked."""

from typing import Any

import pytest

from tests import observations, samples
from tests.golden import render
from vllm_operator import guard
from vllm_operator.children import template
from vllm_operator.kube import cache, failures, kinds, naming
from vllm_operator.status import guard_conditions, observed

KEY = kinds.Key("models", "vllm11")
MODEL = observations.model()
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
OURS = samples.made_by_deployment("vllm11")
(REPLICA_SET,) = OURS["ownerReferences"]


def pod(name: str, metadata: kinds.Object = OURS) -> kinds.Object:
    """Return a pod that answers, with a guard of an image named like it."""
    spec = {"initContainers": [{"name": "guard", "image": f"envoy:{name}"}]}
    found = {"name": name, "namespace": "models", "uid": name, **metadata}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": found, "spec": spec, "status": READY}


def owned_by(**changed: Any) -> kinds.Object:
    """Return the metadata of a pod whose maker differs from a ReplicaSet of ours."""
    return {**OURS, "ownerReferences": [{**REPLICA_SET, **changed}]}


FOREIGN = {
    "nobody": {**OURS, "ownerReferences": []},
    "a StatefulSet": owned_by(kind="StatefulSet"),
    "a ReplicaSet of another Deployment": owned_by(name="other-1"),
    "a ReplicaSet whose name begins alike": owned_by(name="vllm11-other-1"),
    "a ReplicaSet of another template": owned_by(name="vllm11-2"),
    "a kind of the same name": owned_by(apiVersion="example.com/v1"),
    "somebody who does not control it": owned_by(controller=False),
    "a ReplicaSet without a template": {**owned_by(name="vllm11-"), "labels": naming.selector("vllm11")},
    "the model itself": {**OURS, "ownerReferences": [naming.owner_reference(naming.owner(MODEL))]},
}


def seen(*pods: kinds.Object, children: Any = None) -> observed.ObservedState:
    """Return what is observed where the model has these pods, and its children or others in their place."""
    known = cache.Cache()
    deployed = [_rolled_out(child) for child in render.desired(MODEL)]
    for version, obj in enumerate([MODEL, *(deployed if children is None else children(deployed)), *pods]):
        known.put({**obj, "metadata": {**obj["metadata"], "resourceVersion": str(version + 1)}})
    found = observed.snapshot(known, KEY)
    assert found
    return found


def test_what_the_deployment_made_belongs_to_the_model() -> None:
    found = seen(pod("a"), pod("b"))
    assert [one["metadata"]["name"] for one in found.pods()] == ["b", "a"]
    assert found.child(kinds.DEPLOYMENT, "vllm11")


@pytest.mark.parametrize("metadata", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_pod_with_the_label_counts_nowhere(metadata: kinds.Object) -> None:
    found = seen(pod("ours"), pod("foreign", metadata))
    assert [one["metadata"]["name"] for one in found.pods()] == ["ours"]
    assert template.guard_images(found.pods()) == ("envoy:ours",)
    asked = found._replace(guards={"ours": guard.State(guard_conditions.wanted(found), 0)})
    assert guard_conditions.guard_configured(asked).reason == guard_conditions.CONFIGURED
    assert guard_conditions.guarded(seen(pod("foreign", metadata))) == []


def test_nothing_of_a_stranger_is_counted() -> None:
    """As after `kubectl delete --cascade=orphan` and another apply: what there is belongs to a model that is no more."""
    found = seen(pod("a"), children=lambda ours: [_of_another(child) for child in ours])
    assert found.objects == {}
    ref = kinds.Ref("Deployment", "models", "vllm11")
    taken = {ref: failures.value(ref, failures.NotOwned(ref, "nobody known to the operator"))}
    body = observations.status(found._replace(failures=taken))
    available = next(one for one in body["conditions"] if one["type"] == "Available")
    assert (available["status"], available["reason"]) == ("False", "NameTaken")
    assert body["readyReplicas"] == 0
    assert [("keyVersion" in one, one["appliedOn"]) for one in body["clients"]] == [(False, 0)]


def test_pods_of_a_strangers_deployment_are_the_strangers() -> None:
    def taken(ours: list[kinds.Object]) -> list[kinds.Object]:
        return [_of_another(child) if child["kind"] == "Deployment" else child for child in ours]

    assert seen(pod("a"), children=taken).pods() == []


def _rolled_out(child: kinds.Object) -> kinds.Object:
    return {**child, "status": observations.rolled_out()} if child["kind"] == "Deployment" else child


def _of_another(child: kinds.Object) -> kinds.Object:
    metadata = child["metadata"]
    labels = {**metadata["labels"], naming.OWNER_LABEL: "another"}
    return {**child, "metadata": {**metadata, "labels": labels, "ownerReferences": []}}
