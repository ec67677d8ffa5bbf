"""What a route matches: a method and exact paths, a header, a key.

Knows: RE2, and how long a match gets, since one of each stands at every key. Must not: know what becomes of a request.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vllm_operator.guard import proto

_HEAD = len("/v1/")
"""The characters that tell a path from those of vLLM, with whose first segments none begins."""


class Calls(NamedTuple):
    """One method, and the regular expression of the exact paths that it has."""

    method: str
    paths: str

    def match(self, *headers: proto.Json) -> proto.Json:
        """Return the match of these calls with these headers."""
        return {"safe_regex": {"regex": self.paths}, "headers": [exactly(":method", self.method), *headers]}


def exactly(name: str, value: str) -> proto.Json:
    """Match a header of this value."""
    return {"name": name, "string_match": {"exact": value}}


def bearer(keys: Iterable[str]) -> proto.Json:
    """Match the header that sends one of these keys. No character of a key has a meaning in RE2 (see `access.KEY_PATTERN`)."""
    one, *others = keys
    regex = f"(?:{'|'.join([one, *others])})" if others else one
    return _authorization(f"(?i:bearer) +{regex}")


def unlike(starts: Iterable[str], ends: Iterable[str]) -> proto.Json:
    """Match the lack of a header that sends a key with one of these beginnings and one of these ends.

    One pass finds it, however many there are. Envoy takes a program of so much, and no more than a few characters of each key.
    """
    start, end = ("|".join(sorted(some)) for some in (starts, ends))
    found = _authorization(f"(?i:bearer) +(?:{start})[A-Za-z0-9_-]*(?:{end})")
    return found | {"invert_match": True, "treat_missing_header_as_empty": True}


def _authorization(regex: str) -> proto.Json:
    return {"name": "authorization", "string_match": {"safe_regex": {"regex": regex}}}


def literal(text: str) -> str:
    """Return RE2 for exactly this text. A dash has no meaning there, and stays, so that a path can be searched for."""
    return re.escape(text).replace(r"\-", "-")


def below(path: str) -> str:
    r"""Return RE2 for what may stand before a path of the model: nothing, or `path`, since callers in the cluster use none.

    What stands between \Q and \E is taken as it is: a path of dots does not get three times as long.
    """
    return rf"(?:\Q{path}\E)?" if path else ""


def behind(below: str, paths: Iterable[str]) -> str:
    """Return RE2 for exactly these paths, behind what matches `below`."""
    either = "|".join(map(literal, paths))
    return f"{below}(?:{either})" if below else either


def without(path: str) -> proto.Json:
    """Return the rewrite that takes `path` off, where `below` has matched: then its beginning and its length tell it."""
    head, rest = literal(path[:_HEAD]), len(path[_HEAD:])
    return {"pattern": {"regex": f"^{head}{f'[!-~]{{{rest}}}' if rest else ''}/"}, "substitution": "/"}
