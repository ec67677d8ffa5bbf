"""A Gateway with listeners of HTTP and HTTPS, as a whole operator meets it."""

import asyncio
from typing import Any

from tests import clock, operator_process
from vllm_operator.kube import conditions, errors, kinds

EDGE = {"host": "web.example", "gateway": {"parentRefs": [{"name": "edge", "namespace": "infra"}]}}
GATEWAY = kinds.Ref("Gateway", "infra", "edge")


def gateway(*protocols: str) -> kinds.Object:
    everybody = {"namespaces": {"from": "All"}}
    listeners = [{"name": one.lower(), "protocol": one, "port": 1, "allowedRoutes": everybody} for one in protocols]
    return {
        "apiVersion": kinds.GATEWAY.api_version, "kind": "Gateway", "metadata": {"name": "edge", "namespace": "infra"},
        "spec": {"gatewayClassName": "played", "listeners": listeners},
    }  # fmt: skip


def sections(world: operator_process.World, key: kinds.Key) -> list[str]:
    """Return the listeners that the route names, "" for all."""
    route = world.cluster.objects.get(kinds.Ref("HTTPRoute", *key), {"spec": {"parentRefs": []}})
    return [one.get("sectionName", "") for one in route["spec"]["parentRefs"]]


def exposed(world: operator_process.World, key: kinds.Key) -> dict[str, Any]:
    live = world.cluster.objects.get(operator_process.model(key), {})
    return conditions.condition(live, "Exposed") or {"reason": "", "message": ""}


async def accept(world: operator_process.World, key: kinds.Key) -> None:
    """Say what the Gateway's controller says of a route that it takes."""
    ref = kinds.Ref("HTTPRoute", *key)
    said = [{"type": kind, "status": "True", "reason": kind, "message": ""} for kind in ("Accepted", "ResolvedRefs")]
    parents = [{"parentRef": one, "conditions": said} for one in world.cluster.objects[ref]["spec"]["parentRefs"]]
    await world.cluster.edit_by("controller", ref, {"status": {"parents": parents}})


@clock.virtual
async def test_a_key_is_answered_by_listeners_with_tls_alone_also_while_the_gateway_cannot_be_read() -> None:
    world = operator_process.World()
    await world.cluster.create_by("admin", gateway("HTTP", "HTTPS"))
    async with world.running():
        key = await world.create("llama", expose=EDGE)
        await clock.until(world.is_done(key))
        assert sections(world, key) == ["https"]
        await accept(world, key)
        await clock.until(lambda: exposed(world, key)["reason"] == "Exposed")
        world.cluster.troubles.fail(errors.Denied(403, "Forbidden", "no"), kind="Gateway")
        await asyncio.sleep(60)  # what was read a moment ago is not asked for again
        await world.change(key, replicas=2)
        await clock.until(world.is_done(key), 120)
        assert sections(world, key) == ["https"]


@clock.virtual
async def test_a_listener_that_the_gateways_owner_adds_is_seen() -> None:
    world = operator_process.World()
    await world.cluster.create_by("admin", gateway("HTTP"))
    async with world.running():
        key = await world.create("llama", expose=EDGE)
        await clock.until(world.is_done(key))
        assert sections(world, key) == [""]
        await accept(world, key)
        await clock.until(lambda: exposed(world, key)["reason"] == "ExposedWithoutTLS")
        assert "http of edge" in exposed(world, key)["message"]
        await world.cluster.edit_by("admin", GATEWAY, {"spec": gateway("HTTP", "HTTPS")["spec"]})
        await clock.until(lambda: sections(world, key) == ["https"], 400)
