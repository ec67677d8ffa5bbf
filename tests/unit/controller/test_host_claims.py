"""Whoever loses a host writes no edge, sends nobody there, and takes over cleanly: whole operators on an API server in memory."""

import base64
import functools
from collections.abc import Iterator
from typing import Any

from tests import clock, operator_process
from vllm_operator.kube import conditions, kinds

WEB = {"host": "web.example"}
FOREIGN: kinds.Object = {
    "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "shop", "namespace": "shops"},
    "spec": {"rules": [{"host": "web.example", "http": {"paths": [{"path": "/", "pathType": "Prefix"}]}}]},
}  # fmt: skip
ROUTE: kinds.Object = {
    "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "shop", "namespace": "shops"},
    "spec": {"hostnames": ["web.example"]},
}  # fmt: skip
SHOP = kinds.Ref("Ingress", "shops", "shop")


def exposed(world: operator_process.World, key: kinds.Key) -> dict[str, Any]:
    live = world.cluster.objects.get(operator_process.model(key), {})
    return conditions.condition(live, "Exposed") or {"reason": "", "message": ""}


def is_refused(world: operator_process.World, key: kinds.Key, holder: str) -> bool:
    """Tell whether the model says who has its host, and has no edge."""
    said = exposed(world, key)
    return said["reason"] == "HostConflict" and f"is held by {holder}," in said["message"] and not edge(world, key)


def edge(world: operator_process.World, key: kinds.Key) -> kinds.Object | None:
    return world.cluster.objects.get(kinds.Ref("Ingress", *key))


def host(world: operator_process.World, key: kinds.Key) -> str:
    found = edge(world, key)
    return str(found["spec"]["rules"][0]["host"]) if found else ""


def has_host(world: operator_process.World, key: kinds.Key) -> bool:
    return host(world, key) == "web.example"


def told(world: operator_process.World, key: kinds.Key) -> str:
    """Return the address that the model's client is told."""
    secret = world.cluster.objects[kinds.Ref("Secret", key.namespace, f"{key.name}.key.default")]
    return base64.b64decode(secret["data"]["OPENAI_BASE_URL"]).decode()


def carriers(world: operator_process.World, wanted: str) -> Iterator[int]:
    """Yield how many Ingresses carried the host, after each thing that happened."""
    now: set[str] = set()
    for happened in world.cluster.history:
        if happened.kind == "Ingress" and (one := happened.after or happened.before):
            carries = happened.after and happened.after["spec"]["rules"][0]["host"] == wanted
            name = f"{one['metadata']['namespace']}/{one['metadata']['name']}"
            now = now | {name} if carries else now - {name}
            yield len(now)


def age(world: operator_process.World, ref: kinds.Ref, created: str) -> None:
    """Let an object be as old as that, for whoever lists it next."""
    world.cluster.objects[ref]["metadata"]["creationTimestamp"] = created


@clock.virtual
async def test_the_loser_writes_no_edge_and_sends_nobody_to_the_host() -> None:
    world = operator_process.World()
    async with world.running():
        old = await world.create("a-first", expose=WEB)
        await clock.until(world.is_done(old))
        new = await world.create("b-second", namespace="others", expose=WEB)
        await clock.until(lambda: is_refused(world, new, "ModelDeployment models/a-first"))
        assert told(world, new).startswith("http://b-second.others.svc/")
        assert host(world, old) == "web.example"
        assert told(world, old).startswith("http://web.example/")


@clock.virtual
async def test_the_oldest_has_the_host_though_another_is_worked_on_first() -> None:
    world = operator_process.World()
    old = await world.create("z-first", expose=WEB)
    age(world, operator_process.model(old), "2026-01-01T00:00:00Z")
    new = await world.create("a-second", namespace="a", expose=WEB)
    async with world.running(workers=1):
        await clock.until(world.is_done(old, new))
        assert is_refused(world, new, "ModelDeployment models/z-first")
    assert max(carriers(world, "web.example")) == 1


