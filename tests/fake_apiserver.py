"""A cluster in memory: the same `Api` as the real one, and the same answers, which the conformance tests see to.

It has resource versions, uids, generations, ownership of fields, preconditions, finalizers, and watches with a history that can
be forgotten. It has no controllers; `collect_garbage` stands for one. Trouble is made from outside: `interrupt(verb, ref, when)`
is called before and after each call and may raise; `cut` ends all watches, `compact` forgets their past, `frozen` silences them.
"""

import asyncio
import copy
import itertools
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tests import managed_fields
from vllm_operator.kube import client, errors, field_ownership, kinds, naming, requests

WITH_GENERATION = {"Deployment", "Ingress", "NetworkPolicy", "ModelDeployment"}
READS = {"get", "list", "watch"}


class Happened(NamedTuple):
    """One line of the history; both objects None for a bookmark."""

    version: int
    kind: str
    before: kinds.Object | None
    after: kinds.Object | None


class FakeCluster:
    """The API server and its store."""

    def __init__(self) -> None:
        self.objects: dict[kinds.Ref, kinds.Object] = {}
        self.calls: list[tuple[str, kinds.Ref]] = []
        self.interrupt: Callable[[str, kinds.Ref, str], None] = lambda _verb, _ref, _when: None
        self.permit: Callable[[], None] = lambda: None
        self.frozen = False
        self.version = 100
        self._history: list[Happened] = []
        self._forgotten = 0
        self._streams = 0
        self._news = asyncio.Event()
        self._addresses = itertools.count(1)

    # What the operator calls

    async def get(self, ref: kinds.Ref) -> kinds.Object:
        with self._calling("get", ref):
            await asyncio.sleep(0)
            return copy.deepcopy(self._live(ref))

    async def exists(self, ref: kinds.Ref) -> bool:
        with self._calling("get", ref):
            await asyncio.sleep(0)
            return ref in self.objects

    async def list(self, kind: kinds.Kind, namespace: str = "", selector: str = "") -> AsyncIterator[client.Page]:
        with self._calling("list", kinds.Ref(kind.kind, namespace, "")):
            await asyncio.sleep(0)
        found = [
            copy.deepcopy(obj)
            for ref, obj in sorted(self.objects.items())
            if ref.kind == kind.kind and namespace in ("", ref.namespace) and _matches(obj, selector)
        ]
        version = str(self.version)
        for start in range(0, max(len(found), 1), client.PAGE):
            yield client.Page(found[start : start + client.PAGE], version)
            await asyncio.sleep(0)

    async def watch(
        self, kind: kinds.Kind, version: str, namespace: str = "", selector: str = ""
    ) -> AsyncIterator[tuple[str, kinds.Object]]:
        with self._calling("watch", kinds.Ref(kind.kind, namespace, "")):
            await asyncio.sleep(0)
        stream, at = self._streams, int(version)
        while stream == self._streams:
            if at < self._forgotten:
                raise errors.Gone(410, "Expired", f"too old resource version: {at} ({self._forgotten})")
            for happened in [] if self.frozen else [one for one in self._history if one.version > at]:
                at = happened.version
                if happened.kind == kind.kind and (event := _event(happened, namespace, selector)):
                    yield event
            if self.frozen or at >= self.version:
                await self._news.wait()

    async def create(self, obj: kinds.Object) -> kinds.Object:
        return await self._create(obj, naming.FIELD_MANAGER)

    async def apply(self, obj: kinds.Object, uid: str) -> kinds.Object:
        ref = kinds.ref(obj)
        with self._calling("apply", ref):
            await asyncio.sleep(0)
            if ref not in self.objects:
                raise _conflict(
                    f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                )
            live = self._of_uid(ref, uid)
            return self._commit(ref, _applied(live, copy.deepcopy(obj)))

    async def hand_over(self, obj: kinds.Object) -> kinds.Object:
        ref = kinds.ref(obj)
        with self._calling("patch", ref):
            await asyncio.sleep(0)
            after = copy.deepcopy(self._live(ref))
            if after["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
                raise _conflict("the object has been modified")
            after["metadata"]["managedFields"] = field_ownership.handed_over(obj["metadata"]["managedFields"])
            return self._commit(ref, after)

    async def scale(self, ref: kinds.Ref, uid: str, replicas: int) -> None:
        with self._calling("patch", ref):
            await asyncio.sleep(0)
            after = copy.deepcopy(self._of_uid(ref, uid))
            after["spec"]["replicas"] = replicas
            self._commit(ref, _updated(self._live(ref), after, None))

    async def overwrite(self, obj: kinds.Object, uid: str) -> kinds.Object:
        ref = kinds.ref(obj)
        with self._calling("patch", ref):
            await asyncio.sleep(0)
            after = _patched(copy.deepcopy(self._of_uid(ref, uid)), copy.deepcopy(obj))
            return self._commit(ref, _updated(self._live(ref), _defaulted(after), naming.FIELD_MANAGER))

    async def replace(self, obj: kinds.Object) -> kinds.Object:
        ref = kinds.ref(obj)
        with self._calling("update", ref):
            await asyncio.sleep(0)
            if self._live(ref)["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
                raise _conflict("the object has been modified")
            return self._commit(ref, _updated(self._live(ref), copy.deepcopy(obj), naming.FIELD_MANAGER))

    async def delete(self, ref: kinds.Ref, uid: str) -> None:
        with self._calling("delete", ref):
            await asyncio.sleep(0)
            self._of_uid(ref, uid)
            self.remove(ref)

    async def write_status(self, obj: kinds.Object, status: kinds.Object) -> kinds.Object:
        ref = kinds.ref(obj)
        with self._calling("patch", ref):
            await asyncio.sleep(0)
            after = copy.deepcopy(self._of_uid(ref, obj["metadata"]["uid"]))
            after["status"] = copy.deepcopy(status)
            return self._commit(ref, after)

    async def create_event(self, regarding: kinds.Object, reason: str, note: str, *, warning: bool = False) -> None:
        await self._create(
            requests.kubernetes_event(regarding, reason, note, time.time(), warning=warning), naming.FIELD_MANAGER
        )

    # What others do

    async def create_by(self, manager: str, obj: kinds.Object) -> kinds.Object:
        """Create `obj` as somebody else."""
        return await self._create(obj, manager)

    async def edit_by(self, manager: str, ref: kinds.Ref, patch: kinds.Object) -> kinds.Object:
        """Merge `patch` into the object as somebody else."""
        await asyncio.sleep(0)
        before = self._live(ref)
        return self._commit(ref, _updated(before, _defaulted(_patched(copy.deepcopy(before), patch)), manager))

    async def delete_by(self, _manager: str, ref: kinds.Ref) -> None:
        """Delete the object, whatever its uid."""
        await asyncio.sleep(0)
        self._live(ref)
        self.remove(ref)

    def remove(self, ref: kinds.Ref) -> None:
        """Take the object away, or mark it where a finalizer holds it."""
        before = self.objects[ref]
        if before["metadata"].get("finalizers"):
            self._commit(ref, {**before, "metadata": {**before["metadata"], "deletionTimestamp": _now()}})
            return
        del self.objects[ref]
        self._happened(ref.kind, before, None)

    def collect_garbage(self) -> None:
        """Remove what lost all its owners, until nothing does."""
        alive = {obj["metadata"]["uid"] for obj in self.objects.values()}
        owned = [(ref, obj["metadata"].get("ownerReferences", [])) for ref, obj in self.objects.items()]
        orphans = [ref for ref, owners in owned if owners and not any(owner["uid"] in alive for owner in owners)]
        for ref in orphans:
            self.remove(ref)
        if orphans:
            self.collect_garbage()

    def bookmark(self, kind: kinds.Kind) -> None:
        """Tell watches of `kind` how far they are."""
        self._happened(kind.kind, None, None)

    def cut(self) -> None:
        """End all watches."""
        self._streams += 1
        self._wake()

    def compact(self) -> None:
        """Forget the past: who watches from before now is told so."""
        self._forgotten = self.version
        self._history.clear()
        self.cut()

    def resume(self) -> None:
        """Let frozen watches go on."""
        self.frozen = False
        self._wake()

    # The machinery

    @contextmanager
    def _calling(self, verb: str, ref: kinds.Ref) -> Iterator[None]:
        if verb not in READS and ref.kind != kinds.LEASE.kind:
            self.permit()
        self.interrupt(verb, ref, "before")
        self.calls.append((verb, ref))
        yield
        self.interrupt(verb, ref, "after")

    async def _create(self, obj: kinds.Object, manager: str) -> kinds.Object:
        ref = kinds.ref(obj)
        with self._calling("create", ref):
            await asyncio.sleep(0)
            if ref in self.objects:
                raise errors.AlreadyExists(409, "AlreadyExists", f"{ref} already exists")
            made = _defaulted(copy.deepcopy(obj))
            if made["kind"] == "Service" and "clusterIP" not in made["spec"]:
                made["spec"]["clusterIP"] = f"10.0.0.{next(self._addresses)}"
            made["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": _now(), "managedFields": []}
            return self._commit(ref, _updated(None, made, manager))

    def _live(self, ref: kinds.Ref) -> kinds.Object:
        if ref not in self.objects:
            raise errors.NotFound(404, "NotFound", f"{ref} not found")
        return self.objects[ref]

    def _of_uid(self, ref: kinds.Ref, uid: str) -> kinds.Object:
        live = self._live(ref)
        if live["metadata"]["uid"] != uid:
            raise _conflict(f"the UID {uid} is not that of {ref}")
        return live

    def _commit(self, ref: kinds.Ref, after: kinds.Object) -> kinds.Object:
        """Store `after` under a new version, unless it is what is there."""
        before = self.objects.get(ref)
        if before is None or _timeless(before) != _timeless(after):
            if ref.kind in WITH_GENERATION and (before is None or before.get("spec") != after.get("spec")):
                after["metadata"]["generation"] = (before or after)["metadata"].get("generation", 0) + 1
            after["metadata"]["resourceVersion"] = str(self.version + 1)
            self.objects[ref] = after
            self._happened(ref.kind, before, after)
            if after["metadata"].get("deletionTimestamp") and not after["metadata"].get("finalizers"):
                self.remove(ref)
                return copy.deepcopy(after)
        return copy.deepcopy(self.objects[ref])

    def _happened(self, kind: str, before: kinds.Object | None, after: kinds.Object | None) -> None:
        self.version += 1
        self._history.append(Happened(self.version, kind, copy.deepcopy(before), copy.deepcopy(after)))
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _event(happened: Happened, namespace: str, selector: str) -> tuple[str, kinds.Object] | None:
    """Return how a watch with `selector` tells of what happened; what leaves the selection is told as deleted."""
    version, _, before, after = happened
    if before is None and after is None:
        return "BOOKMARK", {"metadata": {"resourceVersion": str(version)}}
    was, is_now = (_in(obj, namespace, selector) for obj in (before, after))
    if after and is_now:
        return ("MODIFIED" if was else "ADDED"), copy.deepcopy(after)
    if before and was:
        return "DELETED", {**copy.deepcopy(before), "metadata": {**before["metadata"], "resourceVersion": str(version)}}
    return None


def _in(obj: kinds.Object | None, namespace: str, selector: str) -> bool:
    return obj is not None and namespace in ("", obj["metadata"].get("namespace", "")) and _matches(obj, selector)


def _matches(obj: kinds.Object, selector: str) -> bool:
    labels = obj["metadata"].get("labels", {})
    terms = (term.partition("=") for term in selector.split(",") if term)
    return all(key in labels and (not equals or labels[key] == value) for key, equals, value in terms)


def _updated(before: kinds.Object | None, after: kinds.Object, manager: str | None) -> kinds.Object:
    """Return `after` with the ownership of what changed moved to `manager`, if any."""
    old, new = managed_fields.leaves(before) if before else {}, managed_fields.leaves(after)
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    left = [
        {
            **entry,
            "fieldsV1": managed_fields.trie(
                managed_fields.paths(entry["fieldsV1"]) - changed & new.keys() - (old.keys() - new.keys())
            ),
        }
        for entry in (before or after)["metadata"].get("managedFields", [])
    ]
    return _owned(after, left, manager, "Update", changed) if manager else _owned(after, left, "", "", set())


def _owned(
    obj: kinds.Object, entries: list[Any], manager: str, operation: str, more: set[managed_fields.Path]
) -> kinds.Object:
    who = {"manager": manager, "operation": operation}
    mine = [entry for entry in entries if who.items() <= entry.items()]
    paths = more.union(*(managed_fields.paths(entry["fieldsV1"]) for entry in mine))
    entry = {**who, "apiVersion": obj["apiVersion"], "fieldsType": "FieldsV1", "fieldsV1": managed_fields.trie(paths)}
    obj["metadata"]["managedFields"] = [
        one for one in [entry, *(one for one in entries if one not in mine)] if one["fieldsV1"]
    ]
    return obj


def _applied(live: kinds.Object, body: kinds.Object) -> kinds.Object:
    """Return `live` after a forced server-side apply of `body` by the operator."""
    entries = live["metadata"].get("managedFields", [])
    ours = [entry for entry in entries if (entry["manager"], entry["operation"]) == (naming.FIELD_MANAGER, "Apply")]
    others = [entry for entry in entries if entry not in ours]
    new, old = (
        managed_fields.leaves(body),
        set[managed_fields.Path]().union(*(managed_fields.paths(entry["fieldsV1"]) for entry in ours)),
    )
    kept = new.keys() | set[managed_fields.Path]().union(*(managed_fields.paths(entry["fieldsV1"]) for entry in others))
    after = copy.deepcopy(live)
    managed_fields.remove(after, old - kept, kept)
    after = _defaulted(managed_fields.merge(after, body))
    values = managed_fields.leaves(live)
    taken = {path for path, value in new.items() if values.get(path) != value}
    left = [
        {**entry, "fieldsV1": managed_fields.trie(managed_fields.paths(entry["fieldsV1"]) - taken)} for entry in others
    ]
    return _owned(after, left, naming.FIELD_MANAGER, "Apply", set(new))


def _patched(live: Any, patch: Any) -> Any:
    """Return `live` after the merge patch `patch`."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(live) if isinstance(live, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _patched(merged.get(name), value)
    return merged


def _defaulted(obj: kinds.Object) -> kinds.Object:
    """Fill in the few defaults that the operator could stumble over."""
    if obj["kind"] == "Secret":
        obj.setdefault("type", "Opaque")
    if obj["kind"] == "Service":
        obj["spec"].setdefault("type", "ClusterIP")
        names = [port["name"] for port in obj["spec"].get("ports", [])]
        if len(names) != len(set(names)):
            raise errors.Invalid(422, "Invalid", "spec.ports[1].name: Duplicate value")
        for port in obj["spec"].get("ports", []):
            port.setdefault("protocol", "TCP")
            port.setdefault("targetPort", port["port"])
    if obj["kind"] == "Deployment":
        obj["spec"].setdefault("replicas", 1)
        obj["spec"].setdefault("revisionHistoryLimit", 10)
        for container in obj["spec"]["template"]["spec"]["containers"]:
            container.setdefault("terminationMessagePath", "/dev/termination-log")
    return obj


def _timeless(obj: kinds.Object) -> kinds.Object:
    return {
        **obj,
        "metadata": {
            name: value for name, value in obj["metadata"].items() if name not in {"resourceVersion", "generation"}
        },
    }


def _conflict(message: str) -> errors.Conflict:
    return errors.Conflict(409, "Conflict", message)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
