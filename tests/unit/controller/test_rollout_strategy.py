"""A new version takes the place of the one before: beside it where an accelerator is free, else after it, and said either way.

Every three seconds an operator is started anew, so nothing that is decided here is remembered by a process.
"""

from typing import Any

from tests import clock, servers

ASKED: dict[str, Any] = {"resources": {"limits": {servers.GPU: 1}}, "engine": {"image": "registry.example/vllm:1"}}


def engine(*args: str) -> dict[str, Any]:
    return {"engine": {"image": "registry.example/vllm:1", "args": list(args)}}


async def served(gpus: int, **more: Any) -> servers.ServerHarness:
    """Return a model that serves on a node with so many accelerators."""
    found = servers.ServerHarness(gpus)
    await found.begin(**{**ASKED, **more})
    await found.settles("Serving")
    found.least, found.silent, found.orders = 1000, 0, []
    return found


@clock.virtual
async def test_where_an_accelerator_is_free_a_server_always_answers() -> None:
    model = await served(2)
    await model.change(**{**ASKED, **engine("--seed=1")})
    await model.passes(60)
    assert model.condition("Ready")["reason"] == "Serving"
    assert (model.least, model.silent, model.orders) == (1, 0, [1])
    assert all("--seed=1" in arguments for arguments in model.ready())


@clock.virtual
async def test_where_the_only_accelerator_is_held_the_old_server_makes_room_once_and_the_order_goes_back() -> None:
    model = await served(1)
    await model.change(**{**ASKED, **engine("--seed=1")})
    await model.passes(120)
    assert model.condition("Ready")["reason"] == "Serving"
    assert model.orders == [1, 0, 1]
    assert 0 < model.silent <= 36


@clock.virtual
async def test_before_during_and_after_it_is_said_how_long_nothing_answers() -> None:
    model = await served(1)
    await model.change(**{**ASKED, **engine("--seed=1")})
    await model.settles("Unschedulable")
    assert "Auto, so an earlier server is stopped for it at 2027-01-15T08:" in model.condition("Ready")["message"]
    assert "nothing answers from then until the new one has loaded" in model.condition("Ready")["message"]
    assert model.again is not None
    assert 0 < model.again <= 30, "no event tells of that moment"
    await model.settles("Recreating")
    await model.passes(1)
    assert (
        "is being stopped, and a new server takes its room; nothing answers since 2027-"
        in model.condition("Ready")["message"]
    )
    await model.settles("Starting")
    assert "nothing answers since 2027-" in model.condition("Progressing")["message"]
    await model.settles("Serving")
    outage = model.api.objects[servers.harness.MODEL]["status"]["lastOutage"]
    assert outage["ended"] > outage["began"]
    assert f"nothing answered for {model.silent}s, from {outage['began']}" in model.condition("Progressing")["message"]


@clock.virtual
async def test_of_several_servers_one_at_a_time_makes_room() -> None:
    model = await served(3, replicas=3)
    await model.change(replicas=3, **{**ASKED, **engine("--seed=1")})
    await model.passes(200)
    assert model.condition("Ready")["reason"] == "Serving"
    assert (model.least, model.orders) == (2, [1, 0, 1])


@clock.virtual
async def test_a_server_that_asks_for_more_than_the_old_one_holds_takes_nothing_down() -> None:
    """Nobody could say that it would find room then."""
    model = await served(1)
    more = {"resources": {"limits": {servers.GPU: 2}}}
    await model.change(**{**ASKED, **more})
    await model.passes(100)
    assert (model.least, model.orders) == (1, [1])
    assert "or set spec.rollout.strategy to Recreate" in model.condition("Ready")["message"]
    await model.change(**{**ASKED, **more}, rollout={"strategy": "Recreate"})
    await model.passes(20)
    assert model.least == 0


@clock.virtual
async def test_a_server_that_may_run_elsewhere_takes_nothing_down() -> None:
    model = await served(1)
    await model.change(**ASKED, scheduling={"nodeSelector": {"pool": "other"}})
    await model.passes(100)
    assert (model.least, model.orders) == (1, [1])


