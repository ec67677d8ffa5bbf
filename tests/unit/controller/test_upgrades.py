"""A newer operator, with another way to render and other settings: it touches no server, or makes them anew in turn."""

import asyncio
from typing import Any

import pytest

from tests import clock, operator_process, served_models, servers
from vllm_operator.children import pod, template

pytestmark = pytest.mark.long

NEWER: dict[str, Any] = {"guard_image": "envoyproxy/envoy:distroless-v1.41.0", "guard_memory": "128Mi"}


@clock.virtual
async def test_an_upgrade_and_a_downgrade_touch_no_server_and_no_key_of_fifty_models() -> None:
    async with served_models.ServedModels().serving(50) as fleet:
        before = fleet.touchable()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pod, "LEAVE_SECONDS", 9)  # another way to render
            await fleet.run("newer", 60, **NEWER)
            assert fleet.touchable() == before
            assert (fleet.upgrades(), fleet.ready()) == ({"Available"}, {"Serving"})
        await fleet.run("older", 60)
        assert fleet.touchable() == before
        assert (fleet.upgrades(), fleet.ready()) == ({""}, {"Serving"})
        written = len(fleet.writes)
        await fleet.run("the same", 60)
        assert len(fleet.writes) == written


@clock.virtual
async def test_a_model_that_is_changed_gets_what_the_newer_operator_makes_and_is_behind_no_more() -> None:
    async with served_models.ServedModels().serving(2) as fleet:
        newer = fleet.start("newer", **NEWER)
        await asyncio.sleep(30)
        await fleet.change(fleet.keys[0], engine={"args": ["--seed=1"]})
        await asyncio.sleep(60)
        assert fleet.upgrades() == {"", "Available"}
        await fleet.cluster.edit_by(
            "admin",
            operator_process.model(fleet.keys[1]),
            {"metadata": {"annotations": {template.UPGRADE_ANNOTATION: "1"}}},
        )
        await asyncio.sleep(60)
        assert fleet.upgrades() == {""}
        await newer.manager.stop()


@clock.virtual
async def test_rolling_makes_servers_anew_some_models_at_a_time_and_then_rests() -> None:
    async with served_models.ServedModels().serving(7) as fleet:
        fleet.works.loads = lambda _model: 45
        secrets = {name: kept for name, kept in fleet.touchable().items() if ".key." in name}
        one = fleet.start("newer", **NEWER, upgrade_policy="Rolling", upgrade_at_once=2)
        most = 0
        for _ in range(600):
            await asyncio.sleep(1)
            most = max(most, fleet.busy())
        assert most == 2
        assert (fleet.upgrades(), fleet.ready()) == ({""}, {"Serving"})
        assert len(fleet.works.started) == 2 * 7
        assert secrets.items() <= fleet.touchable().items()
        await one.manager.stop()
        before, written = fleet.touchable(), len(fleet.writes)
        await fleet.run("the same", 700, **NEWER, upgrade_policy="Rolling", upgrade_at_once=2)
        await fleet.run("with another policy", 60, **NEWER)
        assert (fleet.touchable(), len(fleet.writes)) == (before, written)
        await fleet.run("older", 60)
        assert (fleet.touchable(), fleet.upgrades()) == (before, {"Available"})
        await fleet.change(fleet.keys[0], engine={"args": ["--seed=1"]})
        await fleet.run("older", 120)
        assert len(fleet.works.started) == 2 * 7 + 1


@clock.virtual
async def test_rolling_stops_at_a_model_whose_new_servers_never_answer_also_after_a_restart() -> None:
    async with served_models.ServedModels().serving(4) as fleet:
        fleet.works.loads = lambda _model: 100_000
        for name in ("newer", "restarted"):
            await fleet.run(name, 900, **NEWER, upgrade_policy="Rolling")
            assert fleet.busy() == 1


@clock.virtual
async def test_rolling_waits_for_a_model_that_is_paused_or_does_not_serve() -> None:
    async with served_models.ServedModels().serving(2) as fleet:
        before = fleet.touchable()
        await fleet.change(fleet.keys[0], paused=True)
        fleet.works.loads = lambda _model: 0
        one = fleet.start("newer", **NEWER, upgrade_policy="Rolling")
        await asyncio.sleep(120)
        after = fleet.touchable()
        assert after["Deployment vllm0"] == before["Deployment vllm0"]
        assert after["Deployment vllm1"] > before["Deployment vllm1"]
        await fleet.change(fleet.keys[0], paused=False)
        await asyncio.sleep(120)
        assert fleet.upgrades() == {""}
        await one.manager.stop()


@clock.virtual
async def test_what_rolling_brought_and_is_not_verified_in_time_gives_way_once_and_is_not_tried_again() -> None:
    model = servers.ServerHarness(2)
    await model.begin(rollout={"returnAfter": "2m"})
    await model.settles("Serving")
    newer = {"engine_images": {"cpu": "registry.example/vllm-cpu:broken"}, "upgrade_policy": "Rolling"}
    model.settings = servers.harness.SETTINGS.model_copy(update=newer)
    model.works = lambda engine: "broken" not in engine["image"]
    await model.settles("ReturnedToLast", 600)
    versions = set(model._sets)
    assert len(versions) == 2
    await model.passes(900)
    assert model.condition("Ready")["reason"] == "ReturnedToLast"
    assert set(model._sets) == versions
    assert len(model.ready()) == 1
