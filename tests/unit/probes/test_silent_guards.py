"""Guards that answer are held up by none that do not, however many there are. In virtual time."""

import asyncio
import collections
import random
import statistics

import pytest

from tests import clock, fake_apiserver, samples
from vllm_operator import guard
from vllm_operator.engine import verification
from vllm_operator.kube import cache, kinds, naming
from vllm_operator.probes import guard_polls, http_client, prober

pytestmark = pytest.mark.long

MANY = 1000
NO_PACKET_RETURNS = 2 * http_client.GUARD_SECONDS


class Fleet:
    """Models of some pods each. A guard whose address is its model's name answers; others let every packet vanish."""

    def __init__(self) -> None:
        self.api, self.cache = fake_apiserver.FakeCluster(), cache.Cache()
        self.prober = prober.Prober(self.api, self.cache, self, self.wake)
        self.has, self.asked = dict[str, str](), collections.Counter[str]()
        self.asking = self.most = 0
        self._version = 1000

    def wake(self, key: kinds.Key) -> None:
        """Stand for the run of the model that follows."""
        self.prober.enqueue(key)

    async def ask_guard(self, address: str) -> guard.State | None:
        model, _, vanishes = address.partition("/")
        self.asked[model] += 1
        self.asking += 1
        self.most = max(self.most, self.asking)
        try:
            await asyncio.sleep(NO_PACKET_RETURNS if vanishes else 0.01)
        finally:
            self.asking -= 1
        return None if vanishes else guard.State(self.has[model], 0)

    async def ask_fetcher(self, address: str) -> str | None:
        raise AssertionError(address)

    async def ask_model(self, base: str, key: str, request: verification.Request) -> http_client.Answer:
        raise AssertionError(base, key, request)

    async def add(self, name: str, *, silent: bool, pods: int = 1) -> None:
        """Add a model whose guards have its configuration."""
        owner = naming.Owner("models", name, f"uid-{name}")
        model = samples.model(name=name)
        self.see({**model, "metadata": {**model["metadata"], "uid": owner.uid, "generation": 1}})
        self.see(samples.deployment(owner))
        self.write(name, "v1")
        self.has[name] = "v1"
        for number in range(pods):
            status = {
                "podIP": f"{name}/{number}" if silent else name,
                "initContainerStatuses": [{"name": "guard", "ready": True, "restartCount": 0}],
            }
            metadata = {"name": f"{name}-{number}", "namespace": "models", **samples.made_by_deployment(name)}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status}
            self.cache.put(await self.api.create_by("kubelet", pod))

    def write(self, name: str, version: str) -> None:
        """Write the guard's Secret of a model."""
        owner = naming.Owner("models", name, f"uid-{name}")
        secret = naming.child(kinds.SECRET, owner, naming.guard_secret(name), "guard")
        self.see(
            {**secret, "metadata": {**secret["metadata"], "annotations": {naming.GUARD_VERSION_ANNOTATION: version}}}
        )

    def see(self, obj: kinds.Object) -> None:
        self._version += 1
        self.cache.put(
            {
                "uid": obj["metadata"]["name"],
                **obj,
                "metadata": {**obj["metadata"], "resourceVersion": str(self._version)},
            }
        )

    def told(self, name: str) -> str:
        """Return what the first pod of a model was told."""
        metadata = self.api.objects[kinds.Ref("Pod", "models", f"{name}-0")]["metadata"]
        return str(metadata.get("annotations", {}).get(naming.GUARD_VERSION_ANNOTATION, ""))

    async def seconds_to_revoke(self, name: str, version: str) -> tuple[float, float]:
        """Write a model's Secret; return after how long its kubelet is hurried, and after how long its guard is heard of."""
        began = clock.now()
        self.write(name, version)
        self.prober.enqueue(kinds.Key("models", name))
        await clock.until(lambda: self.told(name).startswith(version))
        hurried = clock.now() - began
        self.has[name] = version
        heard = guard.State(version, 0)
        await clock.until(lambda: self.prober._polls.of(kinds.Key("models", name)).get(f"{name}-0") == heard)
        return hurried, clock.now() - began


@clock.virtual
async def test_a_changed_model_is_hurried_and_heard_of_at_once_beside_a_thousand_silent_ones() -> None:
    fleet = Fleet()
    for number in range(MANY):
        await fleet.add(f"silent-{number}", silent=True)
    reachable = [f"reachable-{number}" for number in range(100)]
    for name in reachable:
        await fleet.add(name, silent=False)
    running = asyncio.create_task(fleet.prober.run())
    for key in fleet.cache.models():
        fleet.prober.enqueue(key)

    async def change(name: str, when: float) -> tuple[float, float]:
        await asyncio.sleep(when)
        return await fleet.seconds_to_revoke(name, "v2")

    drawn = random.Random(1)  # noqa: S311 - when a test does something
    took = await asyncio.gather(*(change(name, drawn.uniform(60, 660)) for name in reachable))
    hurried, heard = zip(*took, strict=True)
    assert statistics.quantiles(hurried, n=100)[-1] < 0.2
    assert statistics.quantiles(heard, n=100)[-1] < 1
    assert max(fleet.asked[f"silent-{number}"] for number in range(MANY)) > 2, "silent ones are asked again"
    assert fleet.most <= guard_polls.PROMPT_WORKERS + guard_polls.SILENT_WORKERS
    await fleet.prober.stop()
    await running


@clock.virtual
async def test_a_changed_model_is_hurried_while_all_are_asked_for_the_first_time() -> None:
    fleet = Fleet()
    await fleet.add("reachable", silent=False)
    for number in range(MANY):
        await fleet.add(f"silent-{number}", silent=True)
    running = asyncio.create_task(fleet.prober.run())
    for key in fleet.cache.models():
        fleet.prober.enqueue(key)
    await asyncio.sleep(1)
    assert (await fleet.seconds_to_revoke("reachable", "v2"))[0] < 0.2
    await fleet.prober.stop()
    await running


@pytest.mark.parametrize("silent", [True, False])
def test_a_model_of_many_pods_is_asked_a_few_at_a_time(silent: bool) -> None:
    @clock.virtual
    async def run() -> None:
        fleet = Fleet()
        await fleet.add("large", silent=silent, pods=200)
        running = asyncio.create_task(fleet.prober.run())
        fleet.prober.enqueue(kinds.Key("models", "large"))
        await asyncio.sleep(600)
        assert fleet.asked["large"] >= 200
        assert fleet.most <= 32
        assert len(fleet.prober._polls.of(kinds.Key("models", "large"))) == 200
        await fleet.prober.stop()
        await running

    run()


@clock.virtual
async def test_a_model_of_many_pods_is_hurried_a_few_at_a_time() -> None:
    fleet = Fleet()
    await fleet.add("large", silent=False, pods=200)
    writing, most = 0, 0

    def interrupt(verb: str, _ref: kinds.Ref, when: str) -> None:
        nonlocal writing, most
        if verb == "patch":
            writing += 1 if when == "before" else -1
            most = max(most, writing)

    fleet.api.interrupt = interrupt
    running = asyncio.create_task(fleet.prober.run())
    fleet.prober.enqueue(kinds.Key("models", "large"))
    await asyncio.sleep(1)
    assert (await fleet.seconds_to_revoke("large", "v2"))[0] < 0.2
    assert 0 < most <= 16
    await fleet.prober.stop()
    await running
