"""A model is asked for what is served now, whatever its spec says, and the verdict names the spec it is of. In virtual time."""

import asyncio

from tests import clock, fake_guards
from tests.fake_guards import KEY, RIGHT
from vllm_operator import guard
from vllm_operator.kube import kinds
from vllm_operator.probes import http_client
from vllm_operator.status import guard_conditions

CONFIGURED = guard.State(RIGHT, 0)
OLD, NEW = "facebook/opt-125m", "another"
RENAMED = {"source": "pvc://weights/facebook/opt-125m", "servedName": NEW}


async def serving() -> fake_guards.FakeGuards:
    one = fake_guards.FakeGuards()
    one.change(1, rolled_out=True)
    await one.start("a", "10.0.0.1", CONFIGURED, ready=True)
    return one


def generation(one: fake_guards.FakeGuards) -> int | None:
    return guard_conditions.verified(one.seen()).generation


@clock.virtual
async def test_the_old_name_is_asked_for_until_the_new_one_is_served() -> None:
    one = await serving()
    async with one.running():
        assert (one.names, generation(one)) == ([OLD], 1)
        renamed = one.change(2, model=RENAMED)
        await one.start("b", "10.0.0.2", CONFIGURED, template="2", model=renamed)
        one.prober.enqueue(KEY)
        await asyncio.sleep(3600)
        assert set(one.names) == {OLD}
        assert (guard_conditions.verified(one.seen()).status, generation(one)) == ("True", 1)

        one.end("b")
        await one.start("c", "10.0.0.3", CONFIGURED, ready=True, template="2", model=renamed)
        asked = len(one.names)
        one.prober.enqueue(KEY)
        await asyncio.sleep(3600)
        assert len(one.names) == asked, "either may answer"

        one.end("a")
        one.change(2, model=RENAMED, rolled_out=True)
        one.answer = http_client.Answer(reached=True, status=503, text="busy")
        one.prober.enqueue(KEY)
        await asyncio.sleep(1)
        assert (one.names[asked:], generation(one)) == ([NEW], 1), "nothing was seen of the new servers yet"
        one.answer = fake_guards.TOKEN
        await asyncio.sleep(10)
        assert (set(one.names[asked:]), generation(one)) == ({NEW}, 2)


@clock.virtual
async def test_servers_of_two_templates_that_serve_the_same_are_asked() -> None:
    one = await serving()
    async with one.running():
        await one.start("b", "10.0.0.2", CONFIGURED, ready=True, template="2")
        one.prober.enqueue(KEY)
        await asyncio.sleep(1500)
        assert len(one.names) in (2, 3)


@clock.virtual
async def test_a_spec_that_restarts_nothing_is_verified_with_the_servers_that_are_there() -> None:
    one = await serving()
    async with one.running():
        one.change(5, replicas=2, rolled_out=True)
        woken = one.woken
        one.prober.enqueue(KEY)
        await asyncio.sleep(1)
        assert (len(one.names), generation(one), one.woken) == (1, 5, woken + 1), (
            "told at once, so that no check finds news"
        )


@clock.virtual
async def test_a_paused_spec_is_not_what_was_verified() -> None:
    one = await serving()
    deployment = one.store.get(kinds.Ref("Deployment", "models", "vllm11"))
    assert deployment
    async with one.running():
        one.change(2, model=RENAMED, paused=True)
        one.put(deployment)
        one.prober.enqueue(KEY)
        await asyncio.sleep(3600)
        assert (set(one.names), generation(one)) == ({OLD}, 1)


@clock.virtual
async def test_after_a_restart_of_the_operator_the_generation_is_that_of_the_status() -> None:
    one = await serving()
    told = {"type": "Verified", "status": "True", "reason": "Verified", "message": "", "observedGeneration": 3}
    one.put({**one.change(7, model=RENAMED), "status": {"conditions": [told]}})
    async with one.running():
        assert (one.names, generation(one)) == ([OLD], 3)


@clock.virtual
async def test_a_status_from_before_the_newest_template_is_no_rollout() -> None:
    one = await serving()
    async with one.running():
        one.change(2, rolled_out=True, observed=1, engine={"args": ["--enforce-eager"]})
        one.prober.enqueue(KEY)
        await asyncio.sleep(1)
        assert generation(one) == 1
