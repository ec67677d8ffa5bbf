"""A namespace in which the API server answers slowly, as where a webhook takes its time, holds up no other. In virtual time."""

import asyncio

import pytest

from tests import clock, operator_process
from vllm_operator.keys import record
from vllm_operator.kube import kinds, naming

pytestmark = pytest.mark.long

SLOW_SECONDS = 30.0
MANY = 20
WITHIN_SECONDS = 1.0


def knows(world: operator_process.World, key: kinds.Key, client: str) -> bool:
    """Tell whether the guards of the model know a key of `client`."""
    guards = world.cluster.objects[kinds.Ref(kinds.SECRET.kind, key.namespace, naming.guard_secret(key.name))]
    return f'"client":"{client}"' in record.decoded(guards, "routes.yaml")


@pytest.mark.parametrize("namespaces", [1, 4])
def test_models_that_are_written_slowly_hold_up_no_revocation_elsewhere(namespaces: int) -> None:
    @clock.virtual
    async def scenario() -> None:
        world = operator_process.World()
        async with world.running():
            key = await world.create("vllm11", "alice", "bob")
            slow = [f"slow-{number}" for number in range(namespaces)]
            for namespace in slow:
                keys = [await world.create(f"vllm{number}", "alice", namespace=namespace) for number in range(MANY)]
                await clock.until(world.is_done(key, *keys))
                world.cluster.troubles.delay(SLOW_SECONDS, "patch", namespace=namespace)
                for one in keys:
                    await world.change(one, access={"clients": []})
                await asyncio.sleep(1)
            for clients in (("bob",), ("alice", "bob")) * 5:
                begun = clock.now()
                await world.change(key, access={"clients": [{"name": client} for client in clients]})
                await clock.until(lambda clients=clients: knows(world, key, "alice") == ("alice" in clients))
                assert clock.now() - begun < WITHIN_SECONDS
                await asyncio.sleep(7)

    scenario()


@clock.virtual
async def test_checks_that_write_slowly_hold_up_none_elsewhere() -> None:
    """As after an upgrade, where the first check of each model writes."""
    world = operator_process.World()
    async with world.running() as old:
        for model in range(MANY):
            await world.create(f"vllm{model}", "alice", namespace="slow")
        keys = [await world.create(f"vllm{model}", "alice") for model in range(MANY)]
        await asyncio.sleep(60)
        await old.manager.stop()
        for ref in [ref for ref in world.cluster.objects if ref.kind == kinds.SERVICE.kind]:
            world.cluster.remove(ref)
        world.cluster.troubles.delay(SLOW_SECONDS, "create", namespace="slow")
        new = world.start("b")
        await clock.until(new.leads)
        begun = clock.now()
        services = [kinds.Ref(kinds.SERVICE.kind, *key) for key in keys]
        await clock.until(lambda: all(service in world.cluster.objects for service in services))
        assert clock.now() - begun < SLOW_SECONDS / 3
