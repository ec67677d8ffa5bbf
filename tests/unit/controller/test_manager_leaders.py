"""Two processes: one writes, and the other takes its place when it stops, dies, freezes or loses the Lease."""

import asyncio

import pytest

from tests import clock, operator_process
from vllm_operator.controller import metrics
from vllm_operator.kube import kinds


async def pair(world: operator_process.World, first: operator_process.Process) -> operator_process.Process:
    """Start a second process beside `first`, which leads."""
    await clock.until(first.leads)
    second = world.start("b")
    await asyncio.sleep(10)
    assert not second.leads()
    return second


async def acted(world: operator_process.World, key: kinds.Key, **spec: object) -> float:
    """Change the model, and return after how many seconds that was acted on."""
    await world.change(key, **spec)
    begun = clock.now()
    await clock.until(world.is_done(key), 60)
    return clock.now() - begun


@clock.virtual
async def test_only_the_holder_of_the_lease_works_and_the_other_knows_all_that_it_will_need() -> None:
    world = operator_process.World()
    async with world.running() as first:
        second = await pair(world, first)
        key = await world.create("vllm11", "alice")
        await clock.until(world.is_done(key))
        await asyncio.sleep(700)
        assert world.writers() == {"a"}
        assert second.checked() == set()
        assert second.manager.readiness().ready
        assert second.manager._cache.models() == (key,)


@clock.virtual
async def test_only_the_holder_of_the_lease_asks_guards() -> None:
    world = operator_process.World()
    async with world.running() as first:
        second = await pair(world, first)
        key = await world.create("vllm11", "alice")
        await clock.until(world.is_done(key))
        await world.create_pod(key, "10.0.0.1")
        await asyncio.sleep(60)
        assert "10.0.0.1" in first.servers.asked
        assert second.servers.asked == []
        await first.manager.stop()
        first.servers.asked.clear()
        await asyncio.sleep(60)
        assert first.servers.asked == []
        assert "10.0.0.1" in second.servers.asked


@clock.virtual
async def test_a_lost_lease_ends_the_questions_and_its_return_lets_them_go_on() -> None:
    world = operator_process.World()
    async with world.running() as process:
        key = await world.create("vllm11", "alice")
        await clock.until(world.is_done(key))
        await world.create_pod(key, "10.0.0.1")
        await asyncio.sleep(10)
        await world.cluster.edit_by("kubectl", operator_process.LEASE, {"spec": {"holderIdentity": "usurper"}})
        await asyncio.sleep(4)
        process.servers.asked.clear()
        await asyncio.sleep(10)
        assert process.servers.asked == []
        await asyncio.sleep(60)
        assert "10.0.0.1" in process.servers.asked


@clock.virtual
async def test_who_stops_gives_the_lease_back_and_the_other_works_within_two_seconds() -> None:
    world = operator_process.World()
    async with world.running() as first:
        second = await pair(world, first)
        key = await world.create("vllm11", "alice")
        await clock.until(world.is_done(key))
        await first.manager.stop()
        assert not first.leads()
        stopped = clock.now()
        await world.change(key, replicas=2)
        await clock.until(world.is_done(key))
        assert clock.now() - stopped < 2
        assert second.leads()
        assert world.writers(since=stopped) == {"b"}
    assert world.strays() == []


@clock.virtual
async def test_who_is_killed_is_replaced_within_twenty_seconds() -> None:
    world = operator_process.World()
    async with world.running() as first:
        await pair(world, first)
        key = await world.create("vllm11", "alice")
        await clock.until(world.is_done(key))
        await first.kill()
        assert 10 < await acted(world, key, replicas=2) < 20
        assert world.writers(since=clock.now() - 5) == {"b"}
    assert world.strays() == []


@clock.virtual
async def test_a_spec_that_no_leader_has_seen_goes_before_all_checks() -> None:
    world = operator_process.World()
    async with world.running() as first:
        await clock.until(first.leads)
        second = world.start("b", workers=1)
        keys = [await world.create(f"vllm{number}") for number in range(8)]
        changed = [await world.create(f"changed{number}") for number in range(4)]
        await clock.until(world.is_done(*keys, *changed))
        await asyncio.sleep(60)
        await first.kill()
        for key in changed:
            await world.change(key, replicas=2)
        world.cluster.troubles.delay(30, "patch")
        await clock.until(second.leads, 60)
        second.manager.refresh()
        waiting = metrics.REGISTRY.get_sample_value
        assert waiting("vllm_operator_queue_depth", {"priority": "changed"}) in (3, 4)
        assert waiting("vllm_operator_queue_depth", {"priority": "idle"}) == 8


