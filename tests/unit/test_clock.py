"""Virtual time jumps: what waits for a condition is asked when something has happened, and not in between."""

import asyncio

import pytest

from tests import clock


@clock.virtual
async def test_a_condition_is_asked_once_for_each_thing_that_happens() -> None:
    done, asked = asyncio.Event(), 0

    async def work() -> None:
        await asyncio.sleep(3600)
        await asyncio.sleep(3600)
        done.set()

    def is_done() -> bool:
        nonlocal asked
        asked += 1
        return done.is_set()

    task = asyncio.create_task(work())
    began = clock.now()
    await clock.until(is_done, 10_000)
    assert clock.now() - began == pytest.approx(7200)
    assert asked < 6
    await task


@clock.virtual
async def test_two_who_wait_hold_up_neither_each_other_nor_the_clock() -> None:
    first, second = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().call_later(5, first.set)
    asyncio.get_running_loop().call_later(9, second.set)
    await asyncio.gather(clock.until(second.is_set), clock.until(first.is_set))
    assert clock.now() == pytest.approx(1009)


@clock.virtual
async def test_what_never_holds_fails_in_its_time() -> None:
    with pytest.raises(TimeoutError):
        await clock.until(lambda: False, 7)
    assert clock.now() == pytest.approx(1007)


def test_where_nothing_is_ever_due_the_test_fails() -> None:
    @clock.virtual
    async def stuck() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="nothing is ever due"):
        stuck()
