"""One host and path is one model's: the oldest has it, the others are told, and hear of it when it is free."""

from tests import clock, operator_process
from vllm_operator.controller import hosts
from vllm_operator.kube import conditions, kinds

OLD, NEW, OTHER = (kinds.Key("models", name) for name in ("old", "new", "other"))
WEB = ("web.example", "")


def test_the_oldest_has_the_host_whoever_asks_first() -> None:
    woken: list[kinds.Key] = []
    table = hosts.Hosts(woken.append)
    assert table.claim(NEW, "2026-02", WEB) is None
    assert table.claim(OLD, "2026-01", WEB) is None
    assert woken == [NEW]
    assert table.claim(NEW, "2026-02", WEB) == OLD
    assert table.claim(OTHER, "2026-02", ("web.example", "/other")) is None
    assert woken == [NEW]


def test_models_of_one_moment_are_told_apart_by_their_names() -> None:
    table = hosts.Hosts()
    table.claim(OLD, "2026-01", WEB)
    assert table.claim(NEW, "2026-01", WEB) is None
    assert table.claim(OLD, "2026-01", WEB) == NEW


def test_whoever_waits_for_a_host_hears_when_it_is_free() -> None:
    for leave in ("forget", "move", "close"):
        woken: list[kinds.Key] = []
        table = hosts.Hosts(woken.append)
        table.claim(OLD, "2026-01", WEB)
        assert table.claim(NEW, "2026-02", WEB) == OLD
        woken.clear()
        if leave == "forget":
            table.forget(OLD)
        else:
            table.claim(OLD, "2026-01", ("b.example", "") if leave == "move" else None)
        assert woken == [NEW]
        assert table.claim(NEW, "2026-02", WEB) is None


def test_what_is_said_again_wakes_nobody() -> None:
    woken: list[kinds.Key] = []
    table = hosts.Hosts(woken.append)
    table.claim(OLD, "2026-01", WEB)
    table.claim(NEW, "2026-02", WEB)
    woken.clear()
    for _ in range(3):
        table.claim(OLD, "2026-01", WEB)
        table.claim(NEW, "2026-02", WEB)
    assert woken == []


@clock.virtual
async def test_the_younger_model_says_that_its_host_is_taken_until_the_older_one_is_gone() -> None:
    world = operator_process.World()
    expose = {"host": "web.example"}
    async with world.running():
        old = await world.create("a-first", expose=expose)
        await clock.until(world.is_done(old))
        new = await world.create("b-second", expose=expose)
        await clock.until(lambda: reason(world, new) == "HostTaken")
        assert reason(world, old) != "HostTaken"
        world.cluster.remove(operator_process.model(old))
        await clock.until(lambda: reason(world, new) != "HostTaken")


def reason(world: operator_process.World, key: kinds.Key) -> str:
    live = world.cluster.objects.get(operator_process.model(key), {})
    return str((conditions.condition(live, "Exposed") or {}).get("reason"))
