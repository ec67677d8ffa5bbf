"""Each single thing that a run reads beside the model's own objects makes the next run a real one."""

from typing import Any

import pytest

from tests import fake_apiserver, harness, samples
from tests.harness import KEY
from vllm_operator import guard
from vllm_operator.controller import hosts, lookups, settled
from vllm_operator.kube import cache, kinds
from vllm_operator.kube.addresses import Address
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.probes import prober
from vllm_operator.status.accelerators import Stock
from vllm_operator.status.dependencies import Dependency
from vllm_operator.status.fetch_progress import FetchState
from vllm_operator.status.pod_view import Evidence

NAMED = kinds.Ref("Secret", KEY.namespace, "pull")
ADDRESS = Address("a.example", "")
ASKED = settled.Asked(ADDRESS, (), (Dependency(NAMED),))
ANSWERS: dict[str, Any] = {
    "guards": {"a": guard.State("1", 0)},
    "fetch": FetchState(refused="no"),
    "evidence": {"a": Evidence(elapsed=1)},
    "stock": Stock({"nvidia.com/gpu": 1}, {}),
    "verified": ConditionValue("True", "Verified", "it is"),
    "asked": frozenset({"1"}),
}


class Heard(prober.Prober):
    """A prober that was told what it heard."""

    said = prober.Answers({}, FetchState(), {}, None, None, frozenset())
    chosen: int | None = None

    def answers(self, _key: kinds.Key) -> prober.Answers:
        return self.said

    def context(self, _key: kinds.Key) -> int | None:
        return self.chosen


class World:
    """What a run reads, and a model of which the last one found nothing to do."""

    def __init__(self) -> None:
        self.api, self.now = fake_apiserver.FakeCluster(), harness.NOW
        self.claims = hosts.Hosts(harness.SETTINGS)
        self.cache = cache.Cache(told=self.claims)
        self.probes = Heard(self.api, self.cache, harness.Deaf(), lambda _key: None)
        named = lookups.Lookups(self.api)
        self.settled = settled.Settled(self.cache, self.probes, self.claims, named, lambda: self.now)

    async def begin(self) -> None:
        await self.api.create_by("admin", {"apiVersion": "v1", "kind": "Secret", "metadata": _named(NAMED)})
        self.put(samples.model(), 1)
        self.settled.keep(KEY, self.settled.inputs(KEY, ASKED), ASKED, self.now + 60)

    def put(self, obj: kinds.Object, version: int) -> None:
        metadata = {**obj["metadata"], "resourceVersion": str(version), "uid": "u", "creationTimestamp": "2027"}
        self.cache.put({**obj, "metadata": metadata})

    async def is_settled(self) -> bool:
        return await self.settled.until(KEY) is not None


@pytest.fixture
async def world() -> World:
    made = World()
    await made.begin()
    assert await made.is_settled()
    return made


def _named(ref: kinds.Ref) -> kinds.Object:
    return {"name": ref.name, "namespace": ref.namespace}


@pytest.mark.parametrize("name", prober.Answers._fields)
async def test_an_answer_of_a_probe(world: World, name: str) -> None:
    world.probes.said = world.probes.said._replace(**{name: ANSWERS[name]})
    assert not await world.is_settled()


async def test_the_context_that_servers_have_chosen(world: World) -> None:
    world.probes.chosen = 4096
    assert not await world.is_settled()


async def test_anything_that_is_seen_of_the_model(world: World) -> None:
    world.put(samples.model(), 2)
    assert not await world.is_settled()


async def test_a_host_that_another_has_now(world: World) -> None:
    edge = {"host": ADDRESS.host, "http": {"paths": [{"path": "/", "pathType": "Prefix"}]}}
    metadata = {"name": "other", "namespace": "others"}
    world.put(
        {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": {"rules": [edge]}}, 3
    )
    assert not await world.is_settled()


async def test_an_object_that_the_spec_names(world: World) -> None:
    await world.api.delete_by("admin", NAMED)
    world.settled._lookups._existing.clear()  # what was there a moment ago
    assert not await world.is_settled()


async def test_a_moment_that_has_come(world: World) -> None:
    world.now += 59
    assert await world.is_settled()
    world.now += 1
    assert not await world.is_settled()


async def test_an_answer_that_changed_during_the_run_and_back_after_it(world: World) -> None:
    before, said = world.settled.inputs(KEY, ASKED), world.probes.said
    world.settled.forget(KEY)
    world.probes.said = said._replace(asked=frozenset({"1"}))
    world.settled.keep(KEY, before, ASKED, world.now + 60)
    world.probes.said = said
    assert not await world.is_settled()
