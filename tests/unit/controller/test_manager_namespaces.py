"""Several namespaces: one that is gone, not made yet or not ours to read costs the others nothing."""

import asyncio

import pytest

from tests import clock, operator_process
from vllm_operator.kube import errors, kinds

DENIED = errors.Denied(403, "Forbidden", "you may not list this")
MISSING = errors.NotFound(404, "NotFound", "namespace not found")
NAMESPACES = ("one", "two", "gone")


@pytest.mark.parametrize("error", [DENIED, MISSING])
def test_a_namespace_that_is_not_there_at_the_start_costs_the_others_nothing(error: errors.ApiError) -> None:
    @clock.virtual
    async def scenario() -> None:
        world = operator_process.World()
        world.cluster.troubles.fail(error, namespace="gone")
        async with world.running(watch_namespaces=NAMESPACES) as process:
            keys = [await world.create("vllm11", "alice", namespace=name) for name in ("one", "two")]
            await clock.until(world.is_done(*keys))
            assert process.manager.readiness() == (True, "ok")
            await asyncio.sleep(90)
            ready, text = process.manager.readiness()
            assert ready
            told = text.splitlines()[1:]
            assert len(told) == len(kinds.WATCHED) + 1
            assert all(" in gone cannot be read for " in line and line.endswith(error.reason) for line in told)
            world.cluster.troubles.end()
            made = clock.now()
            key = await world.create("vllm11", "alice", namespace="gone")
            await clock.until(world.is_done(key))
            assert clock.now() - made < 10
            assert process.manager.readiness() == (True, "ok")
        assert world.strays() == []

    scenario()


@clock.virtual
async def test_a_namespace_that_goes_while_it_is_watched_costs_the_others_nothing() -> None:
    world = operator_process.World()
    async with world.running(watch_namespaces=NAMESPACES) as process:
        keys = [await world.create("vllm11", "alice", namespace=name) for name in NAMESPACES]
        await clock.until(world.is_done(*keys))
        world.cluster.troubles.fail(DENIED, namespace="gone")
        world.cluster.cut()
        await asyncio.sleep(600)
        for key in keys[:2]:
            await world.change(key, replicas=2)
        changed = clock.now()
        await clock.until(world.is_done(*keys[:2]))
        assert clock.now() - changed < 1
        assert process.leads()
        assert "modeldeployments in gone cannot be read for 600 s: Forbidden" in process.manager.readiness().text


@pytest.mark.parametrize("hidden", [kinds.SECRET, kinds.DEPLOYMENT])
def test_a_model_whose_namespace_is_half_known_is_left_alone(hidden: kinds.Kind) -> None:
    """What cannot be listed would look deleted: keys would be made anew."""

    @clock.virtual
    async def scenario() -> None:
        world = operator_process.World()
        async with world.running(watch_namespaces=NAMESPACES) as first:
            key = await world.create("vllm11", "alice", namespace="gone")
            await clock.until(world.is_done(key))
            await first.manager.stop()
            secret = world.cluster.objects[kinds.Ref("Secret", "gone", "vllm11.key.alice")]
            world.cluster.troubles.fail(DENIED, kind=hidden.kind, namespace="gone")
            second = world.start("b", watch_namespaces=NAMESPACES)
            other = await world.create("vllm11", "alice", namespace="one")
            await clock.until(world.is_done(other))
            await world.change(key, replicas=2)
            await asyncio.sleep(1000)
            assert not [write for write in world.writes if write.process == "b" and write.ref.namespace == "gone"]
            world.cluster.troubles.end()
            await clock.until(lambda: world.is_done(key)() and second.checked() == {key, other})
            assert world.cluster.objects[kinds.Ref("Secret", "gone", "vllm11.key.alice")]["data"] == secret["data"]

    scenario()


@clock.virtual
async def test_nothing_is_watched_outside_the_namespaces() -> None:
    world = operator_process.World()
    async with world.running(watch_namespaces=NAMESPACES):
        outside = await world.create("vllm11", "alice", namespace="elsewhere")
        inside = await world.create("vllm11", "alice", namespace="one")
        await clock.until(world.is_done(inside))
        await asyncio.sleep(60)
        assert not world.is_done(outside)()
        asked = {ref.namespace for verb, ref in world.cluster.calls if verb in operator_process.STREAMS}
        assert asked == set(NAMESPACES)
