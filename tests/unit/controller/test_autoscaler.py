"""Who scales the Deployment of a model is told to scale the model, and is not fought for ever."""

import asyncio

from tests import clock, operator_process
from vllm_operator.kube import conditions, kinds

DEPLOYMENT = kinds.Ref("Deployment", "models", "vllm11")


@clock.virtual
async def test_an_autoscaler_that_targets_the_deployment_is_told_the_right_target() -> None:
    world = operator_process.World()
    async with world.running():
        key = await world.create("vllm11")
        await clock.until(world.is_done(key))
        for _ in range(8):  # as the controller of HorizontalPodAutoscalers does
            await world.cluster.edit_by("kube-controller-manager", DEPLOYMENT, {"spec": {"replicas": 3}})
            await asyncio.sleep(15)
        found = conditions.condition(world.cluster.objects[operator_process.model(key)], "Ready") or {}
        assert found["reason"] == "FieldContested"
        assert "is to target the ModelDeployment vllm11 (serving.byteshop.in/v1alpha1) instead" in found["message"]
        patched = [write for write in world.writes if write.verb == "patch" and write.ref == DEPLOYMENT]
        assert len(patched) == 3
        await asyncio.sleep(400)
        assert world.cluster.objects[DEPLOYMENT]["spec"]["replicas"] == 1
        await asyncio.sleep(400)
        now = conditions.condition(world.cluster.objects[operator_process.model(key)], "Ready") or {}
        assert now["reason"] != "FieldContested"
