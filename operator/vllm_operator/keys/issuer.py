"""Brings each client's Secret to the keys that the client is to have, before anything is derived from them.

First, and in this order, so that whatever write is the last before the operator ends, no revoked key comes back: who has no key
any more loses the Secret that would say otherwise, or what it holds is void; a new key is used once it lies in its Secret. One
client's trouble touches no other. What the keys are, keys/decision.py decides.
"""

import asyncio
import secrets as randomness
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from vllm_operator import api, keys
from vllm_operator.keys import record, troubles
from vllm_operator.kube import apply, cache, errors, kinds, naming
from vllm_operator.kube import client as kube_client
from vllm_operator.kube.conditions import ConditionValue

LOOK_AGAIN_SECONDS = 30.0
"""A brought Secret that no watch shows is looked for by name at most this often: only to say whether it lacks its label."""


Bodies = Callable[[naming.Owner, api.Spec, Mapping[str, keys.Issued]], Iterable[kinds.Object]]
"""Return the clients' Secrets that hold these keys, by client."""


class IssueResult(NamedTuple):
    """What is so now: the keys, what is wrong with a client's, what could not be written, and who is newly revoked.

    `revoked_until`: all records made up to then (unix seconds) are revoked, except those `issued`.
    """

    issued: Mapping[str, keys.Issued]
    troubles: Mapping[str, ConditionValue]
    strangers: Mapping[kinds.Ref, str]
    refused: Mapping[kinds.Ref, str]
    revoked: tuple[str, ...]
    revoked_until: int


