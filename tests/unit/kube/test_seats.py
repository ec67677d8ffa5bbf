"""Each namespace has its share of what may take long, and what waits goes on in its turn. In virtual time."""

import asyncio
import contextlib

from tests import clock
from vllm_operator.kube import seats


def filled(of_one: int, *namespaces: str) -> dict[str, int]:
    """Return how many seats each namespace gets where all want as many as they can have, one after the other in turn."""
    row, taken = seats.Seats(of_one), dict.fromkeys(namespaces, 0)
    while free := [one for one in namespaces if row.is_free(one)]:
        row.take(free[0])
        taken[free[0]] += 1
    return taken


def test_a_namespace_alone_has_half_of_the_seats_and_each_further_one_half_of_the_rest() -> None:
    assert filled(16, "a") == {"a": 16}
    assert filled(16, *"abcde") == {"a": 16, "b": 8, "c": 4, "d": 2, "e": 1}


def test_two_that_share_have_one_third_each() -> None:
    row = seats.Seats(12)
    for _ in range(100):
        for namespace in "ab":
            if row.is_free(namespace):
                row.take(namespace)
            elif row._taken[namespace] > 1:
                row.give_back(namespace)
    assert {namespace: row._taken[namespace] in range(7, 10) for namespace in "ab"} == {"a": True, "b": True}


def test_a_seat_that_is_given_back_is_free_and_leaves_nothing_behind() -> None:
    row = seats.Seats(1)
    with contextlib.suppress(ZeroDivisionError), row.taken("a"):
        assert not row.is_free("a")
        raise ZeroDivisionError
    assert row.is_free("a")
    assert not row._taken


async def sit(turns: seats.Turns, namespace: str, seconds: float, came: list[tuple[float, str]]) -> None:
    async with turns.taken(namespace):
        came.append((clock.now(), namespace))
        await asyncio.sleep(seconds)


@clock.virtual
async def test_who_waits_goes_on_in_the_turn_of_its_namespace() -> None:
    turns, begun, came = seats.Turns(1), clock.now(), list[tuple[float, str]]()
    slow = [asyncio.create_task(sit(turns, "slow", 30, came)) for _ in range(50)]
    await asyncio.sleep(1)
    await asyncio.gather(*(sit(turns, "quick", 0.1, came) for _ in range(3)))
    assert [(round(at - begun, 1), namespace) for at, namespace in came] == [
        (0.0, "slow"), (1.0, "quick"), (1.1, "quick"), (1.2, "quick"),
    ]  # fmt: skip
    await asyncio.gather(*slow)
    assert len(came) == 53


@clock.virtual
async def test_who_is_cancelled_keeps_no_seat() -> None:
    """While it waits, and also when it was called in the same moment."""
    turns, came = seats.Turns(1), list[tuple[float, str]]()
    first, *others = (asyncio.create_task(sit(turns, "a", 1, came)) for _ in range(4))
    await asyncio.sleep(0.5)
    others[0].cancel()
    await asyncio.sleep(0.5)
    first.cancel()
    others[1].cancel()
    await asyncio.gather(first, *others, return_exceptions=True)
    assert len(came) in {2, 3}
    assert turns._seats.free == 2
    assert not len(turns._waiting)
