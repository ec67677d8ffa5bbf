"""The one engine of writes: what is missing is created, what differs is applied, what is the same is left alone.

- Missing: POST, half the price of an apply, and the only verb that never touches what somebody else holds under the name.
- The name is taken: ours by ownerReference or owner label (the label we watch by was removed, or the store is behind) -> go on as
  if it had been known; else `Stranger`, and nothing is touched.
- Differs: ownership passes once from our POST to our apply (field_ownership.py), then a forced apply under the uid.
- `replicas` go into the POST; from then on through the scale subresource alone, so that no apply resets them.
- What somebody added to a list stays, being theirs; where the whole is invalid with it (a Service's second port of one name), the
  lists are written whole.
- A field that cannot change differs (compare.immutable): deleted with a uid precondition and created in the same run, for the
  object in hand holds keys that a later run could not know. Never on the API server's word that something is invalid: a bad image
  must not take the running Deployment away.
- Differs still after an apply (what is wanted is not written as the API server writes it): remembered by hash and resource
  version, and not sent again until one of them changes.
- What is being deleted is waited for. Every answer goes into the store at once.

    Stranger    the name is held by an object that is not ours

Must not decide what is wanted; never puts an object's content into an error or a log.
"""

import asyncio
import contextlib
from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple

from vllm_operator.kube import cache, client, diff, errors, field_ownership, kinds, naming

HAND_OVER_TRIES = 10  # a new Deployment's controller writes several times between our read and our patch

Outcome = Literal["created", "applied", "scaled", "unchanged"]


class NotOwned(Exception):  # noqa: N818 - it is what was met
    """`ref` exists and is not ours; `holder` says in words whose it is."""

    def __init__(self, ref: kinds.Ref, holder: str) -> None:
        super().__init__(f"{ref} belongs to {holder}")
        self.ref = ref
        self.holder = holder


class WriteFailures(NamedTuple):
    """What could not be written: whose the name is, by object, and the API server's words where it refused."""

    strangers: dict[kinds.Ref, str]
    refused: dict[kinds.Ref, str]


class Wanted(NamedTuple):
    """One object as it is sent: `body` with the hash of itself and without replicas."""

    ref: kinds.Ref
    body: kinds.Object
    sent: str
    replicas: int | None

    @property
    def uncreated(self) -> kinds.Object:
        """Return the body of the POST, which holds the replicas."""
        if self.replicas is None:
            return self.body
        return {**self.body, "spec": {**self.body["spec"], "replicas": self.replicas}}


