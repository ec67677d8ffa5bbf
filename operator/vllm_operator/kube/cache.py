"""What was seen of the models, their objects and their pods, as projections: what desired() and status() read, and no more.

Fed by watches and by the answers to our own writes; the newest resource version wins. What is gone stays gone: an answer that
arrives after the end of its object is older than that end. Only objects with the label of a model are kept, for the watch would
never tell of the others' end. Must not do any I/O, and must not change what it hands out.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from vllm_operator.kube import field_ownership, kinds, naming

GRAVES = 10_000  # ends that are remembered: far more than there can be while one write waits for its answer
POD_METADATA = ("name", "namespace", "uid", "resourceVersion", "labels", "annotations", "creationTimestamp",
                "deletionTimestamp", "ownerReferences")  # fmt: skip
POD_STATUS = ("phase", "reason", "message", "podIP", "conditions")
CONTAINER_STATUS = ("name", "image", "ready", "started", "restartCount", "state", "lastState")


class Entry(NamedTuple):
    """One object of the store; `posted`: its fields have not passed from our POST to our apply yet."""

    obj: kinds.Object
    version: int
    posted: bool


class Cache:
    """The objects by reference and by model."""

    def __init__(self) -> None:
        self._entries: dict[kinds.Ref, Entry] = {}
        self._of: dict[kinds.Key, dict[kinds.Ref, None]] = {}
        self._ends: dict[kinds.Ref, int] = {}

    def put(self, obj: kinds.Object) -> tuple[kinds.Key, ...]:
        """Take `obj` in where it is newer; return the models that something relevant changed for, none where nothing did."""
        ref, key, entry = kinds.ref(obj), naming.key(obj), _entry(obj)
        before = self._entries.get(ref)
        newest = max(self._ends.get(ref, 0), before.version if before else 0)
        if key is None or entry.version <= newest:
            return ()
        self._entries[ref] = entry
        if before is None:
            self._of.setdefault(key, {})[ref] = None
            return (key,)
        return self._changed(ref, key, before, entry)

    def remove(self, obj: kinds.Object) -> tuple[kinds.Key, ...]:
        """Forget the object that a DELETED event names, and all that is older; return the models concerned."""
        return self._forget(kinds.ref(obj), _version(obj))

    def drop(self, ref: kinds.Ref) -> None:
        """Forget an object that a read did not find; only what is newer than all that was known of it comes back."""
        if entry := self._entries.get(ref):
            self._forget(ref, entry.version)

    def purge(self, kind: kinds.Kind, namespace: str, listed: set[kinds.Ref], version: str) -> tuple[kinds.Key, ...]:
        """Forget what a complete list of `version` no longer held; what is newer than the list stays."""
        gone = [
            ref
            for ref in self._entries
            if ref.kind == kind.kind and namespace in ("", ref.namespace) and ref not in listed
        ]
        return tuple(key for ref in gone for key in self._forget(ref, int(version)))

    def get(self, ref: kinds.Ref) -> kinds.Object | None:
        """Return the object, if it is known."""
        entry = self._entries.get(ref)
        return entry.obj if entry else None

    def is_posted(self, ref: kinds.Ref) -> bool:
        """Tell whether the object's fields have yet to pass from our POST to our apply."""
        entry = self._entries.get(ref)
        return bool(entry and entry.posted)

    def model(self, key: kinds.Key) -> kinds.Object | None:
        """Return the ModelDeployment, if it is known."""
        return self.get(_model_ref(key))

    def models(self) -> tuple[kinds.Key, ...]:
        """Return the keys of all ModelDeployments."""
        return tuple(key for key in self._of if _model_ref(key) in self._entries)

    def of(self, key: kinds.Key) -> tuple[kinds.Object, ...]:
        """Return all that carries the label of the model: its objects and its pods, the model itself left out."""
        return tuple(self._entries[ref].obj for ref in self._of.get(key, ()) if ref.kind != kinds.MODEL_DEPLOYMENT.kind)

    def _changed(self, ref: kinds.Ref, key: kinds.Key, before: Entry, after: Entry) -> tuple[kinds.Key, ...]:
        old = naming.key(before.obj)
        if old is not None and old != key:
            self._unindex(old, ref)
            self._of.setdefault(key, {})[ref] = None
            return (old, key)
        return () if _same(before.obj, after.obj) else (key,)

    def _forget(self, ref: kinds.Ref, version: int) -> tuple[kinds.Key, ...]:
        entry = self._entries.get(ref)
        if entry and entry.version > version:
            return ()
        self._bury(ref, version)
        if entry is None or (key := naming.key(entry.obj)) is None:
            return ()
        del self._entries[ref]
        self._unindex(key, ref)
        return (key,)

    def _bury(self, ref: kinds.Ref, version: int) -> None:
        self._ends[ref] = max(version, self._ends.pop(ref, 0))
        if len(self._ends) > GRAVES:
            del self._ends[next(iter(self._ends))]

    def _unindex(self, key: kinds.Key, ref: kinds.Ref) -> None:
        del self._of[key][ref]
        if not self._of[key]:
            del self._of[key]


def _model_ref(key: kinds.Key) -> kinds.Ref:
    return kinds.Ref(kinds.MODEL_DEPLOYMENT.kind, key.namespace, key.name)


def _version(obj: kinds.Object) -> int:
    return int(obj["metadata"]["resourceVersion"])


def _same(one: kinds.Object, other: kinds.Object) -> bool:
    """Tell whether two projections differ in their resource version alone."""
    return _versionless(one) == _versionless(other)


def _versionless(obj: kinds.Object) -> kinds.Object:
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": ""}}


def _entry(obj: kinds.Object) -> Entry:
    return Entry(PROJECTIONS.get(obj["kind"], _unmanaged)(obj), _version(obj), field_ownership.is_posted(obj))


def _unmanaged(obj: kinds.Object) -> kinds.Object:
    return {**obj, "metadata": _without(obj["metadata"], ("managedFields",))}


def _pod(pod: kinds.Object) -> kinds.Object:
    status, spec = pod.get("status", {}), pod.get("spec", {})
    images = [_only(one, ("name", "image")) for one in spec.get("initContainers", [])]
    containers = {
        name: [_only(one, CONTAINER_STATUS) for one in status[name]]
        for name in ("containerStatuses", "initContainerStatuses")
        if name in status
    }
    return {
        **_only(pod, ("apiVersion", "kind")),
        "metadata": _only(pod["metadata"], POD_METADATA),
        "spec": {**_only(spec, ("nodeName",)), **({"initContainers": images} if images else {})},
        "status": {**_only(status, POD_STATUS), **containers},
    }


def _only(fields: kinds.Object, names: Iterable[str]) -> kinds.Object:
    return {name: fields[name] for name in names if name in fields}


def _without(fields: kinds.Object, names: Iterable[str]) -> kinds.Object:
    return {name: value for name, value in fields.items() if name not in names}


PROJECTIONS: dict[str, Callable[[kinds.Object], kinds.Object]] = {kinds.POD.kind: _pod}
