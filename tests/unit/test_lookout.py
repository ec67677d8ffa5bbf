"""What is asked of guards and when: pods whose guards take a new Secret up late, refuse it or fall silent. In virtual time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from tests import clock, memory
from tests.golden import render
from vllm_operator import guard, identity, kinds, lookout, store
from vllm_operator.children import secrets

MODEL = render.model(render.HERE / "serving")
KEY = kinds.Key("models", "vllm11")
RIGHT = "right"


class Bench:
    """A model with pods in a cluster in memory. `says`: address -> what its guard says; `woken`: how often the key was woken."""

    def __init__(self) -> None:
        self.api, self.store, self.says = memory.Memory(), store.Store(), dict[str, guard.State | None]()
        self.asked: list[tuple[float, str]] = []
        self.woken = 0
        self.versions = 1000
        self.lookout = lookout.Lookout(self.api, self.store, self.ask, self.wake)
        self._put(MODEL)
        self.write(RIGHT)

    async def ask(self, address: str) -> guard.State | None:
        self.asked.append((clock.now(), address))
        await asyncio.sleep(0.01)
        return self.says[address]

    def wake(self, key: kinds.Key) -> None:
        assert key == KEY
        self.woken += 1

    def write(self, version: str) -> None:
        """Write the guard's Secret."""
        name = identity.guard_secret("vllm11")
        secret = next(child for child in render.desired(MODEL) if child["metadata"]["name"] == name)
        secret["metadata"]["annotations"] = {identity.GUARD_VERSION_ANNOTATION: version}
        self._put(secret)

    async def start(self, name: str, address: str, state: guard.State | None) -> kinds.Object:
        """Let a pod run whose guard says `state`."""
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "models", "labels": identity.selector("vllm11")},
            "status": {
                "podIP": address,
                "initContainerStatuses": [{"name": "guard", "ready": True, "restartCount": 0}],
            },
        }
        self.says[address] = state
        made = await self.api.create_by("kubelet", pod)
        self.store.put(made)
        return made

    def told(self, name: str) -> str:
        metadata = self.api.objects[kinds.Ref("Pod", "models", name)]["metadata"]
        return str(metadata.get("annotations", {}).get(identity.GUARD_VERSION_ANNOTATION, ""))

    def patches(self) -> int:
        return sum(verb == "patch" for verb, _ in self.api.calls)

    def heard(self) -> object:
        return self.lookout.seen(lookout.observed(self.store, KEY) or NOTHING).guards

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Callable[[float], object]]:
        """Look once, and let time pass when called."""
        task = asyncio.create_task(self.lookout.run())
        self.lookout.look(KEY)
        await asyncio.sleep(0.1)
        yield asyncio.sleep
        await self.lookout.stop()
        await task

    def _put(self, obj: kinds.Object) -> None:
        self.versions += 1
        self.store.put({**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.versions)}})


NOTHING = lookout.world.World(MODEL, {})


@clock.virtual
async def test_guards_with_the_newest_configuration_are_left_alone() -> None:
    bench = Bench()
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
    bench = Bench()
    async with bench.running():
        await asyncio.sleep(3600)
        assert (bench.asked, bench.woken) == ([], 0)


@clock.virtual
async def test_a_guard_that_lags_is_told_at_once_and_seen_soon() -> None:
    bench = Bench()
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
    bench = Bench()
    await bench.start("a", "10.0.0.1", guard.State("older", 0))
    told = []
    async with bench.running():
        for _ in range(300):
            told.append(bench.told("a"))
            await asyncio.sleep(1)
        assert sorted(set(told), key=told.index) == [RIGHT, *(f"{RIGHT}.{number}" for number in range(2, 7))]
        assert told[3] == "right.2"
        assert bench.patches() == lookout.NUDGES
        assert len(bench.asked) < 60


@clock.virtual
async def test_another_configuration_is_told_anew() -> None:
    bench = Bench()
    await bench.start("a", "10.0.0.1", guard.State("older", 0))
    async with bench.running():
        await asyncio.sleep(300)
        bench.write("newer")
        bench.lookout.look(KEY)
        await asyncio.sleep(0.1)
        assert bench.told("a") == "newer"


@clock.virtual
async def test_a_refusal_counts_until_the_guard_has_what_is_wanted() -> None:
    bench = Bench()
    await bench.start("a", "10.0.0.1", guard.State(RIGHT, 3))
    async with bench.running():
        assert bench.heard() == {"a": guard.State(RIGHT, 0)}
        bench.write("broken")
        bench.says["10.0.0.1"] = guard.State(RIGHT, 4)
        bench.lookout.look(KEY)
        await asyncio.sleep(0.1)
        assert bench.heard() == {"a": guard.State(RIGHT, 1)}
        assert bench.patches() == 0
        bench.write("mended")
        bench.says["10.0.0.1"] = guard.State("mended", 4)
        bench.lookout.look(KEY)
        await asyncio.sleep(0.1)
        assert bench.heard() == {"a": guard.State("mended", 0)}


@clock.virtual
async def test_a_silent_guard_is_asked_ever_less_and_found_again() -> None:
    bench = Bench()
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
    bench = Bench()
    first = await bench.start("a", "10.0.0.1", guard.State(RIGHT, 0))
    async with bench.running():
        await bench.start("b", "10.0.0.2", guard.State(RIGHT, 0))
        bench.store.drop(kinds.ref(first))
        bench.lookout.look(KEY)
        await asyncio.sleep(0.1)
        assert bench.heard() == {"b": guard.State(RIGHT, 0)}


@clock.virtual
async def test_a_pod_of_the_same_name_that_is_another_is_not_told() -> None:
    bench = Bench()
    pod = await bench.start("a", "10.0.0.1", guard.State("older", 0))
    bench.store.put({**pod, "metadata": {**pod["metadata"], "uid": "other", "resourceVersion": "5000"}})
    async with bench.running():
        assert bench.told("a") == ""
        assert bench.heard() == {"a": guard.State("older", 0)}


@clock.virtual
async def test_a_model_that_is_gone_is_forgotten() -> None:
    bench = Bench()
    await bench.start("a", "10.0.0.1", None)
    async with bench.running():
        bench.store.drop(kinds.ref(MODEL))
        bench.lookout.look(KEY)
        await asyncio.sleep(3600)
        assert len(bench.asked) < 3


def test_the_secret_says_which_configuration_it_holds() -> None:
    name = identity.guard_secret("vllm11")
    secret = next(child for child in render.desired(MODEL) if child["metadata"]["name"] == name)
    readable = render._decoded(secret)["stringData"]["routes.yaml"]
    assert f'"version_info":"{secrets.guard_version(secret)}"' in readable
    assert secrets.guard_version(None) == ""
