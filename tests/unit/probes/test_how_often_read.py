"""How much of a log is read, and how often what is read of a pod makes its model's status be written anew."""

import asyncio

import pytest

from tests import clock
from tests.unit.probes import inquired
from tests.unit.probes.inquired import BEGUN, CREATING, KEY, World
from vllm_operator import api
from vllm_operator.engine.causes import Cause
from vllm_operator.probes import inquiries
from vllm_operator.status.pod_view import Evidence, PodEvent

DUMP = "(EngineCore pid=9) ERROR 11-28 16:13:37 [dump_input.py:72] Dumping input data: SchedulerOutput(" + "x" * 900
CACHE = "(EngineCore pid=9) ERROR 11-28 16:13:38 [core.py:1510] ValueError: No available memory for the cache blocks"
MISSING = 'MountVolume.SetUp failed for volume "tls" : secret "s" not found'
SUMMARY = "Unable to attach or mount volumes: unmounted volumes=[tls], unattached volumes=[]: context deadline exceeded"


def cause(world: World) -> Cause | None:
    return world.inquiries.of(KEY)["uid-a"].cause


@pytest.mark.parametrize(("after", "reads"), [(0, 2), (20, 2), (5, 2)])
@clock.virtual
async def test_a_cause_behind_more_bytes_than_are_read_is_found_in_fewer_lines(after: int, reads: int) -> None:
    """The kubelet gives the first bytes of the last lines, so what ended the engine may be cut off."""
    world = World()
    world.api.logs["a", "vllm", True] = "\n".join([DUMP] * 500 + [CACHE] + ["RuntimeError: See above"] * after)
    world.end()
    await world.run()
    assert (found := cause(world))
    assert found.reason == "CacheTooSmall"
    assert world.reads() == reads


@clock.virtual
async def test_how_often_one_log_is_read_is_bounded() -> None:
    world = World()
    world.api.logs["a", "vllm", True] = "\n".join(["y" * inquiries.BYTES] * 300)
    world.end()
    await world.run()
    assert world.reads() == len(inquiries.LINES)


@clock.virtual
async def test_how_long_a_pull_takes_is_told_at_most_every_ten_seconds() -> None:
    world = World()
    await world.api.create_by("kubelet", inquired.event("uid-a", 'Pulling image "x"', "Pulling"))
    world.pod(state=CREATING)
    await world.run(60)
    assert all(later - earlier >= 10 for earlier, later in zip(world.heard[1:], world.heard[2:], strict=False))
    assert len(world.heard) <= 7
    assert world.inquiries.of(KEY)["uid-a"].elapsed >= 48


@pytest.mark.parametrize("after", [0.1, 30.3, 200.2, 590.0])
@clock.virtual
async def test_a_volume_that_fails_is_told_within_five_seconds(after: float) -> None:
    """A driver may try for half a minute before it says that a volume cannot be attached."""
    world = World()
    world.pod(state=CREATING)
    running = asyncio.create_task(world.run(after + 5))
    await asyncio.sleep(after)
    failed, at = inquired.event("uid-a", "AttachVolume.Attach failed", "FailedAttachVolume"), clock.now()
    await world.api.create_by("attacher", failed)
    await running
    assert 0 < world.heard[-1] - at < 5


@pytest.mark.long
@clock.virtual
async def test_a_thousand_models_that_wait_are_read_in_turn() -> None:
    """No more reads a second, so that each waits a little longer; none waits for more than a minute."""
    world = World()
    names = [f"m{number}" for number in range(1000)]
    for name in names:
        world.model(name)
        world.pod(f"{name}-a", model=name, state=CREATING)
    running = asyncio.create_task(world.run(260, *names))
    await asyncio.sleep(60)
    before = world.reads("list")
    await asyncio.sleep(200)
    a_second = (world.reads("list") - before) / 200
    await running
    assert 1000 / inquiries.LONGEST_SECONDS <= a_second <= inquiries.PODS_A_SECOND + 1000 / 200


@clock.virtual
async def test_a_volume_that_is_not_mounted_wakes_its_model_once() -> None:
    world = World()
    await world.api.create_by("kubelet", inquired.event("uid-a", MISSING))
    world.pod(state=CREATING)
    await world.run(1800)
    assert world.reads("list") > 20
    assert len(world.heard) == 1


@clock.virtual
async def test_the_event_that_says_why_is_told_whichever_came_last() -> None:
    """The kubelet says by turns why a volume is not mounted, and that it waits for it."""
    world = World()
    for note, second in ((MISSING, 1), (SUMMARY, 2)):
        await world.api.create_by("kubelet", inquired.event("uid-a", note, at=api.moment(BEGUN + second)))
    world.pod(state=CREATING)
    await world.run(10)
    assert world.inquiries.of(KEY)["uid-a"].events == (PodEvent("FailedMount", MISSING),)


@clock.virtual
async def test_an_event_that_only_sums_up_is_told_where_no_other_says_more() -> None:
    world = World()
    attached = inquired.event("uid-a", "attached", "SuccessfulAttachVolume", api.moment(BEGUN + 1))
    await world.api.create_by("attacher", attached)
    await world.api.create_by("kubelet", inquired.event("uid-a", SUMMARY, at=api.moment(BEGUN + 2)))
    world.pod(state=CREATING)
    await world.run(10)
    assert world.inquiries.of(KEY)["uid-a"].events[0] == PodEvent("FailedMount", SUMMARY)


@clock.virtual
async def test_it_is_known_of_a_pod_that_it_was_asked_though_there_is_nothing_to_tell() -> None:
    world = World()
    world.pod(state=CREATING)
    await world.run(3)
    assert world.inquiries.of(KEY) == {}
    await world.run(3)
    assert world.inquiries.of(KEY) == {"uid-a": Evidence()}
