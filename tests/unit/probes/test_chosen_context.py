"""Where vLLM chooses the length of the context, its servers are asked for it, once for each pod template. In virtual time."""

import asyncio
import json

from tests import clock, fake_guards
from tests.fake_guards import KEY, RIGHT
from vllm_operator import guard
from vllm_operator.engine import verification
from vllm_operator.probes import http_client

CONFIGURED = guard.State(RIGHT, 0)
AUTO = {"maxModelLen": "auto"}


class Choosing(fake_guards.FakeGuards):
    """Servers that have chosen `length`; `listed`: how often they were asked what they serve."""

    length: object = 24_576
    listed = 0

    async def ask_model(self, base: str, key: str, request: verification.Request) -> http_client.Answer:
        if request.path != "/v1/models":
            return await super().ask_model(base, key, request)
        assert request.method == "GET"
        self.listed += 1
        return http_client.Answer(reached=True, status=200, text=json.dumps({"data": [{"max_model_len": self.length}]}))


async def serving(**engine: object) -> Choosing:
    one = Choosing()
    model = one.change(1, rolled_out=True, engine=engine)
    await one.start("a", "10.0.0.1", CONFIGURED, ready=True, model=model)
    return one


@clock.virtual
async def test_a_chosen_context_is_asked_for_once_and_told() -> None:
    one = await serving(**AUTO)
    async with one.running():
        assert (one.prober.context(KEY), one.listed) == (24_576, 1)
        woken = one.woken
        await asyncio.sleep(7200)
        assert (one.listed, one.woken) == (1, woken)


@clock.virtual
async def test_a_context_that_the_spec_or_the_weights_say_is_not_asked_for() -> None:
    for engine in ({}, {"maxModelLen": 4096}):
        one = await serving(**engine)
        async with one.running():
            await asyncio.sleep(7200)
            assert (one.prober.context(KEY), one.listed) == (None, 0)


@clock.virtual
async def test_servers_of_another_template_are_asked_anew() -> None:
    one = await serving(**AUTO)
    async with one.running():
        one.length = 8192
        again = one.change(2, rolled_out=True, engine={**AUTO, "args": ["--enforce-eager"]})
        await one.start("b", "10.0.0.2", CONFIGURED, ready=True, template="2", model=again)
        one.end("a")
        one.prober.enqueue(KEY)
        await asyncio.sleep(10)
        assert (one.prober.context(KEY), one.listed) == (8192, 2)


@clock.virtual
async def test_an_answer_that_names_no_length_is_no_length() -> None:
    one = await serving(**AUTO)
    for one.length in (None, "24576", -1, 10**30, [1]):
        async with one.running():
            await asyncio.sleep(1)
            assert one.prober.context(KEY) is None
        one = await serving(**AUTO)
