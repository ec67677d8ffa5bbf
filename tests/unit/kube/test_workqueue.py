"""The queue runs each woken key soon, never twice at once, and lets nobody wait for somebody else's failures."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import clock
from vllm_operator.kube import errors, kinds, workqueue

A, B, C = (kinds.Key("models", name) for name in "abc")


class Work:
    """Notes each run; holds those of `held` until released, fails those of `failing`."""

    def __init__(self) -> None:
        self.begun: list[tuple[float, kinds.Key]] = []
        self.running: list[kinds.Key] = []
        self.overlapped = False
        self.held: dict[kinds.Key, asyncio.Event] = {}
        self.failing: set[kinds.Key] = set()
        self.again: dict[kinds.Key, float] = {}

    async def __call__(self, key: kinds.Key) -> float | None:
        self.begun.append((clock.now(), key))
        self.overlapped |= key in self.running
        self.running.append(key)
        try:
            await asyncio.sleep(0)
            if key in self.held:
                await self.held[key].wait()
            if key in self.failing:
                raise errors.Unavailable(503, "Down", "no answer")
        finally:
            self.running.remove(key)
        return self.again.get(key)

    def times(self, key: kinds.Key) -> list[float]:
        return [at for at, one in self.begun if one == key]

    def ran(self, key: kinds.Key, times: int = 1) -> Callable[[], bool]:
        return lambda: len(self.times(key)) >= times and key not in self.running


@contextlib.asynccontextmanager
async def working(work: Work, workers: int = 2) -> AsyncIterator[workqueue.Queue]:
    queue = workqueue.Queue(work, workers)
    task = asyncio.create_task(queue.run())
    yield queue
    await queue.stop(1)
    await task


@clock.virtual
async def test_many_wakes_become_one_run() -> None:
    work = Work()
    async with working(work) as queue:
        for _ in range(10):
            queue.add(A)
        assert queue.depth == 1
        await clock.until(work.ran(A))
        await asyncio.sleep(60)
    assert len(work.begun) == 1


@clock.virtual
async def test_a_wake_during_a_run_leads_to_one_more_after_it() -> None:
    work = Work()
    work.held[A] = asyncio.Event()
    async with working(work) as queue:
        queue.add(A)
        await clock.until(lambda: work.running == [A])
        queue.add(A)
        queue.add(A)
        assert queue.depth == 1
        work.held.pop(A).set()
        await clock.until(work.ran(A, 2))
        await asyncio.sleep(60)
    assert len(work.begun) == 2


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([A, B, C]), max_size=30), st.integers(1, 4))
def test_no_key_is_ever_worked_on_twice_at_once_and_none_is_forgotten(keys: list[kinds.Key], workers: int) -> None:
    @clock.virtual
    async def scenario() -> None:
        work = Work()
        async with working(work, workers) as queue:
            for key in keys:
                queue.add(key)
                await asyncio.sleep(0)
            await clock.until(lambda: not work.running and queue.depth == 0)
        assert not work.overlapped
        assert {key for _, key in work.begun} == set(keys)

    scenario()


@clock.virtual
async def test_keys_are_served_in_the_order_in_which_they_came() -> None:
    work = Work()
    async with working(work, workers=1) as queue:
        for key in (A, B, C):
            queue.add(key)
        await clock.until(work.ran(C))
    assert [key for _, key in work.begun] == [A, B, C]


@clock.virtual
async def test_a_busy_key_does_not_hold_up_the_others() -> None:
    work = Work()
    work.held[A] = asyncio.Event()
    async with working(work) as queue:
        queue.add(A)
        for _ in range(3):
            queue.add(A)
            queue.add(B)
            await asyncio.sleep(0)
        await clock.until(work.ran(B))
        assert work.running == [A]
        work.held.pop(A).set()


@clock.virtual
async def test_failures_wait_longer_each_time_up_to_five_minutes_and_never_in_step() -> None:
    work = Work()
    work.failing.add(A)
    async with working(work) as queue:
        queue.add(A)
        await clock.until(lambda: len(work.times(A)) > 20, 10_000)
    times = work.times(A)
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert 0.1 <= pauses[0] <= 0.2
    assert all(earlier < later for earlier, later in itertools.pairwise(pauses[:10]))
    assert all(225 <= pause <= 300 for pause in pauses[12:])
    assert len(set(pauses[12:])) > 1


@clock.virtual
async def test_success_forgets_failures() -> None:
    work = Work()
    work.failing.add(A)
    async with working(work) as queue:
        queue.add(A)
        await clock.until(lambda: len(work.times(A)) > 8, 1000)
        work.failing.clear()
        queue.add(A)
        await clock.until(work.ran(A, 10))
        work.failing.add(A)
        queue.add(A)
        await clock.until(work.ran(A, 11))
        failed = clock.now()
        await clock.until(work.ran(A, 12))
        assert clock.now() - failed < 0.5


@clock.virtual
async def test_a_wake_does_not_wait_for_earlier_failures() -> None:
    work = Work()
    work.failing.add(A)
    async with working(work) as queue:
        queue.add(A)
        await clock.until(lambda: len(work.times(A)) > 12, 2000)
        work.failing.clear()
        woken = clock.now()
        queue.add(A)
        await clock.until(work.ran(A, 14))
        assert clock.now() - woken < 0.1


@clock.virtual
async def test_a_failing_key_costs_the_others_nothing() -> None:
    work = Work()
    work.failing.add(A)
    async with working(work, workers=1) as queue:
        queue.add(A)
        await asyncio.sleep(100)
        woken = clock.now()
        queue.add(B)
        await clock.until(work.ran(B))
        assert clock.now() - woken < 0.1


@clock.virtual
async def test_a_run_says_when_it_wants_to_be_called_again() -> None:
    work = Work()
    work.again[A] = 15.0
    async with working(work) as queue:
        queue.add(A)
        await clock.until(work.ran(A, 3), 60)
    first, second, third = work.times(A)[:3]
    assert (round(second - first), round(third - second)) == (15, 15)


@clock.virtual
async def test_the_soonest_of_several_plans_counts_and_a_run_makes_them_void() -> None:
    work = Work()
    async with working(work) as queue:
        begun = clock.now()
        queue.add_after(A, 50)
        queue.add_after(A, 5)
        queue.add_after(A, 20)
        await asyncio.sleep(100)
        queue.add_after(A, 50)
        queue.add(A)
        await asyncio.sleep(100)
    assert [round(at - begun) for at in work.times(A)] == [5, 100]


@clock.virtual
async def test_what_is_added_before_the_start_waits_for_it() -> None:
    work = Work()
    queue = workqueue.Queue(work)
    queue.add(A)
    await asyncio.sleep(10)
    assert (work.begun, queue.depth) == ([], 1)
    task = asyncio.create_task(queue.run())
    await clock.until(work.ran(A))
    await queue.stop(1)
    await task


@clock.virtual
async def test_stopping_lets_runs_end_and_begins_none() -> None:
    work = Work()
    work.held[A] = asyncio.Event()
    queue = workqueue.Queue(work, workers=1)
    task = asyncio.create_task(queue.run())
    queue.add(A)
    queue.add(B)
    queue.add_after(C, 1)
    await clock.until(lambda: work.running == [A])
    stopping = asyncio.create_task(queue.stop(10))
    await asyncio.sleep(5)
    assert work.running == [A]
    work.held[A].set()
    await stopping
    await task
    await asyncio.sleep(60)
    assert [key for _, key in work.begun] == [A]


@clock.virtual
async def test_a_run_that_does_not_end_in_time_is_cancelled() -> None:
    work = Work()
    work.held[A] = asyncio.Event()
    queue = workqueue.Queue(work)
    task = asyncio.create_task(queue.run())
    queue.add(A)
    await clock.until(lambda: work.running == [A])
    begun = clock.now()
    await queue.stop(10)
    assert (work.running, round(clock.now() - begun)) == ([], 10)
    await asyncio.gather(task, return_exceptions=True)


@clock.virtual
async def test_stopping_before_the_start_is_final() -> None:
    work = Work()
    queue = workqueue.Queue(work)
    queue.add(A)
    await queue.stop(1)
    await queue.run()
    assert work.begun == []
