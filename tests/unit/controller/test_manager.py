"""The process as a whole: nothing is done before it is known what there is, and then all that is asked for, for ever."""

import asyncio
import socket

import pytest

from tests import clock, operator_process
from vllm_operator.controller import metrics
from vllm_operator.kube import errors, kinds

MISSING = errors.NotFound(404, "NotFound", "the server could not find the requested resource")


@clock.virtual
async def test_a_model_gets_its_objects_and_its_status_and_loses_them_with_its_end() -> None:
    world = operator_process.World()
    async with world.running():
        key = await world.create("vllm11", "alice")
        await clock.until(world.is_done(key))
        assert {"Deployment vllm11", "Service vllm11", "Secret vllm11.key.alice"} <= world.objects()
        world.cluster.remove(operator_process.model(key))
        world.cluster.collect_garbage()
        await asyncio.sleep(30)
        assert world.objects() == set()
    assert world.strays() == []


@clock.virtual
async def test_what_vanishes_with_its_model_is_not_made_again_though_the_end_of_the_model_is_told_late() -> None:
    world = operator_process.World()
    async with world.running():
        key = await world.create("vllm11", "alice")
        await clock.until(world.is_done(key))
        await asyncio.sleep(1)
        world.cluster.latency["ModelDeployment"] = 10
        world.cluster.remove(operator_process.model(key))
        world.cluster.collect_garbage()
        written = len(world.writes)
        await asyncio.sleep(60)
        assert world.writes[written:] == []


@clock.virtual
async def test_what_vanishes_of_a_model_that_is_there_is_made_again_though_nobody_answers_whether_it_is() -> None:
    world = operator_process.World()
    async with world.running():
        key = await world.create("vllm11", "alice")
        await clock.until(world.is_done(key))
        world.cluster.troubles.fail(verb="get", kind="ModelDeployment")
        before = world.objects()
        world.cluster.remove(kinds.Ref("Service", *key))
        await clock.until(lambda: world.objects() == before)


@pytest.mark.parametrize("late", [kinds.SECRET, kinds.POD, kinds.MODEL_DEPLOYMENT])
def test_nothing_is_done_before_every_kind_is_known(late: kinds.Kind) -> None:
    @clock.virtual
    async def scenario() -> None:
        world = operator_process.World()
        key = await world.create("vllm11", "alice")
        world.cluster.troubles.delay(30, "list", kind=late.kind)
        async with world.running() as process:
            await asyncio.sleep(29)
            assert (world.writes, world.holder()) == ([], "")
            assert not process.manager.readiness().ready
            await asyncio.sleep(5)
            assert world.is_done(key)()
            assert process.manager.readiness() == (True, "ok")

    scenario()


@clock.virtual
async def test_a_definition_that_is_made_after_the_operator_is_found() -> None:
    world = operator_process.World()
    missing = world.cluster.troubles.fail(MISSING, kind="ModelDeployment")
    async with world.running() as process:
        await asyncio.sleep(120)
        ready, text = process.manager.readiness()
        assert not ready
        assert "modeldeployments in all namespaces cannot be read for 120 s: NotFound" in text
        assert not process.manager.failed
        world.cluster.troubles.end(missing)
        made = clock.now()
        key = await world.create("vllm11")
        await clock.until(world.is_done(key))
        assert clock.now() - made < 10
        assert process.manager.readiness() == (True, "ok")


@clock.virtual
async def test_the_last_model_that_is_deleted_while_the_watch_is_away_is_not_made_again() -> None:
    world = operator_process.World()
    async with world.running() as process:
        key = await world.create("vllm11", "alice")
        await clock.until(world.is_done(key))
        process.connection.away = True
        world.cluster.cut()
        world.cluster.remove(operator_process.model(key))
        world.cluster.compact()
        await asyncio.sleep(5)
        process.connection.away = False
        for _ in range(60):
            await asyncio.sleep(1)
            world.cluster.collect_garbage()
        written = len(world.writes)
        assert world.objects() == set()
        await asyncio.sleep(1000)
        assert len(world.writes) == written