@clock.virtual
async def test_where_a_node_is_cordoned_nothing_is_taken_down_for_it_may_be_the_old_servers() -> None:
    model = await served(1)
    model.words = f"0/2 nodes are available: 1 Insufficient {servers.GPU}, 1 node(s) were unschedulable."
    await model.change(**{**ASKED, **engine("--seed=1")})
    await model.passes(100)
    assert (model.least, model.orders) == (1, [1])


@clock.virtual
async def test_a_stuck_surge_says_the_way_out_and_goes_on_once_it_is_taken() -> None:
    surge = {"rollout": {"strategy": "Surge"}}
    model = await served(1, **surge)
    await model.change(**{**ASKED, **engine("--seed=1")}, **surge)
    await model.passes(100)
    assert (model.least, model.orders) == (1, [1])
    assert model.condition("Ready")["reason"] == "Unschedulable"
    assert (
        f"free {servers.GPU}, or set spec.rollout.strategy to Recreate or Auto" in model.condition("Ready")["message"]
    )
    assert "answer: 0 of 1, of an earlier one: 1" in model.condition("Progressing")["message"]
    await model.change(**{**ASKED, **engine("--seed=1")}, rollout={"strategy": "Auto"})
    await model.settles("Serving")
    assert model.orders == [1, 0, 1]


@clock.virtual
async def test_recreate_stops_first_also_where_an_accelerator_is_free() -> None:
    recreate = {"rollout": {"strategy": "Recreate"}}
    model = await served(2, **recreate)
    await model.change(**{**ASKED, **engine("--seed=1")}, **recreate)
    await model.passes(100)
    assert model.condition("Ready")["reason"] == "Serving"
    assert (model.least, model.orders) == (0, [0])


@clock.virtual
async def test_pods_that_vanish_on_the_way_change_no_decision() -> None:
    model = await served(1)
    await model.change(**{**ASKED, **engine("--seed=1")})
    for _ in range(12):
        await model.passes(7)
        for pod in model.pods():
            if not servers.is_ready(pod) and "--seed=1" in pod["spec"]["containers"][0]["args"]:
                model.lose(pod["metadata"]["name"])
    await model.settles("Serving")
    assert model.orders == [1, 0, 1]


@clock.virtual
async def test_a_scale_up_that_finds_no_room_stops_nobody() -> None:
    model = await served(1)
    await model.change(replicas=2, **ASKED)
    await model.passes(100)
    assert (model.least, model.orders) == (1, [1])
    assert model.condition("Ready")["reason"] == "Unschedulable"


MORE = {"resources": {"limits": {servers.GPU: 1, "memory": "64Gi"}}}


@clock.virtual
async def test_a_first_version_that_never_worked_makes_room_for_whatever_comes_next() -> None:
    """The commonest case: it had too little memory, holds the only accelerator, and the spec asks for more now."""
    model = servers.ServerHarness(1)
    model.works = lambda engine: "--seed=1" in engine["args"]
    await model.begin(**ASKED)
    await model.settles("EngineFailed")
    await model.change(**{**ASKED, **MORE, **engine("--seed=1")})
    seconds = await model.settles("Serving")
    assert seconds < 2 * servers.STEP + model.load + model.grace + 10


@clock.virtual
async def test_so_does_a_later_one_and_a_verified_one_that_is_away_for_a_moment_does_not() -> None:
    model = await served(1)
    model.works = lambda engine: "--seed=1" not in engine["args"]
    await model.change(**{**ASKED, **engine("--seed=1")})
    await model.settles("EngineFailed")
    await model.change(**{**ASKED, **MORE, **engine("--seed=2")})
    await model.settles("Serving")
    await model.passes(6)
    model.load = 1000
    model.lose(model.pods()[0]["metadata"]["name"])
    await model.passes(6)
    await model.change(**{**ASKED, "resources": {"limits": {servers.GPU: 2}}, **engine("--seed=3")})
    await model.passes(100)
    assert len([pod for pod in model.pods() if "--seed=2" in pod["spec"]["containers"][0]["args"]]) == 1
