"""docs/security.md cannot drift: a claim has tests that exist, a number comes from the code, and prose has none of its own."""

from __future__ import annotations

import ast
import functools
import re
from typing import TYPE_CHECKING

import pytest

from dev import paths
from tests import pages
from tests.attack import page, table, unbounded
from tests.reference import security

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.attack import attack

PAGE = paths.ROOT / "docs/security.md"
TESTS = paths.ROOT / "tests"
NAMED = re.compile(r"`(?:tests/)?((?:\w+/)+\w+\.py)(?:::(\w+))?`")
UNITS = (
    "ms|s|seconds|minutes|hours|days|[KMG]i?B|[KMGT]i|bytes|bits|characters|times|tokens|connections|requests|clients"
)
FIGURE = re.compile(rf"\b\d[\d,.]*\s?(?:%|(?:{UNITS}|a second)\b)")


@functools.cache
def names_in(path: str) -> frozenset[str]:
    """Return the names of a file's tests, those of classes too; one that is skipped, or may fail, holds nothing."""
    tree = ast.parse((TESTS / path).read_text())
    functions = (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(one.name for one in functions if one.name.startswith("test_") and not _is_left_out(one))


def _is_left_out(test: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    marks = [ast.unparse(one) for one in test.decorator_list]
    return any(re.match(r"pytest\.mark\.(skip|xfail)", mark) for mark in marks)


def held() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what is claimed or bounded, and its tests."""
    yield from ((claim.words, claim.tests) for claim in page.every().values())
    yield from ((one.words, one.tests) for table in security.NUMBERS.values() for one in table.bounds())


@pytest.mark.parametrize(("words", "tests"), list(held()))
def test_a_claim_and_a_number_name_tests_that_exist(words: str, tests: tuple[str, ...]) -> None:
    assert tests, words
    for test in tests:
        path, _, name = test.partition("::")
        assert name in names_in(path), f"{words}: {test} is not there"


def test_every_claim_has_a_name_of_its_own() -> None:
    names = [name for found in page.CLAIMS.values() for name in found]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("one", table.ATTACKS, ids=[one.tried for one in table.ATTACKS])
def test_an_attack_tries_a_claim(one: attack.Attack) -> None:
    assert one.claim in page.every()


def test_the_page_has_every_table() -> None:
    text = PAGE.read_text()
    assert [
        mark for mark in security.tables() if f"<!-- {mark} -->" not in text or f"<!-- /{mark} -->" not in text
    ] == []


def test_every_test_that_the_prose_names_is_there() -> None:
    for path, name in NAMED.findall(PAGE.read_text()):
        file = TESTS / path if (TESTS / path).exists() else paths.ROOT / path
        assert file.exists() or (TESTS / "attack" / path).exists(), path
        assert not name or name in names_in(path), f"{path}::{name}"


def test_no_number_stands_in_prose_where_nothing_would_change_it() -> None:
    prose = pages.prose(PAGE.read_text())
    for mark in security.tables():
        prose = re.sub(f"(?s)<!-- {mark} -->.*<!-- /{mark} -->", "", prose)
    assert FIGURE.findall(prose) == []


def test_what_is_not_bounded_says_what_to_do() -> None:
    assert all(one.remedy for one in unbounded.unbounded())