@clock.virtual
async def test_who_is_stopped_for_a_minute_writes_nothing_when_it_goes_on() -> None:
    world = operator_process.World()
    async with world.running() as first:
        second = await pair(world, first)
        keys = [await world.create(f"vllm{number}", "alice") for number in range(5)]
        await clock.until(lambda: bool(world.writes))
        freezing = asyncio.create_task(first.freeze(60))  # while more of its writes are about to leave
        await asyncio.sleep(59)
        assert second.leads()
        assert world.is_done(*keys)()
        await freezing
        begun = clock.now()
        await asyncio.sleep(60)
        assert "a" not in world.writers(since=begun)
        assert not first.leads()
        await second.manager.stop()
        await asyncio.sleep(2)
        assert first.leads()
        assert await acted(world, keys[0], replicas=2) < 1
    assert world.strays() == []


@clock.virtual
async def test_a_lost_lease_ends_what_runs_and_is_sought_again() -> None:
    world = operator_process.World()
    async with world.running() as process:
        key, other = await world.create("vllm11", "alice"), await world.create("vllm12", "alice")
        await clock.until(world.is_done(key, other))
        await asyncio.sleep(1)
        await world.cluster.edit_by("kubectl", operator_process.LEASE, {"spec": {"holderIdentity": "usurper"}})
        await asyncio.sleep(3)
        assert not process.leads()
        written = len(world.writes)
        await world.change(key, replicas=2)
        await asyncio.sleep(10)
        assert len(world.writes) == written
        await clock.until(world.is_done(key), 10)
        assert process.leads()
        await asyncio.sleep(1)
        assert process.checked() == {key, other}
        assert not process.manager.failed
    assert world.strays() == []


@pytest.mark.parametrize("how", ["deleted", "emptied"])
def test_a_lease_that_is_taken_from_under_its_holder_makes_no_second_writer(how: str) -> None:
    @clock.virtual
    async def scenario() -> None:
        world = operator_process.World()
        async with world.running() as first:
            second = await pair(world, first)
            key = await world.create("vllm11", "alice")
            await clock.until(world.is_done(key))
            if how == "deleted":
                await world.cluster.delete_by("kubectl", operator_process.LEASE)
            else:
                await world.cluster.edit_by("kubectl", operator_process.LEASE, {"spec": {"holderIdentity": None}})
            taken = clock.now()
            assert await acted(world, key, replicas=2) < 5
            assert world.writers(since=taken) == {"a"}
            assert not second.leads()

    scenario()


@clock.virtual
async def test_after_three_minutes_without_the_api_server_work_goes_on_within_fifteen_seconds() -> None:
    world = operator_process.World()
    async with world.running() as process:
        keys = [await world.create(f"vllm{number}", "alice") for number in range(3)]
        await clock.until(world.is_done(*keys))
        process.connection.away = True
        world.cluster.cut()
        await asyncio.sleep(90)
        assert not process.leads()
        assert "modeldeployments in all namespaces cannot be read for" in process.manager.readiness().text
        await world.change(keys[0], replicas=2)
        await asyncio.sleep(90)
        process.connection.away = False
        back = clock.now()
        await clock.until(lambda: world.is_done(*keys)() and process.checked() == set(keys))
        assert clock.now() - back < 15
        await asyncio.sleep(5)
        assert process.manager.readiness() == (True, "ok")
        assert not process.manager.failed


@clock.virtual
async def test_an_api_server_that_is_away_at_the_start_is_waited_for() -> None:
    world = operator_process.World()
    key = await world.create("vllm11", "alice")
    async with world.running() as process:
        process.connection.away = True
        await asyncio.sleep(180)
        assert not process.manager.failed
        process.connection.away = False
        back = clock.now()
        await clock.until(world.is_done(key))
        assert clock.now() - back < 15


@clock.virtual
async def test_who_takes_over_begins_with_what_changed_last() -> None:
    world = operator_process.World()
    keys = [await world.create(f"vllm{number}", "alice") for number in range(10)]
    async with world.running(workers=1) as first:
        await clock.until(world.is_done(*keys))
        second = world.start("b", workers=1)
        await asyncio.sleep(5)
        await first.kill()
        await asyncio.sleep(1)
        for key in (keys[3], keys[7]):
            await world.change(key, replicas=2)
        await clock.until(second.leads)
        begun = clock.now()
        await clock.until(world.is_done(*keys))
        written = [
            write.ref.name for write in world.writes if write.at >= begun and write.ref.kind == "ModelDeployment"
        ]
        assert written[:2] == [keys[7].name, keys[3].name]
