"""The queue runs each woken key soon, never twice at once, and ends as it is told."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from tests import clock
from tests import work as queued
from vllm_operator.kube import kinds, workqueue

A, B, C = (kinds.Key("models", name) for name in "abc")


@clock.virtual
async def test_many_wakes_become_one_run() -> None:
    work = queued.Work()
    async with queued.working(work) as queue:
        for _ in range(10):
            queue.add(A)
        assert queue.depth == (1, 0)
        await clock.until(work.ran(A))
        await asyncio.sleep(60)
    assert len(work.begun) == 1


@clock.virtual
async def test_a_wake_during_a_run_leads_to_one_more_after_it() -> None:
    work = queued.Work()
    work.held[A] = asyncio.Event()
    async with queued.working(work) as queue:
        queue.add(A)
        await clock.until(lambda: work.running == [A])
        queue.add(A)
        queue.add(A)
        assert queue.depth == (1, 0)
        work.held.pop(A).set()
        await clock.until(work.ran(A, 2))
        await asyncio.sleep(60)
    assert len(work.begun) == 2


@given(st.lists(st.sampled_from([A, B, C]), max_size=30), st.integers(1, 4))
def test_no_key_is_ever_worked_on_twice_at_once_and_none_is_forgotten(keys: list[kinds.Key], workers: int) -> None:
    @clock.virtual
    async def scenario() -> None:
        work = queued.Work()
        async with queued.working(work, workers) as queue:
            for key in keys:
                queue.add(key)
                await asyncio.sleep(0)
            await clock.until(lambda: not work.running and queue.depth == (0, 0))
        assert not work.overlapped
        assert {key for _, key in work.begun} == set(keys)

    scenario()


@clock.virtual
async def test_keys_are_served_in_the_order_in_which_they_came() -> None:
    work = queued.Work()
    async with queued.working(work, workers=1) as queue:
        for key in (A, B, C):
            queue.add(key)
        await clock.until(work.ran(C))
    assert [key for _, key in work.begun] == [A, B, C]


@clock.virtual
async def test_a_busy_key_does_not_hold_up_the_others() -> None:
    work = queued.Work()
    work.held[A] = asyncio.Event()
    async with queued.working(work) as queue:
        queue.add(A)
        for _ in range(3):
            queue.add(A)
            queue.add(B)
            await asyncio.sleep(0)
        await clock.until(work.ran(B))
        assert work.running == [A]
        work.held.pop(A).set()


@clock.virtual
async def test_a_run_says_when_it_wants_to_be_called_again() -> None:
    work = queued.Work()
    work.again[A] = 15.0
    async with queued.working(work) as queue:
        queue.add(A)
        await clock.until(work.ran(A, 3), 60)
    first, second, third = work.times(A)[:3]
    assert (round(second - first), round(third - second)) == (15, 15)


@clock.virtual
async def test_what_a_run_plans_replaces_what_was_planned_before() -> None:
    work = queued.Work()
    async with queued.working(work) as queue:
        begun = clock.now()
        work.again[A] = 50
        queue.add(A)
        await asyncio.sleep(10)
        work.again[A] = 100
        queue.add(A)
        await asyncio.sleep(10)
        work.again.clear()
        await asyncio.sleep(200)
    assert [round(at - begun) for at in work.times(A)] == [0, 10, 110]


@clock.virtual
async def test_a_run_with_nothing_to_plan_ends_what_was_planned() -> None:
    work = queued.Work()
    async with queued.working(work) as queue:
        work.again[A] = 50
        queue.add(A)
        await asyncio.sleep(10)
        work.again.clear()
        queue.add(A)
        await asyncio.sleep(200)
    assert len(work.begun) == 2


@clock.virtual
async def test_what_is_added_before_the_start_waits_for_it() -> None:
    work = queued.Work()
    queue = workqueue.Queue(work)
    queue.add(A)
    await asyncio.sleep(10)
    assert (work.begun, queue.depth) == ([], (1, 0))
    task = asyncio.create_task(queue.run())
    await clock.until(work.ran(A))
    await queue.stop(1)
    await task


@clock.virtual
async def test_stopping_lets_runs_end_and_begins_none() -> None:
    work = queued.Work()
    work.held[A] = asyncio.Event()
    queue = workqueue.Queue(work, workers=1)
    task = asyncio.create_task(queue.run())
    queue.add(A)
    queue.add(B)
    await clock.until(lambda: work.running == [A])
    stopping = asyncio.create_task(queue.stop(10))
    await asyncio.sleep(5)
    assert work.running == [A]
    work.held[A].set()
    assert await stopping
    await task
    queue.add(C)
    await asyncio.sleep(60)
    assert [key for _, key in work.begun] == [A]


@clock.virtual
async def test_a_run_that_does_not_end_in_time_is_cancelled() -> None:
    work = queued.Work()
    work.held[A] = asyncio.Event()
    queue = workqueue.Queue(work)
    task = asyncio.create_task(queue.run())
    queue.add(A)
    await clock.until(lambda: work.running == [A])
    begun = clock.now()
    assert not await queue.stop(10)
    assert (work.running, round(clock.now() - begun)) == ([], 10)
    await asyncio.gather(task, return_exceptions=True)


@clock.virtual
async def test_stopping_before_the_start_is_final() -> None:
    work = queued.Work()
    queue = workqueue.Queue(work)
    queue.add(A)
    await queue.stop(1)
    await queue.run()
    assert work.begun == []
