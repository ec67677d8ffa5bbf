"""Models that are known to fail, whose questions may take a minute each, are asked a few at a time, and few of one namespace."""

import asyncio
import contextlib

import pytest

from tests import clock, fake_guards
from tests.fake_guards import KEY, RIGHT
from vllm_operator import guard
from vllm_operator.probes import canary, http_client

CONFIGURED = guard.State(RIGHT, 0)
HANGS = http_client.Answer(reached=True, text="none came within 60 s")


async def rolled_out(one: fake_guards.FakeGuards, name: str, before: str) -> None:
    """Roll a new version out, whose server hangs."""
    one.answer = HANGS
    await one.start(name, f"10.0.0.{ord(name)}", CONFIGURED, ready=True, template=name)
    one.end(before)
    one.prober.enqueue(KEY)


def taken(one: fake_guards.FakeGuards, namespaces: list[str]) -> contextlib.ExitStack:
    """Take a seat for each namespace."""
    stack = contextlib.ExitStack()
    for namespace in namespaces:
        stack.enter_context(one.prober._canary._failing.taken(namespace))
    return stack


FULL = {
    "all seats are taken": [str(number) for number in range(2 * canary.FAILING)],
    "its own namespace has its share": [KEY.namespace] * canary.FAILING,
}


@pytest.mark.parametrize("namespaces", FULL.values(), ids=FULL)
@clock.virtual
async def test_models_that_fail_hold_up_none_that_was_rolled_out(namespaces: list[str]) -> None:
    one = fake_guards.FakeGuards()
    await one.start("a", "10.0.0.1", CONFIGURED, ready=True)
    async with one.running():
        with taken(one, namespaces):
            await rolled_out(one, "b", before="a")
            await asyncio.sleep(300)
            assert len(one.requests) == 2, "the newest rollout is verified once, and not again for now"
            await rolled_out(one, "c", before="b")
            await asyncio.sleep(1)
            assert len(one.requests) == 3, "another one is"
        await asyncio.sleep(30)
        assert len(one.requests) > 3


@clock.virtual
async def test_a_namespace_whose_models_all_hang_keeps_no_other_from_being_asked_again() -> None:
    one = fake_guards.FakeGuards()
    await one.start("a", "10.0.0.1", CONFIGURED, ready=True)
    async with one.running():
        with contextlib.ExitStack() as greedy:
            while one.prober._canary._failing.is_free("greedy"):
                greedy.enter_context(one.prober._canary._failing.taken("greedy"))
            await rolled_out(one, "b", before="a")
            await asyncio.sleep(30)
            assert len(one.requests) > 3
