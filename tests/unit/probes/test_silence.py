"""A scheduler that never looks at a pod, and a node that never reports one, are told after a minute, and taken back."""

from typing import Any

from tests import clock
from tests.unit.probes.inquired import BEGUN, CREATING, KEY, World
from vllm_operator import api
from vllm_operator.kube import kinds
from vllm_operator.status import pod_view


def unseen(world: World) -> None:
    """Show a server of which no scheduler has said anything."""
    world.pod(conditions=[{"type": "Other", "status": "True"}])
    body = world.api.objects[kinds.Ref(kinds.POD.kind, "models", "a")]
    metadata = {**body["metadata"], "creationTimestamp": api.moment(BEGUN + clock.now())}
    world.put({**body, "metadata": metadata})


def silent(world: World) -> str:
    evidence = world.inquiries.of(KEY).get("uid-a")
    return evidence.silent if evidence else ""


@clock.virtual
async def test_a_pod_that_no_scheduler_looks_at_is_told_after_a_minute_and_once() -> None:
    world = World()
    unseen(world)
    await world.run(55)
    assert silent(world) == ""
    await world.run(10)
    assert silent(world) == pod_view.SCHEDULER
    await world.run(3600)
    assert len(world.heard) == 1
    assert world.api.calls == []


@clock.virtual
async def test_a_node_that_reports_nothing_is_told_after_a_minute_and_no_more_when_it_does() -> None:
    world = World()
    world.pod()
    await world.run(55)
    assert silent(world) == ""
    await world.run(120)
    assert silent(world) == pod_view.NODE
    reported: dict[str, Any] = {"state": CREATING}
    world.pod(**reported)
    await world.run(120)
    assert silent(world) == ""


@clock.virtual
async def test_a_node_is_not_blamed_for_a_scheduler_that_took_its_time() -> None:
    world = World()
    unseen(world)
    await world.run(90)
    world.pod()
    await world.run(20)
    assert silent(world) != pod_view.NODE
