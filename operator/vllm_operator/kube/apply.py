"""The one engine of writes: what is missing is created, what differs is patched, what is the same is left alone.

- Missing: POST, the cheapest write, and the only one that never touches what somebody else holds under the name.
- The name is taken: ours by ownerReference or owner label, but without the label that is watched -> the labels are put back,
  and the model is decided anew with what the object holds. Else NameTaken, and nothing is touched.
- Differs: one JSON patch of what differs (diff.py). It removes what we sent before and want no more; what others own stays.
- A body with `metadata.resourceVersion` is written to that version alone, the one it was decided from. Else Conflict.
- A field that no update can change differs: the object is deleted with its uid and created in the same run, for the object in
  hand holds keys that a later run could not know.
- A patch that the API server finds invalid is sent once more with its lists whole: somebody changed the key of an item.
- What was compared, or patched and differs still, is remembered by hash and resource version: until one of them changes it is
  neither compared nor sent again.
- Somebody puts another value back into one field three times in a minute: reported, and left alone for five minutes. Secrets
  never are.

An error that one object meets is that object's failure, in words; it ends no other write. Every answer goes into the cache.

Must not decide what is wanted; never puts an object's content into an error or a log.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple

from vllm_operator.kube import cache, client, diff, errors, failures, kinds, naming, own_writes, repairs


class Written(NamedTuple):
    """What became of several writes. `stale`: those decided from what is no longer there, so that all is decided again."""

    failures: failures.Failures
    stale: frozenset[kinds.Ref] = frozenset()


class Wanted(NamedTuple):
    """One object as it is sent: `body` with the hash of itself; `version`: the only one that it may be written to, if any."""

    ref: kinds.Ref
    body: kinds.Object
    sent: str
    version: str | None


class Applier:
    """Writes through `api`, knowing from `seen` what is there. `clock` gives seconds; without one it is the event loop's."""

    def __init__(self, api: client.Api, seen: cache.Cache, clock: Callable[[], float] | None = None) -> None:
        self._api = api
        self._cache = seen
        self._compared: dict[kinds.Key, dict[kinds.Ref, tuple[str, str]]] = {}
        self._repairs = repairs.Repairs(clock or _now)

    async def ensure_all(self, desired: Iterable[kinds.Object], owner: naming.Owner) -> Written:
        """Make the live objects what is `desired`, each for itself; all are done when this returns, whatever became of one."""
        wanted = [one for one in map(_wanted, desired) if not self._is_there(one, owner)]
        outcomes = await failures.settled(self._ensure(one, owner) for one in wanted)
        met = {one.ref: error for one, error in zip(wanted, outcomes, strict=True) if error}
        stale = frozenset(ref for ref, error in met.items() if isinstance(error, errors.Conflict))
        return Written({ref: failures.value(ref, error) for ref, error in met.items() if ref not in stale}, stale)

    async def ensure(self, desired: kinds.Object, owner: naming.Owner) -> None:
        """Make the live object what is `desired`; raise `NotOwned`, `Contested` or an ApiError where that cannot be."""
        wanted = _wanted(desired)
        if not self._is_there(wanted, owner):
            await self._ensure(wanted, owner)

    async def _ensure(self, wanted: Wanted, owner: naming.Owner) -> None:
        live = self._cache.get(wanted.ref)
        if live is None and wanted.version is None:
            await self._create(wanted, owner)
        elif live is None:
            await self._meet(wanted, owner)
            raise errors.Conflict(409, "Stale", f"{wanted.ref} was seen by its name alone")
        elif wanted.version not in (None, live["metadata"]["resourceVersion"]):
            raise errors.Conflict(409, "Stale", f"{wanted.ref} is no longer what was seen")
        elif not naming.is_ours(live, owner):
            raise failures.NotOwned(wanted.ref, naming.holder(live))
        elif not live["metadata"].get("deletionTimestamp"):  # what is being deleted is waited for
            self._note_compared(wanted, owner, await self._settle(wanted, live))

    def _is_there(self, wanted: Wanted, owner: naming.Owner) -> bool:
        """Tell whether the live object is what is wanted: mostly it is, and nothing has to be waited for."""
        version = self._cache.version(wanted.ref)
        if self._compared.get(owner.key, {}).get(wanted.ref) == (wanted.sent, version):
            return True
        live = self._cache.get(wanted.ref)
        if live is None or wanted.version not in (None, version) or not naming.is_ours(live, owner):
            return False
        if _sent(live) != wanted.sent or live["metadata"].get("deletionTimestamp"):
            return False
        if diff.immutable(wanted.body, live) or diff.patch(wanted.body, live):
            return False
        self._note_compared(wanted, owner, version)
        return True

    def _note_compared(self, wanted: Wanted, owner: naming.Owner, version: str) -> None:
        self._compared.setdefault(owner.key, {})[wanted.ref] = (wanted.sent, version)

    async def prune(self, unwanted: Iterable[kinds.Object]) -> failures.Failures:
        """Delete the objects, and no other that may have got the name of one."""
        objects = list(unwanted)
        outcomes = await failures.settled(self._api.delete(kinds.ref(obj), _uid(obj)) for obj in objects)
        pairs = zip(objects, outcomes, strict=True)
        gone = (errors.NotFound, errors.Conflict)
        return {
            kinds.ref(obj): failures.value(kinds.ref(obj), error)
            for obj, error in pairs
            if error and not isinstance(error, gone)
        }

    async def write_status(self, model: kinds.Object, status: kinds.Object) -> bool:
        """Write `status` where the one in `model` is another; tell whether it was written."""
        if model.get("status") == status:
            return False
        await own_writes.written(
            self._cache,
            kinds.ref(model),
            self._api.write_status(model, status),
            own_writes.exactly({**model, "status": status}),
        )
        return True

    def forget(self, model: kinds.Key) -> None:
        """Forget what was compared of a model that is gone."""
        self._compared.pop(model, None)

    async def _create(self, wanted: Wanted, owner: naming.Owner) -> None:
        try:
            await own_writes.written(
                self._cache, wanted.ref, self._api.create(wanted.body), own_writes.created(wanted.body)
            )
        except errors.AlreadyExists:
            await self._meet(wanted, owner)
            raise

    async def _meet(self, wanted: Wanted, owner: naming.Owner) -> None:
        """Make an object of ours that no watch showed known again; raise `NotOwned` where it is somebody else's."""
        live = await self._read(wanted.ref)
        if live is None:
            return
        if not naming.is_ours(live, owner):
            raise failures.NotOwned(wanted.ref, naming.holder(live))
        labels, metadata = wanted.body["metadata"]["labels"], live["metadata"]
        if not labels.items() <= metadata.get("labels", {}).items():
            body = {**live, "metadata": {**metadata, "labels": labels}}
            self._cache.put(await self._api.merge(_only_labels(body), metadata["uid"]))

    async def _settle(self, wanted: Wanted, live: kinds.Object) -> str:
        """Bring the live object to what is wanted; return its version then."""
        changed = _sent(live) != wanted.sent
        owned = self._cache.owned(wanted.ref) if changed else None
        if diff.immutable(wanted.body, live, owned):
            return await self._recreate(wanted, live)
        operations = diff.patch(wanted.body, live, owned)
        paths = {one["path"] for one in operations if one["op"] != "test"} if not changed else set()
        contested = self._repairs.contested(wanted.ref, paths)
        due = [one for one in operations if one["path"] not in contested]
        if any(one["op"] != "test" for one in due):
            live = await self._patch(wanted, live, due)
            self._repairs.note(wanted.ref, paths - contested)
        if contested:
            fields = ", ".join(sorted(contested))
            raise failures.Contested(f"somebody else keeps changing {fields}: left as it is for five minutes")
        return str(live["metadata"]["resourceVersion"])

    async def _patch(self, wanted: Wanted, live: kinds.Object, operations: diff.Operations) -> kinds.Object:
        try:
            return await self._patched(wanted, live, operations)
        except errors.Invalid:
            whole = diff.patch(wanted.body, live, whole=True)
            if whole == operations:
                raise
            return await self._patched(wanted, live, whole)
        except (errors.Conflict, errors.NotFound) as error:
            await self._read(wanted.ref)
            raise errors.Conflict(409, "Stale", f"{wanted.ref} is no longer what was seen") from error

    async def _patched(self, wanted: Wanted, live: kinds.Object, operations: diff.Operations) -> kinds.Object:
        patch = [*_preconditions(wanted, live), *operations]
        expected = own_writes.patched(live, operations)
        return await own_writes.written(self._cache, wanted.ref, self._api.patch(wanted.ref, patch), expected)

    async def _recreate(self, wanted: Wanted, live: kinds.Object) -> str:
        try:
            await self._api.delete(wanted.ref, _uid(live))
        except errors.Conflict:
            await self._read(wanted.ref)
            raise
        except errors.NotFound:
            pass
        self._cache.drop(wanted.ref)
        made = await own_writes.written(
            self._cache, wanted.ref, self._api.create(wanted.body), own_writes.created(wanted.body)
        )
        return str(made["metadata"]["resourceVersion"])

    async def _read(self, ref: kinds.Ref) -> kinds.Object | None:
        """Return the live object; what is gone is forgotten."""
        try:
            live = await self._api.get(ref)
        except errors.NotFound:
            self._cache.drop(ref)
            return None
        self._cache.put(live)
        return live


