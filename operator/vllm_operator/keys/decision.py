"""Which keys each client has now, from what its Secret stores, what guards accept, and what its spec asks. Pure.

The client's Secret is the truth. The record that guards accepted last restores what somebody edited, and only where it is known
to be no older: a key that was revoked never comes back, whatever write was the last before the operator ended. This rests on

- `at`, the moment of a record: each new record is dated after every record that was accepted before, whatever the clock says;
- the fingerprint in the Secret, which tells what the operator wrote from what somebody edited.

Must not know how a Secret encodes a record (keys/record.py does), nor put a key into words (keys/troubles.py has the words).
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from vllm_operator import api, guard
from vllm_operator.keys import state, troubles
from vllm_operator.keys.state import Decision, Issued, Observed, Previous
from vllm_operator.kube.conditions import ConditionValue

DEFAULT_CLIENT = api.Client(name="default")


class Rules(NamedTuple):
    """How records are made now.

    `overlap`: how long a replaced key is accepted, in seconds; `now`: unix seconds by the clock; `at`: the moment that a new
    record is dated with; `new`: makes a key; `terminating`: keys are only taken away.
    """

    overlap: int
    now: int
    at: int
    new: Callable[[], str]
    terminating: bool = False


def clients(access: api.Access) -> tuple[api.Client, ...]:
    """Return the model's clients; where the spec lists none, one is implied, and an empty list is nobody."""
    return (DEFAULT_CLIENT,) if access.clients is None else access.clients


def decide(
    access: api.Access, seen: Observed, now: int, new: Callable[[], str], *, terminating: bool = False
) -> Decision:
    """Return the keys that each client shall have; `new` makes one.

    Of a `terminating` model keys are only taken away: no client gets its first key, and no key is made in a rotation.
    """
    at = min(max(now, newest(seen) + 1), state.LATEST)
    rules = Rules(api.seconds(access.rotation_overlap), now, at, new, terminating)
    issued: dict[str, Issued] = {}
    refused: dict[str, ConditionValue] = {}
    taken: set[str] = set()
    for client in sorted(clients(access), key=lambda client: _precedence(client, seen)):
        found = _issued(client, seen, rules)
        if isinstance(found, Issued) and found.key in taken:
            found = troubles.taken(client)
        if isinstance(found, ConditionValue):
            refused[client.name] = found
        elif found:
            issued[client.name] = _without(found, taken)
            taken |= set(found.keys)
    return Decision(issued, refused, _repaired(seen, issued))


def last(name: str, seen: Observed) -> Issued | None:
    """Return the newest record of client `name` that the operator surely made and nobody revoked; None where there is none.

    | the client's Secret stores | guards accept | returned |
    |---|---|---|
    | nothing: it was deleted, which revokes | anything | None |
    | a record of ours | an older record | the stored one: the operator ended before it wrote the guard's Secret |
    | a record of ours | the same record or a newer one | the accepted one: the stored one is the same, or from a backup |
    | a record of ours | another key, made in the same second | None: nothing tells which of the two was revoked |
    | a record of ours | one that cannot be read | the stored one |
    | a record of ours, made after `revoked_until` | none | the stored one: the guard's Secret is yet to be written, or was lost |
    | a record of ours, made up to `revoked_until` | none | None: it was revoked, and its Secret could not be deleted |
    | an edited record with the key or the fingerprint of the accepted one | a record | the accepted one |
    | anything else | anything | None |

    The keys that a stored record replaced are those of the accepted one; where it holds them no more, their overlap ends.
    """
    stored, applied = seen.stored.get(name), seen.applied.get(name)
    if stored is None:
        return None
    if stored.issued and state.is_genuine(name, stored):
        return _newer(_remembered(stored.issued, stored, applied), applied, _replaced_until(name, seen))
    return applied if applied and _is_edited(name, stored, applied) else None


def issue(before: Issued | None, rules: Rules, *, version: int, brought: str = "") -> Issued:
    """Return the record that follows `before`: a new key where `version` was raised or another key was brought."""
    if before is None:
        return Issued(brought or rules.new(), version, rules.at)
    is_due = before.key != brought if brought else before.version < version
    key = (brought or rules.new()) if is_due else before.key
    end = min(rules.now + rules.overlap, state.LATEST)
    replaced = [Previous(before.key, end)] if is_due else []
    replaced += [Previous(one.key, min(one.until, end)) for one in before.previous]
    previous = [one for one in replaced if one.until > rules.now and one.key != key]
    after = Issued(key, version, before.at, tuple(previous[: state.MOST_PREVIOUS]))
    return before if after == before else _dated(after, before, rules)


def _dated(after: Issued, before: Issued, rules: Rules) -> Issued:
    return dataclasses.replace(after, at=min(max(rules.at, before.at + 1), state.LATEST))


def usable(
    decision: Decision, seen: Observed, unwritten: Collection[str], foreign: Collection[str] = ()
) -> dict[str, Issued]:
    """Return the keys that guards may accept now: those that a Secret stores, so that their client can read them.

    A client whose Secret is `unwritten` keeps the keys of its last record, except those that another client has by now. A client
    has none where its Secret's name is held by a `foreign` object.
    """
    missing = {*unwritten, *foreign}
    accepted = {name: one for name, one in decision.issued.items() if name not in missing}
    taken = {key for one in accepted.values() for key in one.keys}
    for name in sorted(decision.issued.keys() & set(unwritten)):
        before = last(name, seen)
        if before and before.key not in taken:
            accepted[name] = _without(before, taken)
            taken |= set(before.keys)
    return accepted


