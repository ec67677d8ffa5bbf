"""The tables of docs/security.md: claims with their tests, numbers from the code, and what is not bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.attack import bounds, claims, claims_guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

CLAIMS: Mapping[str, Mapping[str, claims.Claim]] = {
    "tenants": claims.TENANTS,
    "account": claims.ACCOUNT,
    "keys": claims.KEYS,
    "guard": claims_guard.GUARD,
    "supply": claims_guard.SUPPLY,
    "logs": claims_guard.LOGS,
}
"""The claims, by the mark of their table in the page."""


class Numbers(NamedTuple):
    """A table of numbers: what they are of, and what makes them."""

    of: str
    bounds: Callable[[], list[bounds.Bound]]


NUMBERS: Mapping[str, Numbers] = {
    "public": Numbers("at port 8000 of one guard", bounds.public),
    "private": Numbers("at port 8002 of one guard", bounds.private),
    "engine": Numbers("of one server", bounds.engine),
    "secrets": Numbers("of keys", bounds.keys_of_clients),
}
"""The numbers, by the mark of their table in the page."""


def tables() -> dict[str, list[str]]:
    """Return the lines of each table, by its mark."""
    return {
        **{mark: _claims(found.values()) for mark, found in CLAIMS.items()},
        **{mark: _bounds(found.of, found.bounds()) for mark, found in NUMBERS.items()},
        "unbounded": _open(bounds.unbounded()),
    }


def every() -> dict[str, claims.Claim]:
    """Return all claims by name."""
    return {name: claim for found in CLAIMS.values() for name, claim in found.items()}


def _claims(found: Iterable[claims.Claim]) -> list[str]:
    rows = [f"| {one.words} | {_tests(one.tests)} |" for one in found]
    return ["", "| claim | held by, below `tests/` |", "|---|---|", *rows]


def _bounds(of: str, found: Iterable[bounds.Bound]) -> list[str]:
    rows = [f"| {one.words} | {one.value} | {_tests(one.tests)} |" for one in found]
    return ["", f"| {of} | number | held by, below `tests/` |", "|---|---|---|", *rows]


def _open(found: Iterable[bounds.Open]) -> list[str]:
    return ["", "| not bounded | what to do |", "|---|---|", *(f"| {one.words} | {one.remedy} |" for one in found)]


def _tests(tests: Iterable[str]) -> str:
    return ", ".join(f"`{one}`" for one in tests)
