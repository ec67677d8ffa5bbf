"""What is believed of a model's answers, and how soon it is asked again. In virtual time."""

import asyncio

import pytest

from tests import clock, fake_guards
from tests.fake_guards import KEY, RIGHT
from vllm_operator import guard
from vllm_operator.engine import verification
from vllm_operator.probes import http_client
from vllm_operator.status import guard_conditions

CONFIGURED = guard.State(RIGHT, 0)
WRONG = http_client.Answer(reached=True, status=500, text='{"error": {"message": "EngineCore died.\\nTraceback"}}')
AWAY = http_client.Answer(reached=False)


async def serving() -> fake_guards.FakeGuards:
    one = fake_guards.FakeGuards()
    await one.start("a", "10.0.0.1", CONFIGURED, ready=True)
    return one


@clock.virtual
async def test_a_wrong_answer_is_believed_the_second_time_and_asked_about_ever_less() -> None:
    one = await serving()
    one.answer = WRONG
    async with one.running():
        assert one.seen().verified is None
        await asyncio.sleep(3)
        said = guard_conditions.verified(one.seen())
        assert said[:2] == ("False", "AnswerWrong")
        assert said.message.endswith("was answered 500: EngineCore died.")
        await asyncio.sleep(3600)
        assert len(one.requests) < 100
        one.answer = fake_guards.TOKEN
        await asyncio.sleep(61)
        assert guard_conditions.verified(one.seen()).status == "True", "it healed without a new pod"


@clock.virtual
async def test_one_wrong_answer_takes_no_model_away() -> None:
    one = await serving()
    async with one.running():
        one.answer = WRONG
        await one.start("b", "10.0.0.2", CONFIGURED, ready=True, template="2")
        one.end("a")
        one.prober.enqueue(KEY)
        await asyncio.sleep(0.5)
        one.answer = fake_guards.TOKEN
        woken = one.woken
        assert one.seen().asked == {"1"}
        await asyncio.sleep(100)
        assert len(one.requests) == 3
        assert guard_conditions.verified(one.seen()).status == "True"
        assert one.seen().asked == {"2"}, "of these servers it is known now"
        assert one.woken == woken + 1


@clock.virtual
async def test_a_busy_model_stays_what_it_was() -> None:
    one = await serving()
    async with one.running():
        for status in verification.BUSY:
            one.answer = http_client.Answer(reached=True, status=status, text="try again")
            await asyncio.sleep(3600)
        assert 3 < len(one.requests) < 40
        assert guard_conditions.verified(one.seen()).status == "True"


@pytest.mark.parametrize("answer", [AWAY, WRONG])
def test_what_is_said_is_the_same_each_time(answer: http_client.Answer) -> None:
    @clock.virtual
    async def run() -> None:
        one = await serving()
        one.answer = answer
        async with one.running():
            await asyncio.sleep(10)
            said, woken = guard_conditions.verified(one.seen()), one.woken
            await asyncio.sleep(7200)
            assert (guard_conditions.verified(one.seen()), one.woken) == (said, woken)
            assert said.status == ("False" if answer.reached else "Unknown")

    run()


@clock.virtual
async def test_a_failing_model_costs_a_client_a_tenth_of_its_limit_at_most() -> None:
    one = await serving()
    one.change(2, access={"clients": [{"name": "default", "rateLimit": {"requests": 60, "unit": "Hour"}}]})
    one.answer = WRONG
    async with one.running():
        await asyncio.sleep(3600)
        in_the_first_hour = len(one.requests)
        await asyncio.sleep(36_000)
        assert in_the_first_hour < 20
        assert len(one.requests) - in_the_first_hour <= 10 * 60 / 10 * 4 / 3
