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
- What was written and compared, and is written again as it was, is a repair: of a field, of the labels, or by making the object
  anew. What somebody has repaired three times in a minute is reported and left alone for five minutes. Secrets are reported and
  repaired all the same, since a revoked key may stand in what somebody put back.

An error that one object meets is that object's failure, in words; it ends no other write. Every answer goes into the cache.

Must not decide what is wanted; never puts an object's content into an error or a log.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from vllm_operator.kube import cache, client, diff, errors, failures, kinds, naming, own_writes, repairs, sent
from vllm_operator.kube.conditions import ConditionValue

LABELS = "/metadata/labels"


class Written(NamedTuple):
    """What became of several writes.

    `stale`: those decided from what is no longer there, so that all is decided again; `repaired`: what somebody else keeps
    changing, and was written all the same.
    """

    failures: failures.Failures
    stale: frozenset[kinds.Ref] = frozenset()
    repaired: Mapping[kinds.Ref, ConditionValue] = {}


class Applier:
    """Writes through `api`, knowing from `seen` what is there. `clock` gives seconds; without one it is the event loop's."""

    def __init__(self, api: client.Api, seen: cache.Cache, clock: Callable[[], float] | None = None) -> None:
        self._api = api
        self._cache = seen
        self._compared: dict[kinds.Key, dict[kinds.Ref, tuple[str, str]]] = {}
        self._repairs = repairs.Repairs(clock or _now)

    async def ensure_all(self, desired: Iterable[kinds.Object], owner: naming.Owner) -> Written:
        """Make the live objects what is `desired`, each for itself; all are done when this returns, whatever became of one."""
        every = [*map(sent.wanted, desired)]
        wanted = [one for one in every if not self._is_there(one, owner)]
        outcomes = await failures.settled(self._ensure(one, owner) for one in wanted)
        met = {one.ref: error for one, error in zip(wanted, outcomes, strict=True) if error}
        stale = frozenset(ref for ref, error in met.items() if isinstance(error, errors.Conflict))
        failed = {ref: failures.value(ref, error) for ref, error in met.items() if ref not in stale}
        repaired = {ref: value for ref, value in self._repaired(every) if ref not in met}
        return Written(failed, stale, repaired)

    def _repaired(self, every: Iterable[sent.Wanted]) -> Iterable[tuple[kinds.Ref, ConditionValue]]:
        """Yield the Secrets that somebody else keeps changing."""
        for one in every:
            if one.ref.kind == kinds.SECRET.kind and (fields := self._repairs.contested(one.ref)):
                yield one.ref, failures.value(one.ref, failures.Contested(fields, "put back each time"))

    async def ensure(self, desired: kinds.Object, owner: naming.Owner) -> None:
        """Make the live object what is `desired`; raise `NotOwned`, `Contested` or an ApiError where that cannot be."""
        wanted = sent.wanted(desired)
        if not self._is_there(wanted, owner):
            await self._ensure(wanted, owner)

    async def _ensure(self, wanted: sent.Wanted, owner: naming.Owner) -> None:
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
            self._note_compared(wanted, owner, await self._settle(wanted, live, owner))

    def _is_there(self, wanted: sent.Wanted, owner: naming.Owner) -> bool:
        """Tell whether the live object is what is wanted: mostly it is, and nothing has to be waited for."""
        version = self._cache.version(wanted.ref)
        if self._known(wanted, owner) == (wanted.sent, version):
            return True
        live = self._cache.get(wanted.ref)
        if live is None or wanted.version not in (None, version) or not naming.is_ours(live, owner):
            return False
        if sent.noted(live) != wanted.sent or live["metadata"].get("deletionTimestamp"):
            return False
        if diff.immutable(wanted.body, live) or diff.patch(wanted.body, live):
            return False
        self._note_compared(wanted, owner, version)
        return True

    def _known(self, wanted: sent.Wanted, owner: naming.Owner) -> tuple[str, str]:
        """Return the hash and the version that were compared last; empty ones where none were."""
        return self._compared.get(owner.key, {}).get(wanted.ref, ("", ""))

    def _note_compared(self, wanted: sent.Wanted, owner: naming.Owner, version: str) -> None:
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

    async def _create(self, wanted: sent.Wanted, owner: naming.Owner) -> None:
        try:
            await own_writes.written(
                self._cache, wanted.ref, self._api.create(wanted.body), own_writes.created(wanted.body)
            )
        except errors.AlreadyExists:
            await self._meet(wanted, owner)
            raise

    async def _meet(self, wanted: sent.Wanted, owner: naming.Owner) -> None:
        """Make an object of ours that no watch showed known again; raise `NotOwned` where it is somebody else's."""
        live = await self._read(wanted.ref)
        if live is None:
            return
        if not naming.is_ours(live, owner):
            raise failures.NotOwned(wanted.ref, naming.holder(live))
        labels, metadata = wanted.body["metadata"]["labels"], live["metadata"]
        if not labels.items() <= metadata.get("labels", {}).items():
            if left := self._left(wanted.ref, {LABELS}):
                raise failures.Contested(left)
            body = {**live, "metadata": {**metadata, "labels": labels}}
            self._cache.put(await self._api.merge(sent.only_labels(body), metadata["uid"]))
            self._repairs.note(wanted.ref, {LABELS})

    async def _settle(self, wanted: sent.Wanted, live: kinds.Object, owner: naming.Owner) -> str:
        """Bring the live object to what is wanted; return its version then."""
        owned = self._cache.owned(wanted.ref) if sent.noted(live) != wanted.sent else None
        fixed = diff.immutable(wanted.body, live, owned)
        operations = [] if fixed else diff.patch(wanted.body, live, owned)
        paths = {fixed} if fixed else {one["path"] for one in operations if one["op"] != "test"}
        is_repair = wanted.sent in (sent.noted(live), self._known(wanted, owner)[0])
        left = self._left(wanted.ref, paths) if is_repair else frozenset()
        if fixed and not left:
            live = await self._recreate(wanted, live)
        elif paths - left:
            live = await self._patch(wanted, live, [one for one in operations if one["path"] not in left])
        if is_repair:
            self._repairs.note(wanted.ref, paths - left)
        if left:
            raise failures.Contested(left)
        return str(live["metadata"]["resourceVersion"])

    def _left(self, ref: kinds.Ref, paths: Collection[str]) -> frozenset[str]:
        """Return those of the fields that are left to somebody else for a while."""
        return frozenset() if ref.kind == kinds.SECRET.kind else self._repairs.contested(ref).intersection(paths)

    async def _patch(self, wanted: sent.Wanted, live: kinds.Object, operations: diff.Operations) -> kinds.Object:
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

    async def _patched(self, wanted: sent.Wanted, live: kinds.Object, operations: diff.Operations) -> kinds.Object:
        patch = [*sent.preconditions(wanted, live), *operations]
        expected = own_writes.patched(live, operations)
        return await own_writes.written(self._cache, wanted.ref, self._api.patch(wanted.ref, patch), expected)

    async def _recreate(self, wanted: sent.Wanted, live: kinds.Object) -> kinds.Object:
        try:
            await self._api.delete(wanted.ref, _uid(live))
        except errors.Conflict:
            await self._read(wanted.ref)
            raise
        except errors.NotFound:
            pass
        self._cache.drop(wanted.ref)
        return await own_writes.written(
            self._cache, wanted.ref, self._api.create(wanted.body), own_writes.created(wanted.body)
        )

    async def _read(self, ref: kinds.Ref) -> kinds.Object | None:
        """Return the live object; what is gone is forgotten."""
        try:
            live = await self._api.get(ref)
        except errors.NotFound:
            self._cache.drop(ref)
            return None
        self._cache.put(live)
        return live


def _uid(obj: kinds.Object) -> str:
    return str(obj["metadata"]["uid"])


def _now() -> float:
    return asyncio.get_running_loop().time()
