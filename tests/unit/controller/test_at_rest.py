"""Where nothing happens nothing is written, and a model that cannot be worked on costs only itself."""

import asyncio

import pytest

from tests import clock, served_models
from vllm_operator import children
from vllm_operator.controller import metrics, schedule
from vllm_operator.kube import kinds

MODELS = 40


@pytest.mark.long
@clock.virtual
async def test_models_that_serve_are_all_checked_in_eleven_minutes_and_none_is_written() -> None:
    async with served_models.ServedModels().serving(MODELS) as world:
        one = world.start("restarted")
        await asyncio.sleep(30)
        runs, written = _runs(), len(world.writes)
        await asyncio.sleep(schedule.LATEST_RESYNC_SECONDS)
        assert _runs() - runs >= MODELS
        assert world.writes[written:] == []
        await one.manager.stop()


@clock.virtual
async def test_a_model_whose_runs_fail_is_tried_ever_less_often_and_the_others_are_worked_on() -> None:
    async with served_models.ServedModels().serving(5) as world:
        poison, other, tried = world.keys[0], world.keys[1], set[float]()
        plan = children.plan

        def failing(inputs: children.Inputs) -> children.Plan:
            if inputs.owner.name == poison.name:
                tried.add(clock.now())
                raise RuntimeError("a fault in the code")
            return plan(inputs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(children, "plan", failing)
            one = world.start("faulty")
            await asyncio.sleep(600)
            assert 3 < len(tried) < 30
            await world.change(other, replicas=2)
            begun = clock.now()
            await clock.until(lambda: world.cluster.objects[kinds.Ref("Deployment", *other)]["spec"]["replicas"] == 2)
            assert clock.now() - begun < 1
            assert one.leads()
        await asyncio.sleep(400)
        written = len(world.writes)
        await world.change(poison, replicas=2)
        await asyncio.sleep(5)
        assert len(world.writes) > written, "it heals by itself"
        await one.manager.stop()


def _runs() -> float:
    return metrics.REGISTRY.get_sample_value("vllm_operator_reconciles_total", {"outcome": "ok"}) or 0.0
