"""Reads what there is of a model's keys: the clients' Secrets, the guard's Secret, and the Secrets that bring a key.

They come from the cache, which holds what carries the model's label. What is missing there is asked for by name, since a Secret
that lost its label still exists. A model with nothing in the cache is new, and nothing is asked for: where a Secret exists all
the same, the API server refuses its creation, and the next run finds it in the cache.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from vllm_operator import api, keys
from vllm_operator.keys import lookup, record, troubles
from vllm_operator.kube import cache, errors, kinds, naming
from vllm_operator.kube import client as kube_client
from vllm_operator.kube.conditions import ConditionValue

Unread = Mapping[str, errors.ApiError]
"""The clients whose Secret could not be read, and what the API server answered."""


class Observation(NamedTuple):
    """What was found of one model.

    `seen`: its keys; `secrets`: the clients' Secrets, by client; `unread`: clients whose Secret could not be read: it is taken to
    store what the guards accept, and is left as it is.
    """

    seen: keys.Observed
    secrets: Mapping[str, kinds.Object]
    unread: Unread


class Observer:
    """Reads the Secrets of one model at a time. `clock` gives unix seconds."""

    def __init__(self, api_server: kube_client.Api, objects: cache.Cache, clock: Callable[[], float]) -> None:
        self._cache = objects
        self._lookup = lookup.Lookup(api_server, clock)

    async def __call__(self, owner: naming.Owner, clients: tuple[api.Client, ...]) -> Observation:
        """Return what there is; raise an ApiError where the guard's Secret cannot be read, since nothing can be decided then."""
        cached = self._cache.of(kinds.Key(owner.namespace, owner.name))
        known = {kinds.ref(obj): obj for obj in cached if obj["kind"] == kinds.SECRET.kind}
        source = _Source(owner, known, self._lookup, is_new=not cached)
        listed = {client.name for client in clients}
        notes = record.notes(await source.get(naming.guard_secret(owner.name)), listed)
        secrets, unread = await source.clients({*listed, *notes.applied, *notes.unreadable, *source.known_clients()})
        brought = await asyncio.gather(*(self._brought(owner, one, known) for one in clients if one.key_secret_ref))
        assumed = {name: notes.applied[name] for name in unread if name in notes.applied}
        seen = keys.Observed(
            stored=_stored(secrets, assumed),
            applied=notes.applied,
            revoked_until=notes.revoked_until,
            brought=dict(brought),
            ending=frozenset(name for name, secret in secrets.items() if _is_ending(secret)),
            unreadable=notes.unreadable,
        )
        return Observation(seen, secrets, unread)

    def forget(self, refs: Iterable[kinds.Ref]) -> None:
        """Believe no longer that `refs` do not exist: they were written."""
        for ref in refs:
            self._lookup.forget(ref)

    async def _brought(
        self, owner: naming.Owner, client: api.Client, known: Mapping[kinds.Ref, kinds.Object]
    ) -> tuple[str, str | ConditionValue]:
        """Return the client's name, and the key that was brought or what is wrong."""
        ref = _ref(owner, client.key_secret_ref.name if client.key_secret_ref else "")
        secret = known.get(ref)
        if secret is None:
            return client.name, await self._why_unseen(ref, client, owner.name)
        self._lookup.forget(ref)
        if _is_ending(secret):
            return client.name, troubles.not_found(client, ending=True)
        if naming.is_ours(secret, owner):
            return client.name, troubles.owned_by_operator(client)
        return client.name, record.key(secret)

    async def _why_unseen(self, ref: kinds.Ref, client: api.Client, model: str) -> ConditionValue:
        """Say why the cache has no Secret `ref` of the model; where the API server does not answer, it counts as missing."""
        try:
            exists = self._cache.get(ref) is not None or await self._lookup.exists(ref)
        except errors.ApiError:
            exists = False
        return troubles.not_labelled(client, model) if exists else troubles.not_found(client, ending=False)


class _Source:
    """Where one run finds the model's own Secrets: in the cache, else at the API server unless the model is new."""

    def __init__(
        self,
        owner: naming.Owner,
        known: Mapping[kinds.Ref, kinds.Object],
        by_name: lookup.Lookup,
        *,
        is_new: bool,
    ) -> None:
        self._owner, self._known, self._lookup, self._is_new = owner, known, by_name, is_new

    async def get(self, name: str) -> kinds.Object | None:
        """Return the model's Secret of that name, None where there is none or it is another's."""
        ref = _ref(self._owner, name)
        found = self._known.get(ref)
        if found:
            self._lookup.forget(ref)
        elif not self._is_new:
            found = await self._lookup.get(ref)
        return found if found and naming.is_ours(found, self._owner) else None

    async def clients(self, names: Iterable[str]) -> tuple[dict[str, kinds.Object], Unread]:
        """Return the Secrets of the clients that have one, and whose could not be read."""
        secrets: dict[str, kinds.Object] = {}
        unread: dict[str, errors.ApiError] = {}

        async def read(name: str) -> None:
            try:
                found = await self.get(naming.client_secret(self._owner.name, name))
            except errors.ApiError as error:
                unread[name] = error
            else:
                if found:
                    secrets[name] = found

        await asyncio.gather(*map(read, sorted(names)))
        return secrets, unread

    def known_clients(self) -> list[str]:
        """Return the clients of whom the cache holds a Secret, listed or not."""
        prefix = naming.client_secret(self._owner.name, "")
        ours = [ref.name for ref, secret in self._known.items() if naming.is_ours(secret, self._owner)]
        return [name.removeprefix(prefix) for name in ours if name.startswith(prefix)]


def _ref(owner: naming.Owner, name: str) -> kinds.Ref:
    return kinds.Ref(kinds.SECRET.kind, owner.namespace, name)


def _stored(secrets: Mapping[str, kinds.Object], assumed: Mapping[str, keys.Issued]) -> dict[str, keys.Stored]:
    read = {name: record.stored(secret) for name, secret in secrets.items()}
    return read | {name: keys.Stored(one, keys.fingerprint(name, one)) for name, one in assumed.items()}


def _is_ending(obj: kinds.Object) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))