@clock.virtual
async def test_a_host_moves_once_its_holders_edge_is_gone() -> None:
    world = operator_process.World()
    old = await world.create("a-first", expose=WEB)
    new = await world.create("b-second", namespace="others", expose=WEB)
    third = await world.create("c-third", namespace="others", expose=WEB)
    for year, key in enumerate((old, new, third), 2024):
        age(world, operator_process.model(key), f"{year}-01-01T00:00:00Z")
    async with world.running():
        await clock.until(lambda: is_refused(world, new, "ModelDeployment models/a-first"))
        await world.change(old, expose={"host": "moved.example"})
        await clock.until(lambda: host(world, new) == "web.example")
        await clock.until(lambda: is_refused(world, third, "ModelDeployment others/b-second"))
        assert told(world, new).startswith("http://web.example/")
        world.cluster.remove(operator_process.model(new))
        await clock.until(lambda: is_refused(world, third, "Ingress others/b-second"))
        world.cluster.collect_garbage()
        await clock.until(lambda: host(world, third) == "web.example")
    assert max(carriers(world, "web.example")) == 1


@clock.virtual
async def test_an_ingress_or_a_route_of_somebody_else_has_its_host() -> None:
    for foreign in (FOREIGN, ROUTE):
        world = operator_process.World()
        await world.cluster.create_by("shop", foreign)
        async with world.running():
            key = await world.create("llama", expose=WEB)
            await clock.until(functools.partial(is_refused, world, key, f"{foreign['kind']} shops/shop"))
            world.cluster.remove(kinds.ref(foreign))
            await clock.until(functools.partial(has_host, world, key))


@clock.virtual
async def test_an_ingress_that_comes_to_ask_for_a_host_takes_it_from_nobody() -> None:
    world = operator_process.World()
    async with world.running():
        key = await world.create("llama", expose=WEB)
        await clock.until(world.is_done(key))
    age(world, kinds.Ref("Ingress", *key), "2026-01-01T00:00:00Z")
    await world.cluster.create_by("shop", FOREIGN)
    async with world.running("b"):
        again = await world.create("other", expose={"host": "other.example"})
        await clock.until(world.is_done(again))
        assert host(world, key) == "web.example"
        assert exposed(world, key)["reason"] != "HostConflict"


@clock.virtual
async def test_a_model_that_asks_for_a_held_host_keeps_the_edge_that_it_has() -> None:
    world = operator_process.World()
    await world.cluster.create_by("shop", FOREIGN)
    async with world.running():
        key = await world.create("llama", expose={"host": "llama.example"})
        await clock.until(lambda: host(world, key) == "llama.example")
        await world.change(key, expose=WEB)
        await clock.until(lambda: exposed(world, key)["reason"] == "HostConflict")
        assert host(world, key) == "llama.example"
        assert told(world, key).startswith("http://llama.example/")
        world.cluster.remove(SHOP)
        await clock.until(lambda: host(world, key) == "web.example")


@clock.virtual
async def test_a_model_that_may_not_have_a_host_keeps_nobody_from_it() -> None:
    world = operator_process.World()
    async with world.running(allow={"domains": {"models": ("team.example",)}}):
        old = await world.create("a-first", expose=WEB)
        await clock.until(lambda: exposed(world, old)["reason"] == "NotAllowed")
        new = await world.create("b-second", namespace="others", expose=WEB)
        await clock.until(lambda: host(world, new) == "web.example")


@clock.virtual
async def test_of_two_that_an_earlier_release_gave_one_host_none_is_taken_down() -> None:
    world = operator_process.World()
    async with world.running():
        old = await world.create("a-first", expose=WEB)
        new = await world.create("b-second", namespace="others", expose={"host": "second.example"})
        await clock.until(lambda: has_host(world, old) and host(world, new) == "second.example")
    age(world, kinds.Ref("Ingress", *old), "2026-01-01T00:00:00Z")
    rules = world.cluster.objects[kinds.Ref("Ingress", *new)]["spec"]["rules"]
    both = [{**rules[0], "host": "web.example"}]
    await world.cluster.edit_by("vllm-operator", kinds.Ref("Ingress", *new), {"spec": {"rules": both}})
    await world.change(new, expose=WEB)
    async with world.running("b"):
        again = await world.create("other", expose={"host": "other.example"})
        await clock.until(world.is_done(again))
        assert [host(world, key) for key in (old, new)] == ["web.example", "web.example"]
