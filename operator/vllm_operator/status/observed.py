"""What was observed of one model: the model, its objects and pods, and what stood in the way of the last writes.

A snapshot that plan and status read; it decides nothing. What only bears the model's label, or one of its names, is left
out here, once for all who read it: such an object is counted in no condition, and such a pod is asked nothing.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from vllm_operator import guard
from vllm_operator.kube import cache, kinds, naming
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import dependencies
from vllm_operator.status.accelerators import Stock
from vllm_operator.status.fetch_progress import FetchState
from vllm_operator.status.pod_view import Evidence, PodView


class ObservedState(NamedTuple):
    """One model as observed. `objects`: its own children and pods; then what the last look found wrong, and what was answered."""

    model: kinds.Object
    objects: Mapping[kinds.Ref, kinds.Object]
    missing: tuple[dependencies.Dependency, ...] = ()  # named by the spec or a setting, and not there
    failures: Mapping[kinds.Ref, ConditionValue] = {}  # objects that could not be written, and why
    troubles: Mapping[str, ConditionValue] = {}  # clients that have no key, and why
    guards: Mapping[str, guard.State | None] = {}  # by pod, of those asked: what its guard said last; None: no answer
    fetch: FetchState = FetchState()  # what is known of the Job that fetches weights
    evidence: Mapping[str, Evidence] = {}  # by uid of a pod: what was read of it beside its status
    stock: Stock | None = None  # the cluster's accelerators, where one was missing and they could be counted
    host_of: kinds.Ref | None = (
        None  # who has the host and path that this model asks for: a model, an Ingress or an HTTPRoute
    )
    verified: ConditionValue | None = None  # what a request through the Service has shown; None: not known
    asked: frozenset[str] = frozenset()  # the pod templates whose servers have shown it

    @property
    def owner(self) -> naming.Owner:
        """Return the owner that the model is to its children."""
        return naming.owner(self.model)

    def child(self, kind: kinds.Kind, name: str) -> kinds.Object | None:
        """Return the model's object of that kind and name."""
        return self.objects.get(kinds.Ref(kind.kind, self.model["metadata"]["namespace"], name))

    def lacking(self) -> list[dependencies.Dependency]:
        """Return what is missing and needed: a claim that has its volume needs no class, and a certificate no issuer."""
        claim = self.child(kinds.PERSISTENT_VOLUME_CLAIM, naming.weights(self.owner.name)) or {}
        is_bound = claim.get("status", {}).get("phase") == "Bound"
        is_certified = not any(one.ref.kind == kinds.SECRET.kind and one.for_edge for one in self.missing)
        needless = (*((kinds.STORAGE_CLASS.kind,) if is_bound else ()), *(dependencies.ISSUERS if is_certified else ()))
        return [one for one in self.missing if one.ref.kind not in needless]

    def edge(self) -> kinds.Object | None:
        """Return what carries the model's host: its HTTPRoute, else its Ingress; both are there while one replaces the other."""
        name = self.owner.name
        return self.child(kinds.HTTP_ROUTE, name) or self.child(kinds.INGRESS, name)

    def edges(self) -> dict[kinds.Ref, kinds.Object]:
        """Return the model's HTTPRoute and Ingress, as far as they are there."""
        found = (self.child(kind, self.owner.name) for kind in (kinds.HTTP_ROUTE, kinds.INGRESS))
        return {kinds.ref(one): one for one in found if one}

    def pods(self) -> list[kinds.Object]:
        """Return the pods that are to stay, newest first."""
        found = [obj for ref, obj in self.objects.items() if ref.kind == kinds.POD.kind and not _is_over(obj)]
        return sorted(found, key=_age, reverse=True)

    def failed(self) -> list[kinds.Object]:
        """Return the pods that have ended for good, as an evicted one has, newest first."""
        found = [obj for ref, obj in self.objects.items() if ref.kind == kinds.POD.kind and _has_failed(obj)]
        return sorted(found, key=_age, reverse=True)

    def view(self, pod: kinds.Object) -> PodView:
        """Return the pod with what was read of it."""
        last = self.model.get("status", {}).get("lastStart", {})
        return PodView(pod, self.evidence.get(str(pod["metadata"].get("uid", ""))), self.stock, last)

    def ending(self) -> list[kinds.Object]:
        """Return the pods that are being deleted."""
        return [obj for ref, obj in self.objects.items() if ref.kind == kinds.POD.kind and _is_ending(obj)]


def snapshot(objects: cache.Cache, key: kinds.Key) -> ObservedState | None:
    """Return what was seen of the model `key` and of what belongs to it, if it is known."""
    model = objects.model(key)
    if model is None:
        return None
    own = belonging(objects.of(key), naming.owner(model))
    return ObservedState(model, {kinds.ref(obj): obj for obj in own})


def belonging(labelled: Iterable[kinds.Object], owner: naming.Owner) -> list[kinds.Object]:
    """Return those of the objects with the model's label that belong to the model `owner`, and the pods of its Deployment."""
    found = list(labelled)
    children = [obj for obj in found if obj["kind"] != kinds.POD.kind and naming.is_ours(obj, owner)]
    deployed = any(obj["kind"] == kinds.DEPLOYMENT.kind and obj["metadata"]["name"] == owner.name for obj in children)
    pods = [obj for obj in found if obj["kind"] == kinds.POD.kind and _is_server(obj, owner.name)] if deployed else []
    return [*children, *pods]


def _is_server(pod: kinds.Object, deployment: str) -> bool:
    """Tell whether a ReplicaSet of the Deployment made `pod`; the label alone anybody may give to a pod."""
    made_from = naming.template_hash(pod)
    references = pod["metadata"].get("ownerReferences") or []
    maker = next((one for one in references if one.get("controller")), None)
    if maker is None or not made_from:
        return False
    group, _, _ = maker["apiVersion"].partition("/")
    return (group, maker["kind"], maker["name"]) == ("apps", "ReplicaSet", f"{deployment}-{made_from}")


def _is_over(obj: kinds.Object) -> bool:
    """Tell whether the object is being deleted, or is a pod that has ended for good, as an evicted one has."""
    return _is_ending(obj) or obj.get("status", {}).get("phase") in ("Failed", "Succeeded")


def _has_failed(obj: kinds.Object) -> bool:
    return obj.get("status", {}).get("phase") == "Failed" and not _is_ending(obj)


def _age(pod: kinds.Object) -> tuple[str, str]:
    return str(pod["metadata"].get("creationTimestamp", "")), str(pod["metadata"]["name"])


def _is_ending(obj: kinds.Object) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))
