"""Clients, keys and Secrets in few words, for the tests of what is decided."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

from vllm_operator import api, keys

NOW, HOUR = 1_800_000_000, 3600


def key(number: int) -> str:
    return f"sk-{number:040}"


A, B, C = (key(number) for number in range(3))
MADE = (key(number) for number in itertools.count(100))
FIRST = keys.Issued(A, 1, NOW - 10)


def access(*clients: Mapping[str, Any], overlap: str = "1h") -> api.Access:
    """Return the access of clients that are named `a` unless they say otherwise."""
    return api.Access.model_validate(
        {"clients": [{"name": "a"} | dict(one) for one in clients], "rotationOverlap": overlap}
    )


def brought(*clients: str, overlap: str = "1h") -> api.Access:
    """Return the access of clients that bring their keys."""
    return access(*({"name": name, "keySecretRef": {"name": f"from-{name}"}} for name in clients), overlap=overlap)


def stored(issued: keys.Issued, name: str = "a") -> keys.Stored:
    """Return what a Secret stores as the operator wrote it: of replaced keys their hashes."""
    alone = dataclasses.replace(issued, previous=())
    hashes = tuple((keys.digest(one.key), one.until) for one in issued.previous)
    return keys.Stored(alone, keys.fingerprint(name, alone), hashes)


def stored_by_the_first_release(issued: keys.Issued) -> keys.Stored:
    """Return what a Secret stores that holds the replaced keys too."""
    return keys.Stored(issued, keys.fingerprint("a", issued))


def observed(**seen: Any) -> keys.Observed:
    return keys.Observed(**{"stored": {}, "applied": {}, **seen})


def decide(wanted: api.Access, now: int = NOW, *, terminating: bool = False, **seen: Any) -> keys.Decision:
    return keys.decide(wanted, observed(**seen), now, lambda: next(MADE), terminating=terminating)


def one(
    wanted: api.Access, secret: keys.Stored | None, applied: keys.Issued | None = None, now: int = NOW
) -> keys.Issued:
    """Return the keys of client `a`."""
    seen: dict[str, Any] = {"stored": {"a": secret} if secret else {}, "applied": {"a": applied} if applied else {}}
    return decide(wanted, now, **seen).issued["a"]
