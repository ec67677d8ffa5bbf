"""The tables of docs/security.md: claims with their tests, numbers from the code, and what is not bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.attack import bounds, page, table, unbounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.attack import claims


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
        **{mark: _claims(found) for mark, found in page.CLAIMS.items()},
        **{mark: _bounds(found.of, found.bounds()) for mark, found in NUMBERS.items()},
        "unbounded": _open(unbounded.unbounded()),
    }


def _claims(found: Mapping[str, claims.Claim]) -> list[str]:
    rows = [f"| {one.words} | {_tests(one.tests)} | {_tried(name)} |" for name, one in found.items()]
    return ["", "| claim | held by, below `tests/` | `make attack` tries |", "|---|---|---|", *rows]


def _tried(name: str) -> str:
    return "; ".join(one.tried for one in table.ATTACKS if one.claim == name)


def _bounds(of: str, found: Iterable[bounds.Bound]) -> list[str]:
    rows = [f"| {one.words} | {one.value} | {_tests(one.tests)} |" for one in found]
    return ["", f"| {of} | number | held by, below `tests/` |", "|---|---|---|", *rows]


def _open(found: Iterable[unbounded.Open]) -> list[str]:
    return ["", "| not bounded | what to do |", "|---|---|", *(f"| {one.words} | {one.remedy} |" for one in found)]


def _tests(tests: Iterable[str]) -> str:
    return ", ".join(f"`{one}`" for one in tests)
