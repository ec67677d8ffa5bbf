"""What is read of a pod that does not come up: its log once for each end, its Events seldom; of what serves, nothing."""

import pytest

from tests import clock
from tests.unit.probes import inquired
from tests.unit.probes.inquired import BACK_OFF, BEGUN, CREATING, GPU, KEY, World
from vllm_operator import api
from vllm_operator.engine.causes import Cause
from vllm_operator.engine.start_log import StartLog
from vllm_operator.kube import errors, kinds
from vllm_operator.probes import inquiries

CACHE = "ValueError: No available memory for the cache blocks. Try increasing"
FULL = Cause(
    "CacheTooSmall",
    "no memory is left for the KV cache: raise --gpu-memory-utilization, on CPUs VLLM_CPU_KVCACHE_SPACE",
)


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
async def test_events_are_read_while_a_pod_does_not_begin_to_run() -> None:
    world = World()
    words = 'MountVolume.SetUp failed for volume "w" : not found'
    await world.api.create_by("kubelet", inquired.event("uid-a", words))
    await world.api.create_by("kubelet", inquired.event("uid-b", "of another pod"))
    world.pod(state=CREATING)
    world.api.calls.clear()
    await world.run(inquiries.SET_UP_SECONDS - 0.5)
    assert world.api.calls == []
    await world.run(1)
    assert [(one.reason, one.note) for one in world.inquiries.of(KEY)["uid-a"].events] == [("FailedMount", words)]
    await world.run(600)
    assert world.reads("list") <= 152
    before = world.reads("list")
    await world.run(24 * 3600)
    assert world.reads("list") - before < 2000, "of a pod that waits for long they are read less often"


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
async def test_a_log_that_was_read_in_the_second_of_readiness_is_read_once_more() -> None:
    """Kubernetes cuts the moment off to the second, so the server may have become ready after the read."""
    world = World()
    world.api.logs["a", "vllm", False] = SHARDS
    running = {"running": {"startedAt": api.moment(BEGUN + clock.now())}}
    world.pod(state=running)
    await world.run(10.5)
    assert world.reads() == 1
    world.api.logs["a", "vllm", False] = SHARDS + ROOM
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": api.moment(BEGUN + int(clock.now()))}
    world.pod(conditions=[ready], state=running, ready=True)
    await world.run(60)
    assert world.reads() == 2
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
    assert stock.taints == {"m": [], "n": []}
    assert world.reads("list") == 1


@clock.virtual
async def test_an_operator_of_some_namespaces_asks_for_no_node() -> None:
    world = World()
    world.pod("a", [{"type": "PodScheduled", "status": "False", "message": f"1 Insufficient {GPU}."}])
    await world.run()
    assert world.api.calls == []


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