def newest(seen: Observed) -> int:
    """Return the `at` of the newest record of all."""
    return max(seen.revoked_until, *_moments(seen, seen.stored.keys() | seen.applied.keys()), 0)


def revoked_until(seen: Observed, issued: Mapping[str, Issued]) -> int:
    """Return up to which `at` each record is revoked that is not among those `issued` now: the newest of a client without keys.

    No more than that: a Secret whose write was not answered may be there, with a record as new as the others.
    """
    if set(seen.unreadable) - issued.keys():
        return max(newest(seen), *(one.at for one in issued.values()), 0)
    over = (seen.stored.keys() | seen.applied.keys()) - issued.keys()
    return max(seen.revoked_until, *_moments(seen, over), 0)


def _moments(seen: Observed, names: Collection[str]) -> list[int]:
    """Return the `at` of the records of these clients, those that somebody edited left out."""
    edited = seen.edited
    genuine = [name for name in names if name in seen.stored and name not in edited]
    stored = [issued for name in genuine if (issued := seen.stored[name].issued)]
    applied = [one for name, one in seen.applied.items() if name in names]
    return [one.at for one in (*stored, *applied)]


def _issued(client: api.Client, seen: Observed, rules: Rules) -> Issued | ConditionValue | None:
    """Return the client's keys, why it has none, or None where nothing is to be made for it."""
    if client.name in seen.ending:
        return troubles.secret_ending(client)
    before = last(client.name, seen)
    if rules.terminating and before is None:
        return None
    found = _following(client, before, seen, rules)
    if isinstance(found, Issued) and before and _has_forgotten(client.name, before, seen):
        return _dated(found, before, rules)
    return found


def _following(client: api.Client, before: Issued | None, seen: Observed, rules: Rules) -> Issued | ConditionValue:
    if client.key_secret_ref:
        return _brought(client, before, seen.brought[client.name], rules)
    version = before.version if before and rules.terminating else client.key_version or 1
    return issue(before, rules, version=version)


def _brought(
    client: api.Client, before: Issued | None, key: str | ConditionValue, rules: Rules
) -> Issued | ConditionValue:
    if isinstance(key, ConditionValue):
        return key
    if not key:
        return troubles.no_entry(client)
    if not guard.is_key(key):
        return troubles.malformed(client)
    return issue(before, rules, version=0, brought=key)


def _remembered(issued: Issued, stored: state.Stored, applied: Issued | None) -> Issued:
    """Return the record that is `stored` with the keys that it replaced, as far as the accepted one holds them."""
    if issued.previous:  # an earlier operator wrote them beside it
        return issued
    held = {state.digest(key): key for key in applied.keys} if applied else {}
    previous = tuple(Previous(held[name], until) for name, until in stored.replaced if name in held)
    return dataclasses.replace(issued, previous=previous)


def _has_forgotten(name: str, before: Issued, seen: Observed) -> bool:
    """Tell whether a replaced key is not known any more: the record without it is a new one, so that no backup brings it back."""
    stored = seen.stored[name]
    if stored.issued is None or stored.issued.at != before.at:
        return False
    return not {one for one, _ in stored.replaced} <= {state.digest(key) for key in before.keys}


def _newer(stored: Issued, applied: Issued | None, replaced_until: int) -> Issued | None:
    if stored.at > replaced_until:
        return stored
    if applied and applied.at == stored.at and applied.key != stored.key:
        return None
    return applied


def _replaced_until(name: str, seen: Observed) -> int:
    """Return up to which `at` the records of client `name` are replaced or revoked."""
    if name in seen.applied:
        return seen.applied[name].at
    return -1 if name in seen.unreadable else seen.revoked_until


def _is_edited(name: str, stored: state.Stored, applied: Issued) -> bool:
    """Tell whether what the Secret stores is the record `applied`, edited: its key or its fingerprint is still there."""
    if stored.issued and stored.issued.key == applied.key:
        return True
    return stored.fingerprint == state.fingerprint(name, applied)


def _repaired(seen: Observed, issued: Mapping[str, Issued]) -> dict[str, ConditionValue]:
    """Return whose keys were not stored as the operator wrote them, and what follows."""
    guards = {name: troubles.unreadable(name) for name in issued if name in seen.unreadable}
    edited = seen.edited & issued.keys()
    return guards | {name: troubles.repaired(name, restored=last(name, seen) is not None) for name in edited}


def _precedence(client: api.Client, seen: Observed) -> tuple[bool, bool]:
    """A key of our own making goes before a brought one, and who has a key before who brings the same."""
    stored = seen.stored.get(client.name)
    holds = bool(stored and stored.issued and stored.issued.key == seen.brought.get(client.name))
    return client.key_secret_ref is not None, not holds


def _without(issued: Issued, taken: set[str]) -> Issued:
    return dataclasses.replace(issued, previous=tuple(one for one in issued.previous if one.key not in taken))
