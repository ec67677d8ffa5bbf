"""Failures of one key wait longer each time, cost no other key, and lose no plan."""

import asyncio
import itertools

from tests import clock
from tests import work as queued
from vllm_operator.kube import kinds

A, B = (kinds.Key("models", name) for name in "ab")


@clock.virtual
async def test_failures_wait_longer_each_time_up_to_five_minutes_and_never_in_step() -> None:
    work = queued.Work()
    work.failing.add(A)
    async with queued.working(work) as queue:
        queue.add(A)
        await asyncio.sleep(4000)
    times = work.times(A)
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert 0.1 <= pauses[0] <= 0.2
    assert all(earlier < later for earlier, later in itertools.pairwise(pauses[:10]))
    assert all(225 <= pause <= 300 for pause in pauses[14:])
    assert len(set(pauses[14:])) > 1


@clock.virtual
async def test_wakes_that_fail_do_not_make_the_next_try_later() -> None:
    work = queued.Work()
    work.failing.add(A)
    async with queued.working(work) as queue:
        for _ in range(50):
            queue.add(A)
            await asyncio.sleep(0.1)
        woken = len(work.begun)
        await asyncio.sleep(6)
        assert len(work.begun) > woken


@clock.virtual
async def test_success_forgets_failures() -> None:
    work = queued.Work()
    work.failing.add(A)
    async with queued.working(work) as queue:
        queue.add(A)
        await asyncio.sleep(1000)
        work.failing.clear()
        queue.add(A)
        await asyncio.sleep(1)
        work.failing.add(A)
        before = len(work.begun)
        queue.add(A)
        await asyncio.sleep(0.3)
    assert len(work.begun) == before + 2


@clock.virtual
async def test_a_wake_does_not_wait_for_earlier_failures() -> None:
    work = queued.Work()
    work.failing.add(A)
    async with queued.working(work) as queue:
        queue.add(A)
        await asyncio.sleep(2000)
        work.failing.clear()
        before = len(work.begun)
        queue.add(A)
        await asyncio.sleep(0.1)
        assert len(work.begun) == before + 1
        await asyncio.sleep(1000)
        assert len(work.begun) == before + 1


@clock.virtual
async def test_a_failing_key_costs_the_others_nothing() -> None:
    work = queued.Work()
    work.failing.add(A)
    async with queued.working(work, workers=1) as queue:
        queue.add(A)
        await asyncio.sleep(100)
        woken = clock.now()
        queue.add(B)
        await clock.until(work.ran(B))
        assert clock.now() - woken < 0.1


@clock.virtual
async def test_a_run_that_fails_leaves_the_plan_as_it_was() -> None:
    work = queued.Work()
    work.again[A] = 1000
    async with queued.working(work) as queue:
        begun = clock.now()
        queue.add(A)
        await asyncio.sleep(900)
        work.failing.add(A)
        queue.add(A)
        await asyncio.sleep(105)
        assert 1000 in [round(at - begun) for at in work.times(A)]
