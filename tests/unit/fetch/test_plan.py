"""A listing and a journal -> what is there and what is left."""

import random

import hypothesis
from hypothesis import strategies

from vllm_operator.fetch import listing, plan

SIZES = strategies.integers(0, 300)
BOUNDS = strategies.lists(strategies.tuples(strategies.integers(0, 300), strategies.integers(0, 300)), max_size=8)
TEXT = strategies.text(alphabet="havedonrp 0123456789ab\n", max_size=60)


def ranges(bounds: list[tuple[int, int]], size: int) -> list[plan.Range]:
    ordered = [(min(pair), min(max(pair), size)) for pair in bounds]
    return [plan.Range(start, end) for start, end in ordered if start < end]


def numbers(found: list[plan.Range]) -> list[int]:
    return [number for one in found for number in range(one.start, one.end)]


@hypothesis.given(SIZES, BOUNDS, strategies.integers(1, 100))
def test_what_is_there_and_what_is_left_are_the_file_and_no_byte_is_in_both(
    size: int, bounds: list[tuple[int, int]], most: int
) -> None:
    have: tuple[plan.Range, ...] = ()
    for one in ranges(bounds, size):
        have = plan.merge(have, one)
    left = plan.left(size, have, most)
    assert sorted(numbers(list(have)) + numbers(left)) == list(range(size))
    assert all(one.end - one.start <= most for one in left)
    assert left == sorted(left)


@hypothesis.given(SIZES, BOUNDS, strategies.randoms(use_true_random=False))
def test_the_order_in_which_ranges_come_is_all_the_same(
    size: int, bounds: list[tuple[int, int]], shuffled: random.Random
) -> None:
    lines = [plan.have_line(0, one) for one in ranges(bounds, size)]
    files = [listing.File("a", size)]
    first = plan.replay("".join(lines), files)
    shuffled.shuffle(lines)
    assert plan.replay("".join(lines), files) == first


@hypothesis.given(SIZES, BOUNDS, strategies.integers(0, 400))
def test_a_journal_that_was_cut_anywhere_never_says_more_than_was_written(
    size: int, bounds: list[tuple[int, int]], cut: int
) -> None:
    files = [listing.File("a", size)]
    journal = "".join(plan.have_line(0, one) for one in ranges(bounds, size)) + plan.done_line(0, "a" * 64)
    whole, part = plan.replay(journal, files), plan.replay(journal[:cut], files)
    assert set(numbers(list(part.have.get(0, ())))) <= set(numbers(list(whole.have.get(0, ()))))
    assert not part.done or cut >= len(journal)


@hypothesis.given(TEXT)
def test_a_journal_that_is_none_says_nothing_that_is_not_possible(text: str) -> None:
    files = [listing.File("a", 7), listing.File("b", 9)]
    held = plan.replay(text, files)
    assert 0 <= plan.fetched(files, held) <= 16
    assert plan.needed(files, held) == 16 - plan.fetched(files, held)


def test_a_range_beyond_the_file_is_none() -> None:
    files = [listing.File("a", 10)]
    assert plan.replay("have 0 0 11\nhave 0 7 7\nhave 0 9 3\nhave 1 0 5\n", files) == plan.Held({}, {})


def test_what_was_dropped_does_not_count() -> None:
    files = [listing.File("a", 10)]
    journal = plan.have_line(0, plan.Range(0, 10)) + plan.done_line(0, "b" * 64) + plan.drop_line(0)
    assert plan.replay(journal, files) == plan.Held({}, {})


def test_the_frontier_is_where_the_first_gap_begins() -> None:
    assert plan.frontier((plan.Range(0, 5), plan.Range(7, 9))) == 5
    assert plan.frontier((plan.Range(1, 5),)) == 0


def test_the_digest_is_known_before_large_files_are_fetched() -> None:
    files = [listing.File("large", 5, sha256="a" * 64), listing.File("small", 1)]
    assert plan.waves(files) == ([1], [0])
    assert plan.expected(files, {}) == ""
    assert plan.expected(files, {1: "b" * 64}) == listing.digest({"large": ("a" * 64, 5), "small": ("b" * 64, 1)})