@clock.virtual
async def test_every_model_is_checked_within_eleven_minutes_though_nothing_happens() -> None:
    world = operator_process.World()
    keys = [await world.create(f"vllm{number}") for number in range(5)]
    async with world.running():
        await clock.until(world.is_done(*keys))
        await asyncio.sleep(60)
        world.cluster.frozen = True  # no watch tells what happens now
        before, begun = _runs(), clock.now()
        times = list[float]()
        while len(times) < 5:
            await asyncio.sleep(0.5)
            times += [clock.now() - begun] * int(_runs() - before - len(times))
    assert times[0] > 400
    assert times[-1] <= 660
    assert times[-1] - times[0] > 5


@clock.virtual
async def test_what_changed_goes_before_checks_that_are_due() -> None:
    world = operator_process.World()
    keys = [await world.create(f"vllm{number}", "alice") for number in range(10)]
    async with world.running(workers=1) as process:
        await clock.until(lambda: process.checked() == set(keys))
        await world.create("busy")
        world.cluster.troubles.delay(700, "create")
        await asyncio.sleep(690)
        process.manager.refresh()
        before = _value("queue_depth", priority="changed")  # an event may have come before the answer to its write
        assert _value("queue_depth", priority="idle") == 10
        await world.change(keys[9], replicas=2)
        await asyncio.sleep(1)
        process.manager.refresh()
        assert (_value("queue_depth", priority="changed"), _value("queue_depth", priority="idle")) == (before + 1, 9)


@clock.virtual
async def test_the_metrics_tell_what_the_process_does() -> None:
    world = operator_process.World()
    keys = {await world.create(f"vllm{number}", "alice") for number in range(3)}
    async with world.running() as first:
        await clock.until(first.leads)
        second = world.start("b")
        await clock.until(lambda: first.checked() == keys)
        first.manager.refresh()
        assert (_value("leader"), _value("models_checked")) == (1, 3)
        assert _value("models", condition="Ready", status="False") == 3
        second.manager.refresh()
        assert (_value("leader"), _value("models_checked")) == (0, 0)
        world.cluster.remove(operator_process.model(next(iter(keys))))
        await asyncio.sleep(1)
        first.manager.refresh()
        assert (_value("models_checked"), _value("models", condition="Ready", status="False")) == (2, 2)


@clock.virtual
async def test_the_metrics_tell_what_waits_and_what_cannot_be_read() -> None:
    world = operator_process.World()
    async with world.running(workers=1) as process:
        await clock.until(process.leads)
        world.cluster.troubles.delay(20, "create")
        await world.create("busy")
        await asyncio.sleep(1)
        for number in range(3):
            process.manager._queue.add(kinds.Key("models", str(number)), idle=number > 0)
        process.manager.refresh()
        assert (_value("queue_depth", priority="changed"), _value("queue_depth", priority="idle")) == (1, 2)
        world.cluster.troubles.fail(errors.Denied(403, "Forbidden", "no"), kind="Ingress")
        world.cluster.cut()
        await asyncio.sleep(90)
        process.manager.refresh()
        assert 85 < (_value("informer_failing_seconds", kind="ingresses", namespace="*") or 0) < 95
        assert "ingresses in all namespaces cannot be read for" in process.manager.readiness().text
        world.cluster.troubles.end()
        await asyncio.sleep(10)
        process.manager.refresh()
        assert _value("informer_failing_seconds", kind="ingresses", namespace="*") is None
        assert process.manager.readiness() == (True, "ok")


@clock.virtual
async def test_a_part_that_ends_by_itself_ends_the_process() -> None:
    world = operator_process.World()
    world.cluster.troubles.fail(RuntimeError("a fault in the code"), "get", kind="Lease")
    async with world.running() as process:
        async with asyncio.timeout(10):
            await process.manager.ended.wait()
        assert process.manager.failed


@clock.virtual
async def test_a_port_that_is_taken_ends_the_process() -> None:
    world = operator_process.World()
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as taken:
        async with world.running(http_port=taken.getsockname()[1]) as process, asyncio.timeout(10):
            await process.manager.ended.wait()
        assert process.manager.failed


def _runs() -> float:
    return metrics.REGISTRY.get_sample_value("vllm_operator_reconciles_total", {"outcome": "ok"}) or 0.0


def _value(name: str, **labels: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(f"vllm_operator_{name}", labels)