class Applier:
    """Writes through `api`, knowing from `seen` what is there."""

    def __init__(self, api: client.Api, seen: cache.Cache) -> None:
        self._api = api
        self._store = seen
        self._unsettled: dict[
            kinds.Ref, tuple[str, str]
        ] = {}  # hash sent and resource version of an answer that still differed

    async def ensure(self, desired: kinds.Object, owner: naming.Owner, *, known: bool = False) -> Outcome:
        """Make the live object what is `desired`; raise `Stranger` or an ApiError where that cannot be.

        What is `desired` of an object that was `known` is made of no other: where it is gone by now, that is NotFound.
        """
        wanted = _wanted(desired)
        live = self._store.get(wanted.ref) or (await self._read(wanted.ref) if known else None)
        if live is None:
            return await self._create(wanted, owner)
        try:
            return await self._settle(wanted, live, owner)
        except (errors.Conflict, errors.NotFound) as error:
            return await self._look_again(wanted, live, owner, error, known=known)

    async def ensure_all(
        self, desired: Iterable[kinds.Object], owner: naming.Owner, known: Collection[kinds.Ref] = ()
    ) -> WriteFailures:
        """Make the live objects what is `desired`, each for itself, and return which of them could not be."""
        blocked = WriteFailures({}, {})

        async def ensure(obj: kinds.Object) -> None:
            try:
                await self.ensure(obj, owner, known=kinds.ref(obj) in known)
            except NotOwned as stranger:
                blocked.strangers[kinds.ref(obj)] = stranger.holder
            except (errors.Invalid, errors.Denied) as error:
                blocked.refused[kinds.ref(obj)] = error.message

        await asyncio.gather(*(ensure(obj) for obj in desired))
        return blocked

    async def look_for(self, refs: Iterable[kinds.Ref], owner: naming.Owner) -> dict[kinds.Ref, kinds.Object]:
        """Return those of `refs` that are there and ours.

        What no watch has shown is asked for by name before it is made anew: without the label we watch by it is there still.
        """
        found = {}
        for ref in refs:
            with contextlib.suppress(errors.NotFound):
                live = self._store.get(ref) or await self._api.get(ref)
                if naming.is_ours(live, owner):
                    found[ref] = live
        return found

    async def prune(self, obj: kinds.Object) -> None:
        """Delete `obj`, and no other object that may have got its name."""
        with contextlib.suppress(errors.NotFound, errors.Conflict):
            await self._api.delete(kinds.ref(obj), obj["metadata"]["uid"])

    async def write_status(self, model: kinds.Object, status: kinds.Object) -> kinds.Object | None:
        """Write `status` where the one in `model` is another; return the written model, None where nothing had to be written."""
        if model.get("status") == status:
            return None
        written = await self._api.write_status(model, status)
        self._store.put(written)
        return written

    async def _create(self, wanted: Wanted, owner: naming.Owner) -> Outcome:
        try:
            self._store.put(await self._api.create(wanted.uncreated))
        except errors.AlreadyExists:
            return await self._settle(wanted, await self._read(wanted.ref), owner)
        return "created"

    async def _look_again(
        self, wanted: Wanted, stale: kinds.Object, owner: naming.Owner, error: errors.ApiError, *, known: bool
    ) -> Outcome:
        """Go on where the refusal came from an object that is no longer the one we knew; else the refusal stands."""
        try:
            live = await self._read(wanted.ref)
        except errors.NotFound:
            self._store.drop(wanted.ref)
            if known:
                raise
            return await self._create(wanted, owner)
        if known or _uid(live) == _uid(stale):
            raise error
        return await self._settle(wanted, live, owner)

    async def _settle(self, wanted: Wanted, live: kinds.Object, owner: naming.Owner) -> Outcome:
        if not naming.is_ours(live, owner):
            raise NotOwned(wanted.ref, naming.holder(live))
        if live["metadata"].get("deletionTimestamp"):
            return "unchanged"
        if diff.immutable(wanted.body, live):
            return await self._recreate(wanted, live)
        due = self._is_due(wanted, live)
        if due:
            live = await self._apply(wanted, live)
        if wanted.replicas not in (None, live.get("spec", {}).get("replicas")):
            await self._scale(wanted, live)
            return "applied" if due else "scaled"
        return "applied" if due else "unchanged"

    def _is_due(self, wanted: Wanted, live: kinds.Object) -> bool:
        if diff.differs(wanted.body, live) is None:
            return False
        return self._unsettled.get(wanted.ref) != (wanted.sent, live["metadata"]["resourceVersion"])

    async def _apply(self, wanted: Wanted, live: kinds.Object) -> kinds.Object:
        answer = await self._written(wanted, live)
        self._store.put(answer)
        self._unsettled.pop(wanted.ref, None)
        if diff.differs(wanted.body, answer):
            self._unsettled[wanted.ref] = (wanted.sent, answer["metadata"]["resourceVersion"])
        return answer

    async def _written(self, wanted: Wanted, live: kinds.Object) -> kinds.Object:
        """Return the answer to an apply; a ControllerRevision's data is never sent twice, for that is refused even unchanged."""
        uid = _uid(live)
        if wanted.ref.kind == kinds.CONTROLLER_REVISION.kind:
            return await self._api.overwrite({name: part for name, part in wanted.body.items() if name != "data"}, uid)
        if field_ownership.is_posted(live) or self._store.is_posted(wanted.ref):
            await self._hand_over(wanted.ref, uid)
        try:
            return await self._api.apply(wanted.body, uid)
        except errors.Invalid:
            return await self._api.overwrite(wanted.body, uid)

    async def _hand_over(self, ref: kinds.Ref, uid: str) -> None:
        for left in reversed(range(HAND_OVER_TRIES)):
            live = await self._api.get(ref)
            if _uid(live) != uid or not field_ownership.is_posted(live):
                return  # another object now, which the apply's precondition tells; or done by a run whose answer was lost
            try:
                self._store.put(await self._api.hand_over(live))
            except errors.Conflict:
                if not left:
                    raise
            else:
                return

    async def _scale(self, wanted: Wanted, live: kinds.Object) -> None:
        """Scale, and read the Deployment back: the answer is a Scale, and its version hides what else was written before it."""
        await self._api.scale(wanted.ref, _uid(live), wanted.replicas or 0)
        await self._read(wanted.ref)

    async def _recreate(self, wanted: Wanted, live: kinds.Object) -> Outcome:
        await self._api.delete(wanted.ref, _uid(live))
        self._store.put(await self._api.create(wanted.uncreated))
        return "created"

    async def _read(self, ref: kinds.Ref) -> kinds.Object:
        live = await self._api.get(ref)
        self._store.put(live)
        return live


def _wanted(desired: kinds.Object) -> Wanted:
    replicas = desired["spec"].get("replicas") if desired["kind"] == kinds.DEPLOYMENT.kind else None
    body = desired
    if replicas is not None:
        body = {**desired, "spec": {name: value for name, value in desired["spec"].items() if name != "replicas"}}
    sent, metadata = diff.digest(body), body["metadata"]
    annotations = {**metadata.get("annotations", {}), naming.HASH_ANNOTATION: sent}
    return Wanted(kinds.ref(desired), {**body, "metadata": {**metadata, "annotations": annotations}}, sent, replicas)


def _uid(obj: kinds.Object) -> str:
    return str(obj["metadata"]["uid"])
