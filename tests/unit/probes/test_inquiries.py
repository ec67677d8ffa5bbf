"""What is read of a pod that does not come up: its log once for each end, its Events seldom; of what serves, nothing."""

import asyncio
import itertools
from typing import Any

import pytest

from tests import clock, fake_apiserver, samples
from tests.golden import render
from vllm_operator import api
from vllm_operator.engine.causes import Cause
from vllm_operator.engine.start_log import StartLog
from vllm_operator.kube import cache, errors, kinds
from vllm_operator.probes import inquiries, stocks

MODEL = render.case("plain")
KEY = kinds.Key("models", "vllm11")
BEGUN = 1_800_000_000.0
GPU = "nvidia.com/gpu"
CACHE = "ValueError: No available memory for the cache blocks. Try increasing"
FULL = Cause(
    "CacheTooSmall",
    "no memory is left for the KV cache: raise --gpu-memory-utilization, on CPUs VLLM_CPU_KVCACHE_SPACE",
)
CREATING = {"waiting": {"reason": "ContainerCreating"}}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff"}}


class World:
    """A model with a server in a cluster in memory; `heard`: when news was passed on."""

    def __init__(self, *, sees_nodes: bool = False) -> None:
        self.api, self.store = fake_apiserver.FakeCluster(), cache.Cache()
        self.heard: list[float] = []
        counting = stocks.Stocks(self.api, self.store, sees_nodes=sees_nodes)
        self.inquiries = inquiries.Inquiries(self.api, self.store, self._hear, counting, lambda: BEGUN + clock.now())
        self._versions = itertools.count(1000)
        for one in (MODEL, *render.desired(MODEL)):
            self._put(one)

    def _hear(self, _: kinds.Key) -> None:
        self.heard.append(clock.now())

    def pod(self, name: str = "a", conditions: list[dict[str, Any]] | None = None, **container: Any) -> None:
        """Show a server whose engine is so, and which has a node unless `conditions` say otherwise."""
        since = api.moment(BEGUN + clock.now())
        placed = {"type": "PodScheduled", "status": "True", "lastTransitionTime": since}
        statuses = [{"name": "vllm", "image": "x", "ready": False, "restartCount": 0, **container}] if container else []
        metadata = {
            "name": name,
            "namespace": "models",
            "uid": f"uid-{name}",
            **samples.made_by_deployment("vllm11", "1"),
        }
        limits = {"name": "vllm", "resources": {"limits": {GPU: "2"}}}
        spec = {"containers": [limits], **({} if conditions else {"nodeName": "n"})}
        status = {"conditions": conditions or [placed], "containerStatuses": statuses}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}
        self.api.objects[kinds.ref(body)] = body
        self._put(body)

    def end(self, restarts: int = 1, message: str = "") -> None:
        """Let the engine have ended, and wait to be started again."""
        last = {"exitCode": 1, "message": message, "containerID": str(restarts)}
        self.pod(state=BACK_OFF, restartCount=restarts, lastState={"terminated": last})

    async def run(self, seconds: float = 1.0) -> None:
        """Let what is due be read for a while."""
        self.inquiries.queue.add(KEY)
        running = asyncio.create_task(self.inquiries.queue.run())
        await asyncio.sleep(seconds)
        await self.inquiries.queue.stop(0)
        await running
        self.inquiries.queue._stopping = False  # the queue of the next run

    def reads(self, verb: str = "log") -> int:
        return sum(call == verb for call, _ in self.api.calls)

    def _put(self, obj: kinds.Object) -> None:
        version = str(next(self._versions))
        self.store.put({**obj, "metadata": {**obj["metadata"], "resourceVersion": version}})


@clock.virtual
async def test_the_log_of_an_ended_engine_is_read_once_for_each_end() -> None:
    world = World()
    world.api.logs["a", "vllm", True] = (
        f"(EngineCore pid=9) ERROR 11-28 16:13:38 [core.py:1510] {CACHE}\nRuntimeError: See"
    )
    for restarts in (1, 2):
        world.end(restarts)
        for _ in range(3):
            await world.run()
        assert world.inquiries.of(KEY)["uid-a"].cause == FULL
        assert world.reads() == restarts


@clock.virtual
async def test_a_container_that_has_not_been_started_again_yet_is_read_as_it_is() -> None:
    world = World()
    world.api.logs["a", "vllm", False] = CACHE
    world.pod(state={"terminated": {"exitCode": 1}})
    await world.run()
    assert world.inquiries.of(KEY)["uid-a"].cause == FULL
    assert len(world.heard) == 1


@pytest.mark.parametrize("message", ["vllm: error: unrecognized arguments: --x", CACHE])
@clock.virtual
async def test_no_log_is_read_where_the_termination_message_says_it_all(message: str) -> None:
    world = World()
    world.end(message=message)
    await world.run()
    assert world.api.calls == []