class Issuer:
    """Issues and revokes the keys of one model at a time. `clock` gives unix seconds."""

    def __init__(
        self,
        api_server: kube_client.Api,
        objects: cache.Cache,
        write: apply.Applier,
        bodies: Bodies,
        clock: Callable[[], float],
    ) -> None:
        self._cluster, self._store, self._writer, self._bodies = api_server, objects, write, bodies
        self._clock = clock
        self._asked: dict[kinds.Ref, tuple[float, bool]] = {}

    async def __call__(self, owner: naming.Owner, spec: api.Spec) -> IssueResult:
        """Write what differs and return the keys as they are then."""
        seen = await self._observe(owner, keys.clients(spec.access))
        decision = keys.decide(spec.access, seen, int(self._clock()), _new_key)
        wanted = [_repairing(body, seen.edited) for body in self._bodies(owner, spec, decision.issued)]
        known = {_ref(owner, name) for name in seen.stored}  # deleting one revokes: its keys go into no other
        blocked, kept = await asyncio.gather(
            self._writer.ensure_all(wanted, owner, known),
            self._revoke(owner, seen.stored.keys() - decision.issued.keys() - set(seen.ending)),
        )
        unwritten = [name for name in decision.issued if _ref(owner, name) in blocked.refused]
        foreign = [name for name in decision.issued if _ref(owner, name) in blocked.strangers]
        issued = keys.usable(decision, seen, unwritten, foreign)
        listed = {client.name for client in keys.clients(spec.access)}
        revoked = tuple(sorted(seen.applied.keys() - listed))
        refused = blocked.refused | {_ref(owner, name): why for name, why in kept.items()}
        said = {**decision.repaired, **decision.troubles}
        return IssueResult(issued, said, blocked.strangers, refused, revoked, keys.newest(seen, issued))

    async def _observe(self, owner: naming.Owner, clients: tuple[api.Client, ...]) -> keys.Observed:
        guard = kinds.Ref(kinds.SECRET.kind, owner.namespace, naming.guard_secret(owner.name))
        noted = (await self._writer.look_for((guard,), owner)).get(guard)
        listed = {client.name for client in clients}
        notes = record.notes(noted, listed)
        names = {*listed, *notes.applied, *notes.unreadable, *self._known(owner)}
        live = await self._writer.look_for([_ref(owner, name) for name in sorted(names)], owner)
        secrets = {name: live[ref] for name in names if (ref := _ref(owner, name)) in live}
        brought = {client.name: await self._brought(owner, client) for client in clients if client.key_secret_ref}
        return keys.Observed(
            stored={name: record.stored(secret) for name, secret in secrets.items()},
            applied=notes.applied,
            revoked_until=notes.revoked_until,
            brought=brought,
            ending=frozenset(name for name, secret in secrets.items() if _is_ending(secret)),
            unreadable=notes.unreadable,
        )

    def _known(self, owner: naming.Owner) -> set[str]:
        """Return the names of all clients of whom a Secret is known, listed or not."""
        seen = self._store.of(kinds.Key(owner.namespace, owner.name))
        names = [one["metadata"]["name"] for one in seen if naming.is_ours(one, owner)]
        prefix = naming.client_secret(owner.name, "")
        return {name.removeprefix(prefix) for name in names if name.startswith(prefix)}

    async def _brought(self, owner: naming.Owner, client: api.Client) -> str | ConditionValue:
        """Return the key that was brought, or what is wrong; the Secret is seen by its label alone, and so at once."""
        ref = kinds.Ref(kinds.SECRET.kind, owner.namespace, client.key_secret_ref.name if client.key_secret_ref else "")
        secret = self._store.get(ref)
        labelled = secret and naming.key(secret) == kinds.Key(owner.namespace, owner.name)
        if secret is None or not labelled or _is_ending(secret):
            return await self._why_unseen(client, owner, ref, secret)
        self._asked.pop(ref, None)
        return troubles.owned_by_operator(client) if naming.is_ours(secret, owner) else record.key(secret)

    async def _why_unseen(
        self, client: api.Client, owner: naming.Owner, ref: kinds.Ref, secret: kinds.Object | None
    ) -> ConditionValue:
        ending = bool(secret and _is_ending(secret))
        if ending or not (secret or await self._exists(ref)):
            return troubles.not_found(client, ending=ending)
        return troubles.not_labelled(client, owner.name)

    async def _exists(self, ref: kinds.Ref) -> bool:
        """Tell whether there is such a Secret; what was answered a moment ago is not asked again."""
        now = self._clock()
        until, exists = self._asked.get(ref, (0.0, False))
        if until <= now:
            exists = await self._cluster.exists(ref)
            fresh = {asked: answer for asked, answer in self._asked.items() if answer[0] > now}
            self._asked = fresh | {ref: (now + LOOK_AGAIN_SECONDS, exists)}
        return exists

    async def _revoke(self, owner: naming.Owner, names: Iterable[str]) -> dict[str, str]:
        """Delete the Secrets of those clients; return which are there still, by whatever code that was refused, and why."""
        kept: dict[str, str] = {}

        async def delete(name: str, secret: kinds.Object) -> None:
            ref = kinds.ref(secret)
            try:
                await self._cluster.delete(ref, secret["metadata"]["uid"])
            except (errors.Invalid, errors.Denied, errors.Conflict, errors.NotFound) as error:
                if await self._cluster.exists(ref):
                    kept[name] = error.message

        found = await self._writer.look_for(refs := {_ref(owner, name): name for name in names}, owner)
        await asyncio.gather(*(delete(refs[ref], secret) for ref, secret in found.items()))
        return kept


def _repairing(secret: kinds.Object, edited: Collection[str]) -> kinds.Object:
    """Return an `edited` client's Secret with the entry for replaced keys even if there are none: so what is there is removed."""
    if secret["metadata"]["labels"][naming.CLIENT_LABEL] not in edited:
        return secret
    return {**secret, "data": {**record.NO_PREVIOUS, **secret["data"]}}


def _ref(owner: naming.Owner, client: str) -> kinds.Ref:
    return kinds.Ref(kinds.SECRET.kind, owner.namespace, naming.client_secret(owner.name, client))


def _is_ending(obj: kinds.Object) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def _new_key() -> str:
    return "sk-" + randomness.token_urlsafe(32)
