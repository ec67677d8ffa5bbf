"""Which guards are asked and when, and what is kept of their answers. In virtual time."""

import asyncio

import pytest

from tests import clock, fake_guards
from tests.fake_guards import KEY, MODEL, RIGHT
from tests.golden import render
from vllm_operator import guard
from vllm_operator.keys import record
from vllm_operator.kube import kinds


@clock.virtual
async def test_guards_with_the_newest_configuration_are_left_alone() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State(RIGHT, 0))
    async with bench.running():
        assert bench.heard() == {"a": guard.State(RIGHT, 0)}
        for _ in range(100):
            bench.prober.enqueue(KEY)
            await asyncio.sleep(1)
        assert (len(bench.asked), bench.woken, bench.patches()) == (1, 1, 0)
        await asyncio.sleep(3600)
        assert len(bench.asked) < 16
        assert bench.woken == 1


@clock.virtual
async def test_a_model_without_pods_is_not_asked() -> None:
    bench = fake_guards.FakeGuards()
    async with bench.running():
        await asyncio.sleep(3600)
        assert (bench.asked, bench.woken) == ([], 0)


@clock.virtual
async def test_a_refusal_counts_until_the_guard_has_what_is_wanted() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State(RIGHT, 3))
    async with bench.running():
        assert bench.heard() == {"a": guard.State(RIGHT, 0)}
        bench.write("broken")
        bench.says["10.0.0.1"] = guard.State(RIGHT, 4)
        bench.prober.enqueue(KEY)
        await asyncio.sleep(0.1)
        assert bench.heard() == {"a": guard.State(RIGHT, 1)}
        bench.write("mended")
        bench.says["10.0.0.1"] = guard.State("mended", 4)
        bench.prober.enqueue(KEY)
        await asyncio.sleep(0.1)
        assert bench.heard() == {"a": guard.State("mended", 0)}


@clock.virtual
async def test_a_silent_guard_is_asked_ever_less_and_found_again() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", None)
    async with bench.running():
        assert bench.heard() == {"a": None}
        await asyncio.sleep(3600)
        assert len(bench.asked) < 80
        assert (bench.woken, bench.patches()) == (1, 0)
        bench.says["10.0.0.1"] = guard.State(RIGHT, 0)
        await asyncio.sleep(61)
        assert bench.heard() == {"a": guard.State(RIGHT, 0)}


@clock.virtual
async def test_a_new_pod_is_asked_at_once_and_a_gone_one_forgotten() -> None:
    bench = fake_guards.FakeGuards()
    first = await bench.start("a", "10.0.0.1", guard.State(RIGHT, 0))
    async with bench.running():
        await bench.start("b", "10.0.0.2", guard.State(RIGHT, 0))
        bench.store.drop(kinds.ref(first))
        bench.prober.enqueue(KEY)
        await asyncio.sleep(0.1)
        assert bench.heard() == {"b": guard.State(RIGHT, 0)}


@clock.virtual
async def test_a_model_that_is_gone_is_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", None)
    bench.busy["10.0.0.1"] = 4.0
    async with bench.running():
        await asyncio.sleep(1)
        bench.store.drop(kinds.ref(MODEL))
        bench.prober.enqueue(KEY)
        await asyncio.sleep(3600)
        assert len(bench.asked) < 3
    assert caplog.messages == []


def test_the_secret_says_which_configuration_it_holds() -> None:
    secret = render.guard_secret(MODEL)
    assert f'"version_info":"{record.guard_version(secret)}"' in render.guard_files(MODEL)["routes.yaml"]
    assert record.guard_version(None) == ""


@clock.virtual
async def test_a_guard_that_is_busy_holds_up_what_another_says_for_a_moment() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State(RIGHT, 0))
    await bench.start("b", "10.0.0.2", guard.State(RIGHT, 0))
    bench.busy["10.0.0.2"] = 4.0
    async with bench.running():
        await asyncio.sleep(0.5)
        assert bench.heard() == {"a": guard.State(RIGHT, 0)}
        bench.says["10.0.0.1"] = guard.State("newer", 0)
        bench.write("newer")
        bench.prober.enqueue(KEY)
        await asyncio.sleep(0.6)
        assert bench.heard() == {"a": guard.State("newer", 0)}
        await asyncio.sleep(4)
        assert bench.heard() == {"a": guard.State("newer", 0), "b": guard.State(RIGHT, 0)}


@clock.virtual
async def test_who_answers_again_is_asked_with_the_others() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", None)
    async with bench.running():
        await asyncio.sleep(300)
        bench.says["10.0.0.1"] = guard.State("older", 0)
        await clock.until(lambda: bench.heard() == {"a": guard.State("older", 0)}, 61)
        await asyncio.sleep(0.5)
        bench.says["10.0.0.1"] = guard.State(RIGHT, 0)
        await clock.until(lambda: bench.heard() == {"a": guard.State(RIGHT, 0)}, 1)


@clock.virtual
async def test_a_late_silence_does_not_take_back_a_newer_answer() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", None)
    bench.busy["10.0.0.1"] = 4.0
    async with bench.running():
        await asyncio.sleep(2)
        bench.busy.clear()
        bench.write("newer")
        bench.prober.enqueue(KEY)
        bench.says["10.0.0.1"] = guard.State("newer", 0)
        await asyncio.sleep(1)
        assert bench.heard() == {"a": guard.State("newer", 0)}
        bench.says["10.0.0.1"] = None  # what comes of the question that was asked before
        await asyncio.sleep(10)
        assert bench.heard() == {"a": guard.State("newer", 0)}


@clock.virtual
async def test_a_container_that_was_started_anew_is_asked_anew() -> None:
    bench = fake_guards.FakeGuards()
    pod = await bench.start("a", "10.0.0.1", guard.State(RIGHT, 5))
    async with bench.running():
        bench.says["10.0.0.1"] = guard.State("older", 1)
        again = {"name": "guard", "ready": True, "restartCount": 1}
        bench.put({**pod, "status": {**pod["status"], "initContainerStatuses": [again]}})
        bench.prober.enqueue(KEY)
        await asyncio.sleep(0.05)
        assert bench.heard() == {"a": guard.State("older", 1)}


@pytest.mark.parametrize(
    "told",
    [
        {"conditions": [{"type": "Ready", "status": "False"}]},
        {"containerStatuses": [{"name": "vllm", "restartCount": 1}]},
    ],
    ids=["not ready", "restarted"],
)
def test_a_guard_is_asked_at_once_when_something_is_told_of_its_engine(told: kinds.Object) -> None:
    @clock.virtual
    async def run() -> None:
        bench = fake_guards.FakeGuards()
        pod = await bench.start("a", "10.0.0.1", guard.State(RIGHT, 0), ready=True)
        async with bench.running():
            stalls = guard.Stalls(1, 1000, 3, 75, is_now=True)
            bench.says["10.0.0.1"] = guard.State(RIGHT, 0, stalls)
            bench.put({**pod, "status": {**pod["status"], **told}})
            bench.prober.enqueue(KEY)
            await asyncio.sleep(0.05)
            assert bench.heard() == {"a": guard.State(RIGHT, 0, stalls)}

    run()
