"""A cluster in memory: the same `Api` as the real one, and the same answers, which the conformance tests see to.

It has resource versions, uids, generations, ownership of fields, preconditions, finalizers, and watches with a history that can
be forgotten (fake_store.py). It has no controllers; `collect_garbage` stands for one. Trouble is made from outside: `troubles`
lets calls fail or take their time (troubles.py); `interrupt(verb, ref, when)` is called before and after each call and may raise.
"""

import asyncio
import copy
import itertools
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from tests import api_objects, fake_store, managed_fields, troubles
from vllm_operator.kube import client, errors, kinds, naming, requests

READS = {"get", "list", "watch", "log"}
UNCONDITIONAL = {"Lease", "ModelDeployment"}
"""Kinds that are not replaced without a resource version."""


class FakeCluster(fake_store.Store):
    """The API server. `calls`: each verb and object, in order; `done`: those that were not refused.

    `permit` is asked before every write but those of a Lease.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, kinds.Ref]] = []
        self.done: list[tuple[str, kinds.Ref]] = []
        self.logs: dict[tuple[str, str, bool], str] = {}  # by pod, container, and whether of the one before
        self.troubles = troubles.Troubles()
        self.interrupt: Callable[[str, kinds.Ref, str], None] = lambda _verb, _ref, _when: None
        self.permit: Callable[[], None] = lambda: None
        self._addresses = itertools.count(1)

    # What the operator calls

    async def get(self, ref: kinds.Ref) -> kinds.Object:
        async with self._calling("get", ref):
            return copy.deepcopy(self._live(ref))

    async def exists(self, ref: kinds.Ref) -> bool:
        async with self._calling("get", ref):
            return ref in self.objects

    async def list(self, kind: kinds.Kind, namespace: str = "", selector: str = "") -> AsyncIterator[client.Page]:
        async with self._calling("list", kinds.Ref(kind.kind, namespace, "")):
            found, version = self.found(kind, namespace, selector), str(self.version)
        for start in range(0, max(len(found), 1), client.PAGE):
            yield client.Page(found[start : start + client.PAGE], version)
            await asyncio.sleep(0)

    async def log(self, pod: kinds.Ref, container: str, lines: int, most: int, *, previous: bool) -> str:
        async with self._calling("log", pod):
            self._live(pod)
            text = self.logs.get((pod.name, container, previous))
            if text is None:
                raise errors.Invalid(400, "BadRequest", f"previous terminated container {container!r} not found")
        return "\n".join(text.splitlines()[-lines:]).encode()[:most].decode(errors="replace")

    async def watch(
        self, kind: kinds.Kind, version: str, namespace: str = "", selector: str = ""
    ) -> AsyncIterator[tuple[str, kinds.Object]]:
        async with self._calling("watch", kinds.Ref(kind.kind, namespace, "")):
            events = self.events(kind, int(version), namespace, selector)
        yield "BOOKMARK", {"metadata": {"resourceVersion": version}}  # the watch is open
        async for event in events:
            yield event

    async def create(self, obj: kinds.Object) -> kinds.Object:
        return await self._create(obj, naming.FIELD_MANAGER)

    async def patch(self, ref: kinds.Ref, operations: Sequence[kinds.Object]) -> kinds.Object:
        async with self._calling("patch", ref):
            live = self._live(ref)
            return self._update(ref, api_objects.patched(live, operations), naming.FIELD_MANAGER)

    async def merge(self, obj: kinds.Object, uid: str) -> kinds.Object:
        ref = kinds.ref(obj)
        async with self._calling("patch", ref):
            body = {**obj, "metadata": {**obj["metadata"], "uid": uid}}
            return self._update(ref, api_objects.merged(self._live(ref), body), naming.FIELD_MANAGER)

    async def replace(self, obj: kinds.Object) -> kinds.Object:
        ref = kinds.ref(obj)
        async with self._calling("update", ref):
            if not obj["metadata"].get("resourceVersion") and ref.kind in UNCONDITIONAL:
                raise errors.Invalid(422, "Invalid", "metadata.resourceVersion: must be specified for an update")
            return self._update(ref, copy.deepcopy(obj), naming.FIELD_MANAGER)

    async def delete(self, ref: kinds.Ref, uid: str) -> None:
        async with self._calling("delete", ref):
            self._require(self._live(ref), uid)
            self.remove(ref)

    async def write_status(self, obj: kinds.Object, status: kinds.Object) -> kinds.Object:
        ref = kinds.ref(obj)
        async with self._calling("patch", ref):
            live = self._live(ref)
            self._require(live, obj["metadata"]["uid"])
            return self.commit(ref, {**copy.deepcopy(live), "status": copy.deepcopy(status)})

    async def create_event(self, regarding: kinds.Object, reason: str, note: str, *, warning: bool = False) -> None:
        event = requests.kubernetes_event(regarding, reason, note, time.time(), warning=warning)
        await self._create(event, naming.FIELD_MANAGER)

    async def events_on(self, regarding: kinds.Object) -> Sequence[kinds.Object]:
        namespace, uid = regarding["metadata"]["namespace"], regarding["metadata"]["uid"]
        async with self._calling("list", kinds.Ref(kinds.EVENT.kind, namespace, "")):
            found = self.found(kinds.EVENT, namespace, "")
        ours = [one for one in found if one["regarding"]["uid"] == uid]
        return sorted(ours, key=requests.happened)[: client.EVENTS]

    # What others do

    async def create_by(self, manager: str, obj: kinds.Object) -> kinds.Object:
        """Create `obj` as somebody else."""
        return await self._create(obj, manager)

    async def edit_by(self, manager: str, ref: kinds.Ref, patch: kinds.Object) -> kinds.Object:
        """Merge `patch` into the object as somebody else."""
        await asyncio.sleep(0)
        return self._update(ref, api_objects.merged(self._live(ref), patch), manager)

    async def delete_by(self, _manager: str, ref: kinds.Ref) -> None:
        """Delete the object, whatever its uid."""
        await asyncio.sleep(0)
        self._live(ref)
        self.remove(ref)

    # The machinery

    @asynccontextmanager
    async def _calling(self, verb: str, ref: kinds.Ref) -> AsyncIterator[None]:
        if verb not in READS and ref.kind != kinds.LEASE.kind:
            self.permit()
        self.interrupt(verb, ref, "before")
        self.calls.append((verb, ref))
        await asyncio.sleep(0)
        await self.troubles.meet(verb, ref, "before")
        yield
        self.done.append((verb, ref))
        self.interrupt(verb, ref, "after")
        await self.troubles.meet(verb, ref, "after")

    async def _create(self, obj: kinds.Object, manager: str) -> kinds.Object:
        ref = kinds.ref(obj)
        async with self._calling("create", ref):
            if ref in self.objects:
                raise errors.AlreadyExists(409, "AlreadyExists", f"{ref} already exists")
            if obj["metadata"].get("resourceVersion"):
                raise errors.Unavailable(500, "Unknown", "resourceVersion should not be set on objects to be created")
            made = api_objects.defaulted(copy.deepcopy(obj))
            if ref.kind in api_objects.WITH_STATUS:
                made.pop("status", None)
            if made["kind"] == "Service" and "clusterIP" not in made["spec"]:
                made["spec"]["clusterIP"] = f"10.0.0.{next(self._addresses)}"
            made["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": fake_store.now(), "managedFields": []}
            return self.commit(ref, managed_fields.updated(None, made, manager))

    def _update(self, ref: kinds.Ref, after: kinds.Object, manager: str) -> kinds.Object:
        """Store what an update or a patch made of the object, unless it names another uid or resource version."""
        live = self._live(ref)
        metadata = after["metadata"]
        self._require(live, metadata.get("uid", ""), metadata.get("resourceVersion", ""))
        kept = {
            name: live["metadata"][name] for name in ("uid", "resourceVersion", "creationTimestamp", "managedFields")
        }
        body = {**api_objects.defaulted(after), "metadata": {**metadata, **kept}}
        if ref.kind in api_objects.WITH_STATUS:
            body.pop("status", None)
            body |= {"status": live["status"]} if "status" in live else {}
        return self.commit(ref, managed_fields.updated(live, body, manager))

    def _live(self, ref: kinds.Ref) -> kinds.Object:
        if ref not in self.objects:
            raise errors.NotFound(404, "NotFound", f"{ref} not found")
        return self.objects[ref]

    def _require(self, live: kinds.Object, uid: str = "", version: str = "") -> None:
        """Raise where `uid` or `version`, if any, are not those of the live object."""
        if uid and live["metadata"]["uid"] != uid:
            raise _conflict(f"the UID {uid} is not that of {kinds.ref(live)}")
        if version and live["metadata"]["resourceVersion"] != version:
            raise _conflict(f"{kinds.ref(live)} has been modified")


def _conflict(message: str) -> errors.Conflict:
    return errors.Conflict(409, "Conflict", message)
