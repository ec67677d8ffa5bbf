"""Brings each client's Secret to the keys that the client is to have, before anything is derived from them.

First, and in this order, so that whatever write is the last before the operator ends, no revoked key comes back: who has no key
any more loses the Secret that would say otherwise, or what it holds is void; a new key is used once it lies in its Secret. One
client's trouble touches no other. What the keys are, keys/decision.py decides.
"""

import secrets as randomness
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from vllm_operator import api, keys
from vllm_operator.keys import record, troubles
from vllm_operator.kube import apply, cache, errors, failures, kinds, naming
from vllm_operator.kube import client as kube_client
from vllm_operator.kube.conditions import ConditionValue

LOOK_AGAIN_SECONDS = 30.0
"""A brought Secret that no watch shows is looked for by name at most this often: only to say whether it lacks its label."""


Bodies = Callable[[Mapping[str, keys.Issued]], Iterable[kinds.Object]]
"""Return the clients' Secrets that hold these keys, by client."""


class IssueResult(NamedTuple):
    """What is so now: the keys, what is wrong with a client's, what could not be written, and who is newly revoked.

    `revoked_until`: all records made up to then (unix seconds) are revoked, except those `issued`.
    """

    issued: Mapping[str, keys.Issued]
    troubles: Mapping[str, ConditionValue]
    failures: failures.Failures
    stale: frozenset[kinds.Ref]
    revoked: tuple[str, ...]
    revoked_until: int


class Issuer:
    """Issues and revokes the keys of one model at a time. `clock` gives unix seconds."""

    def __init__(
        self,
        api_server: kube_client.Api,
        objects: cache.Cache,
        write: apply.Applier,
        clock: Callable[[], float],
    ) -> None:
        self._cluster, self._store, self._writer = api_server, objects, write
        self._clock = clock
        self._asked: dict[kinds.Ref, tuple[float, bool]] = {}

    async def __call__(self, owner: naming.Owner, spec: api.Spec, bodies: Bodies) -> IssueResult:
        """Write what differs and return the keys as they are then; all writes have ended by then, whatever became of one."""
        seen, versions = await self._observe(owner, keys.clients(spec.access))
        decision = keys.decide(spec.access, seen, int(self._clock()), _new_key)
        wanted = [_of_version(_repairing(body, seen.edited), versions) for body in bodies(decision.issued)]
        written = await self._writer.ensure_all(wanted, owner)
        kept = await self._revoke(owner, seen.stored.keys() - decision.issued.keys() - set(seen.ending))
        unwritten = [name for name in decision.issued if _is_unwritten(_ref(owner, name), written)]
        foreign = [name for name in unwritten if _is_foreign(_ref(owner, name), written)]
        issued = keys.usable(decision, seen, unwritten, foreign)
        listed = {client.name for client in keys.clients(spec.access)}
        revoked = tuple(sorted(seen.applied.keys() - listed))
        said = {**decision.repaired, **decision.troubles}
        return IssueResult(issued, said, written.failures | kept, written.stale, revoked, keys.newest(seen, issued))

    async def _observe(
        self, owner: naming.Owner, clients: tuple[api.Client, ...]
    ) -> tuple[keys.Observed, Mapping[kinds.Ref, str]]:
        guard = kinds.Ref(kinds.SECRET.kind, owner.namespace, naming.guard_secret(owner.name))
        noted = (await self._writer.look_for((guard,), owner)).get(guard)
        listed = {client.name for client in clients}
        notes = record.notes(noted, listed)
        names = {*listed, *notes.applied, *notes.unreadable, *self._known(owner)}
        live = await self._writer.look_for([_ref(owner, name) for name in sorted(names)], owner)
        secrets = {name: live[ref] for name in names if (ref := _ref(owner, name)) in live}
        brought = {client.name: await self._brought(owner, client) for client in clients if client.key_secret_ref}
        versions = {kinds.ref(secret): str(secret["metadata"]["resourceVersion"]) for secret in secrets.values()}
        seen = keys.Observed(
            stored={name: record.stored(secret) for name, secret in secrets.items()},
            applied=notes.applied,
            revoked_until=notes.revoked_until,
            brought=brought,
            ending=frozenset(name for name, secret in secrets.items() if _is_ending(secret)),
            unreadable=notes.unreadable,
        )
        return seen, versions

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

    async def _revoke(self, owner: naming.Owner, names: Iterable[str]) -> failures.Failures:
        """Delete the Secrets of those clients; return which may be there still, whatever kept them, and why."""
        secrets = list((await self._writer.look_for([_ref(owner, name) for name in names], owner)).items())
        outcomes = await failures.settled(self._cluster.delete(ref, one["metadata"]["uid"]) for ref, one in secrets)
        kept: failures.Failures = {}
        for (ref, _), met in zip(secrets, outcomes, strict=True):
            gone = isinstance(met, errors.NotFound) and not await self._cluster.exists(ref)
            if met and not gone:
                kept[ref] = failures.value(ref, met)
        return kept


def _is_unwritten(ref: kinds.Ref, written: apply.Written) -> bool:
    return ref in written.failures or ref in written.stale


def _is_foreign(ref: kinds.Ref, written: apply.Written) -> bool:
    return ref in written.failures and written.failures[ref].reason == "NameTaken"


def _of_version(body: kinds.Object, versions: Mapping[kinds.Ref, str]) -> kinds.Object:
    """Return `body` bound to the version that its keys were decided from; without one it is to be created."""
    version = versions.get(kinds.ref(body))
    return {**body, "metadata": {**body["metadata"], "resourceVersion": version}} if version else body


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
