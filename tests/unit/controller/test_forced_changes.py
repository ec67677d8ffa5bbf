"""Fifty forced changes of who leads, of every kind in any order: two processes never write, and every change is acted on."""

import asyncio
import functools
import random

import pytest

from tests import clock, operator_process
from vllm_operator.kube import kinds

pytestmark = pytest.mark.long

CHANGES = 50
WAYS = ("killed", "stopped", "suspended", "cut off", "deleted", "emptied", "usurped")
NOBODY = {"", "nobody"}


async def force(world: operator_process.World, how: str) -> None:
    """Change who leads."""
    leader = await led(world)
    if how == "killed":
        await leader.kill()
        world.start(f"p{len(world.processes)}")
    elif how == "stopped":
        await leader.manager.stop()
        world.start(f"p{len(world.processes)}")
    elif how == "suspended":
        world.background(leader.freeze(40))
    elif how == "cut off":
        world.background(away(leader, 40))
    elif how == "deleted":
        await world.cluster.delete_by("admin", operator_process.LEASE)
    else:
        holder = {"emptied": None, "usurped": "nobody"}[how]
        await world.cluster.edit_by("admin", operator_process.LEASE, {"spec": {"holderIdentity": holder}})


def has(world: operator_process.World, key: kinds.Key, replicas: int) -> bool:
    found: int = world.cluster.objects[kinds.Ref("Deployment", *key)]["spec"]["replicas"]
    return found == replicas


async def led(world: operator_process.World) -> operator_process.Process:
    """Return the process that leads, once one does."""
    await clock.until(lambda: any(one.leads() for one in world.processes), 120)
    return next(one for one in world.processes if one.leads())


async def away(one: operator_process.Process, seconds: float) -> None:
    one.connection.away = True
    await asyncio.sleep(seconds)
    one.connection.away = False


class Watched(operator_process.World):
    """A world that notes the writes of processes which are not the last that the Lease named."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[tuple[str, str]] = []
        self.meet = self._note

    def _note(self, connection: operator_process.Connection, verb: str, ref: kinds.Ref, when: str) -> None:
        named = self._named()
        if when == "before" and connection._name != named:
            self.wrong.append((f"{connection._name} wrote {verb} {ref}", f"the Lease named {named}"))

    def _named(self) -> str:
        leases = (one.after for one in reversed(self.cluster.history) if one.kind == "Lease" and one.after)
        holders = (str(one["spec"].get("holderIdentity") or "").partition("_")[0] for one in leases)
        return next(holder for holder in holders if holder not in NOBODY)


@pytest.mark.parametrize("seed", range(3))
def test_no_two_processes_ever_write(seed: int) -> None:
    chosen = random.Random(seed)  # noqa: S311 - chooses what happens, guards nothing

    @clock.virtual
    async def scenario() -> None:
        world = Watched()
        async with world.running("p0"):
            world.start("p1")
            key = await world.create("vllm11", "alice")
            await clock.until(world.is_done(key))
            for change in range(CHANGES):
                replicas = change % 5 + 2
                await led(world)
                await world.change(key, replicas=replicas, access={"clients": [{"name": f"client{change}"}]})
                await asyncio.sleep(chosen.choice((0.0, 0.001, 0.002, 0.003, 0.005)))  # while its writes leave
                await force(world, chosen.choice(WAYS))
                await clock.until(functools.partial(has, world, key, replicas), 60)
                await asyncio.sleep(chosen.uniform(0, 20))
        assert world.wrong == []
        assert len({write.process for write in world.writes}) > 5

    scenario()
