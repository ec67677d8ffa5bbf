"""Brings each client's Secret to the keys that the client shall have, before anything is derived from them.

First the clients' Secrets, then the guard's, so that a new key is accepted once its Secret stores it. One client's trouble
touches no other: what the API server answers about one Secret is reported and tried again, the others go on, and so does the
guard's Secret. A Secret is written to the version that its keys were decided from; where that is gone, the next run decides all
again. What the keys are, keys/decision.py decides.
"""

import dataclasses
import secrets as randomness
from collections.abc import Callable, Iterable, Mapping

from vllm_operator import api, keys
from vllm_operator.keys import lookup, observation, record
from vllm_operator.kube import apply, cache, errors, failures, kinds, naming
from vllm_operator.kube import client as kube_client
from vllm_operator.kube.conditions import ConditionValue

LOOK_AGAIN_SECONDS = lookup.BELIEVED_SECONDS

Bodies = Callable[[Mapping[str, keys.Issued]], Iterable[kinds.Object]]
"""Return the clients' Secrets that hold these keys, by client."""


@dataclasses.dataclass(frozen=True, slots=True)
class IssueResult:
    """The keys of one model after a run.

    `issued`: the keys that guards shall accept, by client; `revoked_until`: every other record made up to then (unix seconds) is
    revoked; `revoked`: the clients that are newly off the list; `troubles`: what is wrong with the keys of a client; `failures`:
    Secrets that could not be written, read or deleted, or that somebody else keeps changing; `stale`: those that were no longer
    what their keys were decided from; `deleted`: clients' Secrets were deleted.
    """

    issued: Mapping[str, keys.Issued]
    revoked_until: int
    revoked: tuple[str, ...]
    troubles: Mapping[str, ConditionValue]
    failures: failures.Failures
    stale: frozenset[kinds.Ref]
    deleted: bool = False


class Issuer:
    """Issues and revokes the keys of one model at a time. `clock` gives unix seconds."""

    def __init__(
        self,
        api_server: kube_client.Api,
        objects: cache.Cache,
        write: apply.Applier,
        clock: Callable[[], float],
    ) -> None:
        self._api, self._writer, self._clock = api_server, write, clock
        self._observe = observation.Observer(api_server, objects, clock)

    async def __call__(
        self, owner: naming.Owner, spec: api.Spec, bodies: Bodies, *, terminating: bool = False
    ) -> IssueResult:
        """Write what differs and return the keys as they are then; all writes have ended by then, whatever became of one.

        For a `terminating` model keys are only taken away, and nothing is created. Where the guard's Secret cannot be read it is
        among the failures, and nothing is decided.
        """
        clients = keys.clients(spec.access)
        try:
            found = await self._observe(owner, clients)
        except errors.ApiError as error:
            return _undecided(owner, error)
        decision = keys.decide(spec.access, found.seen, int(self._clock()), new_key, terminating=terminating)
        wanted = _wanted(bodies(decision.issued), found)
        written = await self._writer.ensure_all(wanted, owner)
        self._observe.forget(map(kinds.ref, wanted))
        over = found.secrets.keys() - decision.issued.keys() - set(found.seen.ending)
        kept = await self._delete(found.secrets[name] for name in sorted(over))
        unread = {_ref(owner, name): error for name, error in found.unread.items()}
        met = written.failures | kept | {ref: failures.value(ref, error) for ref, error in unread.items()}
        issued = _usable(owner, decision, found.seen, met, written.stale)
        return IssueResult(
            issued=issued,
            revoked_until=keys.revoked_until(found.seen, issued),
            revoked=tuple(sorted(found.seen.applied.keys() - {client.name for client in clients})),
            troubles={**decision.repaired, **decision.troubles},
            failures={**met, **written.repaired},
            stale=written.stale,
            deleted=bool(over),
        )

    async def _delete(self, secrets: Iterable[kinds.Object]) -> failures.Failures:
        """Delete clients' Secrets; return why one may exist still, whatever the code was. Its keys are revoked all the same."""
        refs = {kinds.ref(secret): str(secret["metadata"]["uid"]) for secret in secrets}
        outcomes = await failures.settled(self._api.delete(ref, uid) for ref, uid in refs.items())
        met = {ref: error for ref, error in zip(refs, outcomes, strict=True) if error}
        return {ref: failures.value(ref, error) for ref, error in met.items() if await self._may_exist(ref)}

    async def _may_exist(self, ref: kinds.Ref) -> bool:
        """Tell whether there is still such an object: a webhook may refuse with any code, NotFound among them."""
        try:
            return await self._api.exists(ref)
        except errors.ApiError:
            return True


def _undecided(owner: naming.Owner, error: errors.ApiError) -> IssueResult:
    ref = kinds.Ref(kinds.SECRET.kind, owner.namespace, naming.guard_secret(owner.name))
    return IssueResult({}, 0, (), {}, {ref: failures.value(ref, error)}, frozenset())


def _wanted(bodies: Iterable[kinds.Object], found: observation.Observation) -> list[kinds.Object]:
    """Return the Secrets to be written; what could not be read is left as it is."""
    named = {str(body["metadata"]["labels"][naming.CLIENT_LABEL]): body for body in bodies}
    written = {name: body for name, body in named.items() if name not in found.unread}
    return [_beside(body, found.secrets.get(name)) for name, body in written.items()]


def _beside(secret: kinds.Object, live: kinds.Object | None) -> kinds.Object:
    """Return the Secret as it is written in place of the `live` one."""
    return _bound(_without_replaced(secret, live), live)


def _bound(secret: kinds.Object, live: kinds.Object | None) -> kinds.Object:
    """Return the Secret bound to the version of the `live` one that its keys were decided from; without one it is created."""
    if live is None:
        return secret
    return {**secret, "metadata": {**secret["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}}


def _without_replaced(secret: kinds.Object, live: kinds.Object | None) -> kinds.Object:
    """Return the Secret with no replaced keys where the `live` one has some, whoever put them there: an entry of ours can go."""
    held = (live or {}).get("data") or {}
    if held.get(record.PREVIOUS, "") in ("", *record.NO_PREVIOUS.values()):
        return secret
    return {**secret, "data": {**secret["data"], **record.NO_PREVIOUS}}


def _usable(
    owner: naming.Owner,
    decision: keys.Decision,
    seen: keys.Observed,
    met: failures.Failures,
    stale: frozenset[kinds.Ref],
) -> dict[str, keys.Issued]:
    refs = {name: _ref(owner, name) for name in decision.issued}
    unwritten = [name for name, ref in refs.items() if ref in met or ref in stale]
    foreign = [name for name in unwritten if refs[name] in met and met[refs[name]].reason == "NameTaken"]
    return keys.usable(decision, seen, unwritten, foreign)


def _ref(owner: naming.Owner, client: str) -> kinds.Ref:
    return kinds.Ref(kinds.SECRET.kind, owner.namespace, naming.client_secret(owner.name, client))


def new_key() -> str:
    """Return a key that nobody can guess."""
    return "sk-" + randomness.token_urlsafe(32)
