"""What is asked of guards and when: pods whose guards take a new Secret up late, refuse it or fall silent. In virtual time."""

import asyncio

from tests import clock, fake_guards
from tests.fake_guards import KEY, MODEL, RIGHT
from tests.golden import render
from vllm_operator import guard
from vllm_operator.keys import record
from vllm_operator.kube import kinds
from vllm_operator.probes import prober


@clock.virtual
async def test_guards_with_the_newest_configuration_are_left_alone() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State(RIGHT, 0))
    async with bench.running():
        assert bench.heard() == {"a": guard.State(RIGHT, 0)}
        for _ in range(100):
            bench.lookout.look(KEY)
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
async def test_a_guard_that_lags_is_told_at_once_and_seen_soon() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State(RIGHT, 0))
    await bench.start("b", "10.0.0.2", guard.State(RIGHT, 0))
    async with bench.running():
        bench.write("newer")
        bench.lookout.look(KEY)
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
        assert (len(bench.asked), bench.patches()) == (asked, 2)


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
        assert bench.patches() == prober.NUDGES
        assert len(bench.asked) < 60


@clock.virtual
async def test_another_configuration_is_told_anew() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State("older", 0))
    async with bench.running():
        await asyncio.sleep(300)
        bench.write("newer")
        bench.lookout.look(KEY)
        await asyncio.sleep(0.1)
        assert bench.told("a") == "newer"


@clock.virtual
async def test_a_refusal_counts_until_the_guard_has_what_is_wanted() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State(RIGHT, 3))
    async with bench.running():
        assert bench.heard() == {"a": guard.State(RIGHT, 0)}
        bench.write("broken")
        bench.says["10.0.0.1"] = guard.State(RIGHT, 4)
        bench.lookout.look(KEY)
        await asyncio.sleep(0.1)
        assert bench.heard() == {"a": guard.State(RIGHT, 1)}
        bench.write("mended")
        bench.says["10.0.0.1"] = guard.State("mended", 4)
        bench.lookout.look(KEY)
        await asyncio.sleep(0.1)
        assert bench.heard() == {"a": guard.State("mended", 0)}


@clock.virtual
async def test_a_guard_that_refused_one_configuration_is_told_of_the_next_and_not_for_ever() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", guard.State("older", 1))
    async with bench.running():
        assert bench.told("a") == RIGHT
        bench.write("mended")
        bench.lookout.look(KEY)
        await asyncio.sleep(0.1)
        assert bench.told("a") == "mended"
        await asyncio.sleep(3600)
        assert bench.patches() == 1 + prober.NUDGES


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
async def test_a_silent_guard_is_told_of_what_was_written_while_it_ran() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", None)
    async with bench.running():
        bench.write("newer")
        bench.lookout.look(KEY)
        await asyncio.sleep(0.1)
        assert bench.told("a") == "newer"
        await asyncio.sleep(3600)
        assert bench.patches() == prober.NUDGES
        await bench.start("b", "10.0.0.2", None)
        bench.lookout.look(KEY)
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
        bench.lookout.look(KEY)
        await asyncio.sleep(0.05)
        assert (bench.told("a"), bench.told("b")) == ("newer", "")
        await asyncio.sleep(0.1)
        assert bench.told("b") == "newer"
        await asyncio.sleep(4)
        assert bench.told("b") == "newer.2", "the same value once more is no change to a kubelet"
        bench.busy.clear()
        await asyncio.sleep(10)


@clock.virtual
async def test_a_new_pod_is_asked_at_once_and_a_gone_one_forgotten() -> None:
    bench = fake_guards.FakeGuards()
    first = await bench.start("a", "10.0.0.1", guard.State(RIGHT, 0))
    async with bench.running():
        await bench.start("b", "10.0.0.2", guard.State(RIGHT, 0))
        bench.store.drop(kinds.ref(first))
        bench.lookout.look(KEY)
        await asyncio.sleep(0.1)
        assert bench.heard() == {"b": guard.State(RIGHT, 0)}


@clock.virtual
async def test_a_pod_of_the_same_name_that_is_another_is_not_told() -> None:
    bench = fake_guards.FakeGuards()
    pod = await bench.start("a", "10.0.0.1", guard.State("older", 0))
    bench.store.put({**pod, "metadata": {**pod["metadata"], "uid": "other", "resourceVersion": "5000"}})
    async with bench.running():
        assert bench.told("a") == ""
        assert bench.heard() == {"a": guard.State("older", 0)}


@clock.virtual
async def test_a_model_that_is_gone_is_forgotten() -> None:
    bench = fake_guards.FakeGuards()
    await bench.start("a", "10.0.0.1", None)
    async with bench.running():
        bench.store.drop(kinds.ref(MODEL))
        bench.lookout.look(KEY)
        await asyncio.sleep(3600)
        assert len(bench.asked) < 3


def test_the_secret_says_which_configuration_it_holds() -> None:
    secret = render.guard_secret(MODEL)
    assert f'"version_info":"{record.guard_version(secret)}"' in render.guard_files(MODEL)["routes.yaml"]
    assert record.guard_version(None) == ""
