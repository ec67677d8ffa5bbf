"""Which pods are changed so that their kubelets look at a Secret, when, and how often. In virtual time."""

import asyncio

import pytest

from tests import clock, fake_guards
from tests.fake_guards import KEY, RIGHT
from vllm_operator import guard
from vllm_operator.kube import errors, kinds, naming
from vllm_operator.probes import sync_hints


@clock.virtual
async def test_a_guard_that_lags_is_told_at_once_and_seen_soon() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State(RIGHT, 0))
    await bench.start("b", "10.0.0.2", guard.State(RIGHT, 0))
    async with bench.running():
        bench.write("newer")
        bench.prober.enqueue(KEY)
        await asyncio.sleep(0.05)
        assert [bench.told(pod) for pod in "ab"] == ["newer", "newer"]
        bench.says["10.0.0.1"] = guard.State("newer", 0)
        await asyncio.sleep(0.3)
        assert bench.heard() == {"a": guard.State("newer", 0), "b": guard.State(RIGHT, 0)}
        bench.says["10.0.0.2"] = guard.State("newer", 0)
        await asyncio.sleep(0.5)
        assert bench.heard() == {"a": guard.State("newer", 0), "b": guard.State("newer", 0)}
        asked = len(bench.asked)
        await asyncio.sleep(200)
        assert len(bench.asked) == asked
        assert bench.patches() in (2, 3), "the second may be hurried once more before it is asked"


@clock.virtual
async def test_a_lost_race_is_tried_again_with_another_value_and_not_for_ever() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State("older", 0))
    told = []
    async with bench.running():
        for _ in range(1200):
            told.append(bench.told("a"))
            await asyncio.sleep(0.25)
        assert sorted(set(told), key=told.index) == [RIGHT, *(f"{RIGHT}.{number}" for number in range(2, 10))]
        assert told[6] == "right.4"
        assert bench.patches() == sync_hints.MOST_HINTS
        assert len(bench.asked) < 60


@clock.virtual
async def test_another_configuration_is_told_anew() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State("older", 0))
    async with bench.running():
        await asyncio.sleep(300)
        bench.write("newer")
        bench.prober.enqueue(KEY)
        await asyncio.sleep(0.1)
        assert bench.told("a") == "newer"


@clock.virtual
async def test_a_guard_that_refused_one_configuration_is_told_of_the_next_and_not_for_ever() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State("older", 1))
    async with bench.running():
        assert bench.told("a") == RIGHT
        bench.write("mended")
        bench.prober.enqueue(KEY)
        await asyncio.sleep(0.1)
        assert bench.told("a") == "mended"
        await asyncio.sleep(3600)
        assert bench.patches() == 1 + sync_hints.MOST_HINTS


@clock.virtual
async def test_a_silent_guard_is_told_of_what_was_written_while_it_ran() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", None)
    async with bench.running():
        bench.write("newer")
        bench.prober.enqueue(KEY)
        await asyncio.sleep(0.1)
        assert bench.told("a") == "newer"
        await asyncio.sleep(3600)
        assert bench.patches() == sync_hints.MOST_HINTS
        await bench.start("b", "10.0.0.2", None)
        bench.prober.enqueue(KEY)
        await asyncio.sleep(3600)
        assert bench.told("b") == ""


@clock.virtual
async def test_a_busy_guard_holds_up_neither_another_nor_its_own_revocation() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State(RIGHT, 0))
    await bench.start("b", "10.0.0.2", guard.State(RIGHT, 0))
    async with bench.running():
        bench.busy["10.0.0.2"] = 4.0
        bench.write("newer")
        bench.prober.enqueue(KEY)
        await asyncio.sleep(0.01)
        assert (bench.told("a"), bench.told("b")) == ("newer", "newer")
        await asyncio.sleep(0.6)
        assert bench.told("b") == "newer.2", "the same value once more is no change to a kubelet"
        bench.busy.clear()
        await asyncio.sleep(10)


@clock.virtual
async def test_a_pod_that_did_not_run_when_the_secret_changed_is_asked_before_it_is_told() -> None:
    bench = fake_guards.FakeGuards()
    async with bench.running():
        bench.write("newer")
        bench.prober.enqueue(KEY)
        await asyncio.sleep(0.1)
        await bench.start("a", "10.0.0.1", guard.State("newer", 0))
        bench.prober.enqueue(KEY)
        await asyncio.sleep(60)
        assert bench.patches() == 0


@clock.virtual
async def test_a_hint_that_the_api_server_refuses_is_given_again() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State("older", 0))
    refusing = True

    def interrupt(verb: str, _ref: kinds.Ref, when: str) -> None:
        if refusing and verb == "patch" and when == "before":
            raise errors.Unavailable(500, "InternalError", "no")

    bench.api.interrupt = interrupt
    async with bench.running():
        await asyncio.sleep(1)
        assert bench.told("a") == ""
        refusing = False
        await asyncio.sleep(5)
        assert bench.told("a").startswith(RIGHT)


@clock.virtual
async def test_the_operators_own_hint_wakes_nobody() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State(RIGHT, 0))
    async with bench.running():
        bench.changed.clear()
        bench.write("newer")
        bench.changed.clear()
        bench.prober.enqueue(KEY)
        await asyncio.sleep(0.1)
        assert (bench.told("a"), bench.changed) == ("newer", [])


@pytest.mark.parametrize(
    ("annotation", "following"),
    [
        (None, "v1"), ("", "v1"), ("v0", "v1"), ("v0.7", "v1"), ("v1", "v1.2"), ("v1.2", "v1.3"), ("v1.x", "v1.2"),
        ("v1.\u0663", "v1.4"), ("v1." + "9" * 5000, "v1.2"), (".", "v1"),
    ],
)  # fmt: skip
def test_the_next_value_is_another_whatever_the_annotation_is(annotation: str | None, following: str) -> None:
    annotations = {} if annotation is None else {naming.GUARD_VERSION_ANNOTATION: annotation}
    assert sync_hints.next_value({"metadata": {"annotations": annotations}}, "v1") == following


@clock.virtual
async def test_a_pod_of_the_same_name_that_is_another_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    bench = fake_guards.FakeGuards()
    pod = await bench.start("a", "10.0.0.1", guard.State("older", 0))
    bench.store.put({**pod, "metadata": {**pod["metadata"], "uid": "other", "resourceVersion": "5000"}})
    async with bench.running():
        assert bench.told("a") == ""
        assert bench.heard() == {"a": guard.State("older", 0)}
    assert caplog.messages == []


@clock.virtual
async def test_without_a_secret_nobody_is_hurried() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State(RIGHT, 0))
    async with bench.running():
        bench.store.drop(kinds.Ref("Secret", "models", naming.guard_secret("vllm11")))
        bench.prober.enqueue(KEY)
        await asyncio.sleep(60)
        assert bench.patches() == 0


@clock.virtual
async def test_a_guard_that_is_heard_to_lag_is_hurried_before_its_models_next_run() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State("older", 0))
    bench.prober._wake = lambda _: None
    async with bench.running():
        assert bench.told("a") == RIGHT
