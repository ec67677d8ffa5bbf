"""Whose turn it is: what changed first, idle checks in between, and what a lost Lease leaves waits for the next one."""

import asyncio

import pytest

from tests import clock
from tests import work as queued
from vllm_operator.kube import errors, kinds, workqueue

PERIOD = 500.0


def key(name: object) -> kinds.Key:
    return kinds.Key("models", str(name))


def names(work: queued.Work) -> str:
    return "".join(one.name for one in work.order())


@clock.virtual
async def test_what_changed_goes_before_any_number_of_idle_checks() -> None:
    work = queued.Work(seconds=1)
    async with queued.working(work, 1, PERIOD) as queue:
        for name in range(1000):
            queue.add(key(name), idle=True)
        await asyncio.sleep(3.5)
        queue.add(key("changed"))
        assert queue.depth == (1, 996)
        await asyncio.sleep(1)
        assert work.order()[4] == key("changed")


@pytest.mark.parametrize("idle", [True, False])
def test_a_namespace_whose_keys_are_many_holds_up_no_other(idle: bool) -> None:
    @clock.virtual
    async def scenario() -> None:
        work = queued.Work(seconds=1)
        async with queued.working(work, 1, PERIOD) as queue:
            for name in range(1000):
                queue.add(kinds.Key("greedy", str(name)), idle=idle)
            await asyncio.sleep(3.5)
            for namespace in ("a", "b"):
                for name in range(3):
                    queue.add(kinds.Key(namespace, str(name)), idle=idle)
            came = clock.now()
            await asyncio.sleep(10)
            begun = [at - came for at, one in work.begun if one.namespace in ("a", "b")]
            assert len(begun) == 6
            assert max(begun) < 5
            assert [one.name for one in work.order() if one.namespace == "a"] == ["0", "1", "2"]

    scenario()


@pytest.mark.parametrize("idle", [True, False])
def test_a_namespace_whose_work_hangs_leaves_workers_to_others(idle: bool) -> None:
    @clock.virtual
    async def scenario() -> None:
        work = queued.Work()
        async with queued.working(work, 4, PERIOD, idle_workers=2) as queue:
            for name in range(10):
                hangs = kinds.Key("hangs", str(name))
                work.held[hangs] = asyncio.Event()
                queue.add(hangs, idle=idle)
            await asyncio.sleep(1)
            assert len(work.running) == (2 if idle else 4)
            for name in range(100):
                queue.add(key(name), idle=idle)
            await asyncio.sleep(1)
            assert len(work.ended) == 100
            for held in work.held.values():
                held.set()
            await asyncio.sleep(1)
            assert (len(work.ended), queue.depth) == (110, (0, 0))

    scenario()


@clock.virtual
async def test_an_idle_key_that_changes_moves_to_the_changed_ones() -> None:
    work = queued.Work(seconds=1)
    async with queued.working(work, 1, PERIOD) as queue:
        for name in "abcd":
            queue.add(key(name), idle=True)
        queue.add(key("d"))
        queue.add(key("d"), idle=True)
        assert queue.depth == (1, 2)
        await asyncio.sleep(10)
    assert names(work) == "adbc"


@clock.virtual
async def test_a_change_during_an_idle_run_is_a_change() -> None:
    work = queued.Work(seconds=1)
    async with queued.working(work, 1, PERIOD) as queue:
        for name in "abc":
            queue.add(key(name), idle=True)
        await asyncio.sleep(0.5)
        queue.add(key("a"))
        queue.add(key("a"), idle=True)
        assert queue.depth == (1, 2)
        await asyncio.sleep(10)
    assert names(work) == "aabc"


@clock.virtual
async def test_idle_checks_leave_workers_to_what_changes() -> None:
    work = queued.Work(seconds=1)
    async with queued.working(work, 4, PERIOD, idle_workers=2) as queue:
        for name in range(10):
            queue.add(key(f"idle-{name}"), idle=True)
        await asyncio.sleep(0.5)
        assert len(work.running) == 2
        for name in range(3):
            queue.add(key(f"changed-{name}"))
        await asyncio.sleep(0.1)
        assert [one.name for one in work.order()[2:]] == ["changed-0", "changed-1"]
        await asyncio.sleep(6)
        assert (len(work.ended), queue.depth) == (13, (0, 0))


@clock.virtual
async def test_idle_checks_go_on_while_something_changes_all_the_time() -> None:
    work = queued.Work(seconds=1)
    async with queued.working(work, 1, PERIOD) as queue:
        for name in range(10):
            queue.add(key(f"idle-{name}"), idle=True)
        for name in range(200):
            queue.add(key(f"changed-{name}"))
        await asyncio.sleep(100)
        idle = [one for one in work.order() if one.name.startswith("idle")]
        assert len(idle) >= 100 / (workqueue.CHANGED_IN_A_ROW + 2)
        assert len(idle) <= 100 / workqueue.CHANGED_IN_A_ROW + 1


@pytest.mark.parametrize(("due", "depth"), [(PERIOD, (0, 1)), (PERIOD - 1, (1, 0))])
def test_a_plan_for_later_is_an_idle_check_and_one_for_soon_is_a_change(due: float, depth: tuple[int, int]) -> None:
    @clock.virtual
    async def scenario() -> None:
        work = queued.Work(seconds=1)
        async with queued.working(work, 1, PERIOD) as queue:
            work.again[key("a")] = due
            queue.add(key("a"))
            await asyncio.sleep(due + 0.5)
            queue.add(key("busy"))
            await asyncio.sleep(0.7)
            assert queue.depth == depth

    scenario()


@clock.virtual
async def test_a_lost_lease_ends_the_work_and_what_was_cut_off_is_done_under_the_next_one() -> None:
    work = queued.Work(seconds=1)
    work.lost.add(key("b"))
    work.held[key("c")] = asyncio.Event()
    queue = workqueue.Queue(work, workers=3)
    for name in "abcd":
        queue.add(key(name))
    with pytest.raises(errors.Lost):
        await queue.run()
    await asyncio.sleep(60)
    assert (names(work), work.ended) == ("abc", [key("a")])
    work.lost.clear()
    work.held.clear()
    task = asyncio.create_task(queue.run())
    await asyncio.sleep(20)
    assert sorted(one.name for one in work.ended) == ["a", "b", "c", "d"]
    await queue.stop(1)
    await task


@clock.virtual
async def test_work_that_is_cancelled_waits_for_the_next_time() -> None:
    work = queued.Work(seconds=1)
    queue = workqueue.Queue(work, workers=1)
    task = asyncio.create_task(queue.run())
    queue.add(key("a"))
    queue.add(key("b"), idle=True)
    await asyncio.sleep(0.5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(60)
    assert (names(work), work.ended, queue.depth) == ("a", [], (1, 1))
