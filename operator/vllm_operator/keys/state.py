"""What is known about the keys of a model: the shapes that keys/decision.py reads and returns.

Pure data. A key never shows in the `repr` of any of them.
"""

import dataclasses
import hashlib
import json
from collections.abc import Collection, Mapping
from typing import NamedTuple

from vllm_operator.kube.conditions import ConditionValue

KEY_ENTRY = "OPENAI_API_KEY"
MOST_PREVIOUS = 2
"""Replaced keys that are still accepted: two rotations in quick succession leave time to fetch the newest key."""

LATEST = 253_402_300_799
"""9999-12-31T23:59:59Z in unix seconds, the last moment that RFC 3339 can express."""


@dataclasses.dataclass(frozen=True, slots=True)
class Previous:
    """A replaced key, accepted until `until` (unix seconds)."""

    key: str = dataclasses.field(repr=False)
    until: int


@dataclasses.dataclass(frozen=True, slots=True)
class Issued:
    """The record of one client's keys.

    `version`: the keyVersion that the key was made for, 0 for a brought key; `at`: when the record was made, in unix seconds. Of
    two records of one client, the one with the higher `at` is the newer one.
    """

    key: str = dataclasses.field(repr=False)
    version: int
    at: int
    previous: tuple[Previous, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Return all keys, the newest first."""
        return (self.key, *(one.key for one in self.previous))


class Stored(NamedTuple):
    """What a client's Secret stores: a record, None where it is unreadable, and the fingerprint beside it.

    `replaced`: the hash of each replaced key, and until when (unix seconds) the key is accepted. The guard's Secret alone holds
    these keys; `issued.previous` has some where an earlier operator wrote the Secret.
    """

    issued: Issued | None
    fingerprint: str
    replaced: tuple[tuple[str, int], ...] = ()


class Observed(NamedTuple):
    """What was found of a model's keys, by client.

    `stored`: what the client's Secret stores; `ending`: clients whose Secret is being deleted; `applied`: the records that the
    guard's Secret holds, which the guards accept; `unreadable`: clients whose record there could not be read; `revoked_until`:
    every record made up to then (unix seconds) that is not in `applied` is revoked; `brought`: the key that keySecretRef names,
    or why it names none.
    """

    stored: Mapping[str, Stored]
    applied: Mapping[str, Issued]
    revoked_until: int = 0
    brought: Mapping[str, str | ConditionValue] = {}
    ending: Collection[str] = ()
    unreadable: Collection[str] = ()

    @property
    def edited(self) -> frozenset[str]:
        """Return the clients whose Secret does not store what the operator wrote."""
        return frozenset(name for name, one in self.stored.items() if not is_genuine(name, one))


class Decision(NamedTuple):
    """`issued`: the keys that each client shall have; `troubles`: why a client has none; `repaired`: whose Secret was edited."""

    issued: Mapping[str, Issued]
    troubles: Mapping[str, ConditionValue]
    repaired: Mapping[str, ConditionValue]


def fingerprint(name: str, issued: Issued) -> str:
    """Return the hash of client `name` and its record: it tells a record of ours from an edited one and from another client's.

    A key of 190 random bits and more cannot be found from it.
    """
    record = [name, issued.key, issued.version, issued.at, *((one.key, one.until) for one in issued.previous)]
    return hashlib.sha256(json.dumps(record).encode()).hexdigest()[:16]


def digest(key: str) -> str:
    """Return the hash by which a client's Secret names a replaced key: of no use to find one of 190 random bits and more."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def is_genuine(name: str, stored: Stored) -> bool:
    """Tell whether the operator wrote what the Secret of client `name` stores."""
    return stored.issued is not None and stored.fingerprint == fingerprint(name, stored.issued)
