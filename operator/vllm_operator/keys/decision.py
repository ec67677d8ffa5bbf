"""Which keys each client has now, from what its Secret holds, what was last accepted, and what its spec asks. Pure.

The client's Secret is the truth. What the guard's Secret accepted last only puts back what somebody edited, and only where it is
known to be no older: a key that was revoked never comes back, whatever write was the last before the operator ended. For this a
record says when it was made (`at`, which ever grows) and a mark in the Secret proves that the record there is ours.

Must not know how a Secret holds a record (keys/record.py does), nor put a key into words.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Container, Iterable, Mapping
from typing import NamedTuple

from vllm_operator import api, guard
from vllm_operator.kube import naming
from vllm_operator.kube.conditions import ConditionValue

KEY_ENTRY = "OPENAI_API_KEY"
DEFAULT_CLIENT = api.Client(name="default")
MOST_PREVIOUS = 2
"""Replaced keys that are still accepted: one who rotates in haste does not shut out who has yet to fetch the first."""


@dataclasses.dataclass(frozen=True, slots=True)
class Previous:
    """A replaced key, accepted until `until` (unix seconds)."""

    key: str = dataclasses.field(repr=False)
    until: int


@dataclasses.dataclass(frozen=True, slots=True)
class Issued:
    """One client's keys. `version`: the keyVersion that they were made for, 0 for a brought key; `at`: unix seconds."""

    key: str = dataclasses.field(repr=False)
    version: int
    at: int
    previous: tuple[Previous, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Return all keys, the newest first."""
        return (self.key, *(one.key for one in self.previous))


class Held(NamedTuple):
    """What a client's Secret holds: a record, None where it cannot be one, and the mark that was written with the last."""

    issued: Issued | None
    mark: str


class Observed(NamedTuple):
    """What is there, by client.

    `held`: in its Secret; `ending`: whose Secret is being deleted; `accepted`: what the guard's Secret held last; `brought`: the
    key that keySecretRef names, or what is wrong with it; `void`: up to which `at` the records of a client are that had no
    key any more, and a Secret that could not be deleted.
    """

    held: Mapping[str, Held]
    accepted: Mapping[str, Issued]
    brought: Mapping[str, str | ConditionValue] = {}
    ending: frozenset[str] = frozenset()
    void: Mapping[str, int] = {}


class Decision(NamedTuple):
    """The keys of each client that is to have some, and why another has none."""

    issued: Mapping[str, Issued]
    troubles: Mapping[str, ConditionValue]


def clients(access: api.Access) -> tuple[api.Client, ...]:
    """Return the model's clients; where the spec lists none, one is implied, and an empty list is nobody."""
    return (DEFAULT_CLIENT,) if access.clients is None else access.clients


def decide(access: api.Access, seen: Observed, now: int, new: Callable[[], str]) -> Decision:
    """Return the keys that each client is to have; `new` makes one."""
    issued: dict[str, Issued] = {}
    troubles: dict[str, ConditionValue] = {}
    taken: set[str] = set()
    for client in sorted(clients(access), key=lambda client: _precedence(client, seen)):
        found = _issued(client, api.seconds(access.rotation_overlap), seen, now, new)
        if isinstance(found, Issued) and found.key in taken:
            found = _refused(client, "its key is another client's")
        if isinstance(found, ConditionValue):
            troubles[client.name] = found
            continue
        issued[client.name] = _without(found, taken)
        taken |= set(found.keys)
    return Decision(issued, troubles)


def last(name: str, seen: Observed) -> Issued | None:
    """Return the client's newest record that is surely ours; None where a key is to be made.

    No Secret: it was deleted, which revokes, and so does a deletion that was refused. A record of ours that is older than what
    was accepted since was put there from a backup. One that is not ours is put back from what was accepted, if that is what
    stood there, or is the same key still.
    """
    held, accepted = seen.held.get(name), seen.accepted.get(name)
    if held is None or (held.issued and held.issued.at <= seen.void.get(name, -1)):
        return None
    if held.issued and held.mark == mark(name, held.issued):
        return accepted if accepted and accepted.at > held.issued.at else held.issued
    same = bool(held.issued and accepted and held.issued.key == accepted.key)
    return accepted if accepted and (same or held.mark == mark(name, accepted)) else None


def void(seen: Observed, kept: Iterable[str], issued: Container[str]) -> dict[str, int]:
    """Return what is void now: all that is held of those whose Secret had to be `kept`, until their next key is `issued`."""
    before = {name: at for name, at in seen.void.items() if name in seen.held and name not in issued}
    return before | {name: _newest(name, seen) for name in kept}


def issue(
    before: Issued | None, *, version: int, overlap: int, now: int, new: Callable[[], str], brought: str = ""
) -> Issued:
    """Return what follows `before`: a new key where `version` was raised or another was brought, the old one for `overlap`."""
    if before is None:
        return Issued(brought or new(), version, now)
    due = before.key != brought if brought else before.version < version
    key = (brought or new()) if due else before.key
    replaced = (Previous(before.key, now + overlap),) if due else ()
    capped = (dataclasses.replace(one, until=min(one.until, now + overlap)) for one in before.previous)
    kept = [one for one in (*replaced, *capped) if one.until > now and one.key != key]
    after = Issued(key, version, before.at, tuple(kept[:MOST_PREVIOUS]))
    return after if after == before else dataclasses.replace(after, at=max(now, before.at + 1))


def mark(name: str, issued: Issued) -> str:
    """Return what tells a record of ours from an edited one, and from one of another client.

    A key of 190 random bits and more cannot be found from it.
    """
    record = [name, issued.key, issued.version, issued.at, *((one.key, one.until) for one in issued.previous)]
    return hashlib.sha256(json.dumps(record).encode()).hexdigest()[:16]


def expiry(client: api.Client) -> int | None:
    """Return from when on the client's keys are refused, in unix seconds; None: never."""
    return None if client.expires_at is None else api.unix(client.expires_at)


def expired(access: api.Access, now: float) -> tuple[str, ...]:
    """Return the names of the clients whose time is over."""
    return tuple(client.name for client in clients(access) if (expiry(client) or now + 1) <= now)


def due(access: api.Access, issued: Iterable[Issued], now: float) -> float | None:
    """Return in how many seconds a key's or a client's time is over next, if ever."""
    ends = [expiry(client) for client in clients(access)] + [one.until for each in issued for one in each.previous]
    return min((end - now for end in ends if end is not None and end > now), default=None)


def unseen(client: api.Client, model: str, *, exists: bool, ending: bool = False) -> ConditionValue:
    """Say why no Secret brings the client's key: the key that it had is refused from now on."""
    name = client.key_secret_ref.name if client.key_secret_ref else ""
    if ending or not exists:
        how = "is being deleted" if ending else "does not exist"
        return ConditionValue(
            "False", "ClientKeyNotFound", f"{client.name}: Secret {name} {how}, so no key is accepted"
        )
    lacks = f"Secret {name} lacks the label {naming.MODEL_LABEL}={model}"
    return ConditionValue("False", "ClientKeyNotLabelled", f"{client.name}: {lacks}, so no key is accepted")


def ours(client: api.Client) -> ConditionValue:
    """Say that a Secret of ours brings no key."""
    return _refused(client, "the operator makes that Secret itself: bring another")


def _issued(
    client: api.Client, overlap: int, seen: Observed, now: int, new: Callable[[], str]
) -> Issued | ConditionValue:
    if client.name in seen.ending:
        return ConditionValue(
            "False", "ClientSecretEnding", f"{client.name}: its Secret is being deleted, and a finalizer holds it"
        )
    before, accepted = last(client.name, seen), seen.accepted.get(client.name)
    if before is None:
        now = max(now, 1 + max(accepted.at if accepted else 0, seen.void.get(client.name, 0)))
    if client.key_secret_ref is None:
        return issue(before, version=client.key_version or 1, overlap=overlap, now=now, new=new)
    brought = seen.brought[client.name]
    if isinstance(brought, ConditionValue):
        return brought
    if not brought:
        return _refused(client, f"it has no entry {KEY_ENTRY}")
    if not guard.is_key(brought):
        return _refused(client, "the key is not sk- and 32 to 128 of the characters A-Z a-z 0-9 _ - alone")
    return issue(before, version=0, overlap=overlap, now=now, new=new, brought=brought)


def _newest(name: str, seen: Observed) -> int:
    records = (seen.held[name].issued, seen.accepted.get(name))
    return max(seen.void.get(name, 0), *(one.at for one in records if one), 0)


def _precedence(client: api.Client, seen: Observed) -> tuple[bool, bool]:
    """A key of our own making goes before a brought one, and who has a key before who brings the same."""
    held = seen.held.get(client.name)
    holds = bool(held and held.issued and held.issued.key == seen.brought.get(client.name))
    return client.key_secret_ref is not None, not holds


def _without(issued: Issued, taken: set[str]) -> Issued:
    return dataclasses.replace(issued, previous=tuple(one for one in issued.previous if one.key not in taken))


def _refused(client: api.Client, why: str) -> ConditionValue:
    where = f" (Secret {client.key_secret_ref.name})" if client.key_secret_ref else ""
    return ConditionValue("False", "ClientKeyRefused", f"{client.name}{where}: {why}")
