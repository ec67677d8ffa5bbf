"""The end of a process: running work ends first, the Lease is given back after it, and nothing makes it wait too long."""

import asyncio

from tests import clock, operator_process


@clock.virtual
async def test_running_work_ends_before_the_lease_is_given_back() -> None:
    world = operator_process.World()
    async with world.running() as process:
        await clock.until(process.leads)
        world.cluster.troubles.delay(1, "create")
        key = await world.create("vllm11", "alice")
        await asyncio.sleep(0.5)
        await process.manager.stop()
        assert world.is_done(key)()
        assert world.holder() == ""
        assert process.manager.ended.is_set()
        assert not process.manager.failed
    assert world.strays() == []


@clock.virtual
async def test_nothing_begins_once_the_process_ends() -> None:
    world = operator_process.World()
    async with world.running() as process:
        await clock.until(process.leads)
        await process.manager.stop()
        stopped = clock.now()
        await world.create("vllm11", "alice")
        await asyncio.sleep(1000)
        assert world.writers(since=stopped) == set()


@clock.virtual
async def test_the_lease_of_work_that_was_cut_off_runs_out_by_itself() -> None:
    world = operator_process.World()
    async with world.running() as process:
        await clock.until(process.leads)
        world.cluster.troubles.delay(60, "create")
        await world.create("vllm11", "alice")
        await asyncio.sleep(0.5)
        begun = clock.now()
        await process.manager.stop()
        assert clock.now() - begun < 10
        assert world.holder() == "a"


@clock.virtual
async def test_an_api_server_that_is_away_does_not_hold_up_the_end() -> None:
    world = operator_process.World()
    async with world.running() as process:
        await clock.until(process.leads)
        process.connection.freeze()
        begun = clock.now()
        await process.manager.stop()
        assert clock.now() - begun < 10
        assert process.manager.ended.is_set()


@clock.virtual
async def test_who_never_led_ends_at_once_and_leaves_the_lease_alone() -> None:
    world = operator_process.World()
    async with world.running() as first:
        await clock.until(first.leads)
        second = world.start("b")
        await asyncio.sleep(5)
        begun = clock.now()
        await second.manager.stop()
        assert clock.now() - begun < 1
        assert world.holder() == "a"
        await asyncio.sleep(30)
        assert first.leads()