@pytest.mark.parametrize("error", [errors.Denied(403, "Forbidden", "no"), errors.Unavailable(0, "NoAnswer", "no")])
@clock.virtual
async def test_a_log_that_cannot_be_read_is_not_asked_for_again(error: errors.ApiError) -> None:
    """An operator whose role is of an earlier chart goes on with what the kubelet says."""
    world = World()

    def refuse(verb: str, _: kinds.Ref, when: str) -> None:
        if verb == "log" and when == "after":
            raise error

    world.api.interrupt = refuse
    world.api.logs["a", "vllm", True] = CACHE
    world.end()
    await world.run()
    await world.run()
    assert world.reads() == 1
    assert world.inquiries.of(KEY)["uid-a"].ended == "vllm/1"


@clock.virtual
async def test_of_many_pods_that_ended_the_newest_are_read() -> None:
    world = World()
    for number in range(9):
        world.pod(f"pod-{number}", state=BACK_OFF, restartCount=1, lastState={"terminated": {"exitCode": 1}})
    await world.run()
    assert world.reads() == inquiries.PODS


@clock.virtual
async def test_events_are_read_while_a_pod_does_not_begin_to_run_ever_less_often() -> None:
    world = World()
    words = 'MountVolume.SetUp failed for volume "w" : not found'
    await world.api.create_by("kubelet", _event("uid-a", words))
    await world.api.create_by("kubelet", _event("uid-b", "of another pod"))
    world.pod(state=CREATING)
    world.api.calls.clear()
    await world.run(inquiries.SET_UP_SECONDS - 0.5)
    assert world.api.calls == []
    await world.run(1)
    assert [(one.reason, one.note) for one in world.inquiries.of(KEY)["uid-a"].events] == [("FailedMount", words)]
    await world.run(600)
    assert 8 <= world.reads("list") <= 16


SHARDS = "Loading safetensors checkpoint shards:  50% Completed | 2/4 [00:08<00:08, 4.1s/it]\n"
ROOM = "(EngineCore pid=9) INFO KV cache size: 2,048 tokens, Maximum concurrency for 1,024 tokens per request: 2.00x\n"


@clock.virtual
async def test_a_start_is_looked_at_every_ten_seconds_and_then_less_often_and_once_when_it_is_over() -> None:
    world = World()
    world.api.logs["a", "vllm", False] = SHARDS
    running = {"running": {"startedAt": api.moment(BEGUN + clock.now())}}
    world.pod(state=running)
    await world.run(9)
    assert world.reads() == 0
    await world.run(51)
    assert world.inquiries.of(KEY)["uid-a"].start == StartLog("Loading", "2 of 4 files of weights")
    assert 5 <= world.reads() <= 6
    await world.run(1740)
    assert world.reads() < 60
    assert len(world.heard) <= world.reads() + 1
    world.api.logs["a", "vllm", False] = SHARDS + ROOM
    before = world.reads()
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": api.moment(BEGUN + clock.now())}
    world.pod(conditions=[ready], state=running, ready=True)
    await world.run(3600)
    assert world.reads() == before + 1
    assert world.inquiries.of(KEY)["uid-a"].start == StartLog("Loading", "2 of 4 files of weights", 0, 2048, 2)


@clock.virtual
async def test_the_log_of_an_engine_that_has_answered_is_not_read_while_it_runs() -> None:
    world = World()
    silent = {"type": "Ready", "status": "False", "lastTransitionTime": api.moment(BEGUN + 3600)}
    world.pod(conditions=[silent], state={"running": {"startedAt": api.moment(BEGUN)}})
    await world.run(600)
    assert world.api.calls == []


@clock.virtual
async def test_of_a_model_that_serves_nothing_is_read() -> None:
    world = World()
    world.pod(conditions=[{"type": "Ready", "status": "True"}], state={"running": {}}, ready=True)
    await world.run(600)
    assert world.api.calls == []
    assert world.heard == []


@clock.virtual
async def test_accelerators_are_counted_where_one_is_missing_and_seldom() -> None:
    world = World(sees_nodes=True)
    for name, cordoned in (("n", False), ("m", True)):
        await world.api.create_by("kubelet", _node(name, cordoned=cordoned))
    words = f"0/1 nodes are available: 1 Insufficient {GPU}."
    world.pod("b", state={"running": {}})
    world.pod("a", [{"type": "PodScheduled", "status": "False", "message": words}])
    world.api.calls.clear()
    for _ in range(5):
        await world.run()
    stock = world.inquiries.stock()
    assert stock
    assert (stock.exist, stock.held) == ({GPU: 4}, {GPU: {KEY: 2}})
    assert world.reads("list") == 1


@clock.virtual
async def test_an_operator_of_some_namespaces_asks_for_no_node() -> None:
    world = World()
    world.pod("a", [{"type": "PodScheduled", "status": "False", "message": f"1 Insufficient {GPU}."}])
    await world.run()
    assert world.api.calls == []


def _event(uid: str, note: str) -> kinds.Object:
    regarding = {"kind": "Pod", "namespace": "models", "name": "a", "uid": uid}
    metadata = {"name": f"a.{uid}", "namespace": "models"}
    return {
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": metadata, "regarding": regarding, "reason": "FailedMount",
        "note": note, "type": "Warning",
    }  # fmt: skip


def _node(name: str, *, cordoned: bool) -> kinds.Object:
    allocatable = {GPU: "4", "cpu": "8", "memory": "1Gi"}
    spec = {"unschedulable": True} if cordoned else {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "spec": spec,
        "status": {"allocatable": allocatable},
    }