def _wanted(desired: kinds.Object) -> Wanted:
    metadata = {name: value for name, value in desired["metadata"].items() if name != "resourceVersion"}
    sent = diff.digest({**desired, "metadata": metadata})
    annotations = {**metadata.get("annotations", {}), naming.HASH_ANNOTATION: sent}
    body = {**desired, "metadata": {**metadata, "annotations": annotations}}
    return Wanted(kinds.ref(desired), body, sent, desired["metadata"].get("resourceVersion"))


def _sent(live: kinds.Object) -> str:
    """Return the hash of what was sent last."""
    return str((live["metadata"].get("annotations") or {}).get(naming.HASH_ANNOTATION, ""))


def _preconditions(wanted: Wanted, live: kinds.Object) -> diff.Operations:
    """Return the operations that make a patch a Conflict where the object is not the one that was seen."""
    found: diff.Operations = [{"op": "test", "path": "/metadata/uid", "value": _uid(live)}]
    if wanted.version is not None:
        found.append({"op": "replace", "path": "/metadata/resourceVersion", "value": wanted.version})
    return found


def _only_labels(obj: kinds.Object) -> kinds.Object:
    metadata = {name: obj["metadata"][name] for name in ("name", "namespace", "labels", "resourceVersion")}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata}


def _uid(obj: kinds.Object) -> str:
    return str(obj["metadata"]["uid"])


def _now() -> float:
    return asyncio.get_running_loop().time()
