"""When a model is asked for a token, and what is believed of its answers. In virtual time."""

import asyncio
import base64
import itertools

import pytest

from tests import clock, fake_guards, observations
from tests.fake_guards import KEY, MODEL, RIGHT
from tests.golden import render
from vllm_operator import api, guard
from vllm_operator.engine import verification
from vllm_operator.kube import kinds, naming
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.probes import canary, http_client
from vllm_operator.status import guard_conditions

CONFIGURED = guard.State(RIGHT, 0)
WRONG = http_client.Answer(reached=True, status=500, text='{"error": {"message": "EngineCore died.\\nTraceback"}}')
AWAY = http_client.Answer(reached=False)


async def serving() -> fake_guards.FakeGuards:
    one = fake_guards.FakeGuards()
    await one.start("a", "10.0.0.1", CONFIGURED, ready=True)
    return one


@clock.virtual
async def test_a_model_is_asked_once_and_then_at_a_slow_pace() -> None:
    one = await serving()
    async with one.running():
        assert one.seen().verified == ConditionValue("True", "Verified", "a token came back through the Service")
        assert [request[1:] for request in one.requests] == [("http://vllm11.models.svc", render.KEYS["default"])]
        for _ in range(100):
            one.prober.enqueue(KEY)
            await asyncio.sleep(1)
        assert len(one.requests) == 1
        await asyncio.sleep(3600)
        times = [at for at, *_ in one.requests]
        assert all(later - earlier >= 600 for earlier, later in itertools.pairwise(times))
        assert len(times) >= 5


@clock.virtual
async def test_nobody_is_asked_where_none_is_ready() -> None:
    one = fake_guards.FakeGuards()
    await one.start("a", "10.0.0.1", CONFIGURED)
    async with one.running():
        await asyncio.sleep(3600)
        assert one.requests == []
        assert guard_conditions.verified(one.seen()).reason == "NotServing"


@clock.virtual
async def test_no_key_is_sent_to_a_service_of_somebody_else() -> None:
    one = await serving()
    service = next(child for child in render.desired(MODEL) if child["kind"] == "Service")
    labels = {naming.MODEL_LABEL: "vllm11"}
    one.put({**service, "metadata": {"name": "vllm11", "namespace": "models", "labels": labels}})
    async with one.running():
        await asyncio.sleep(3600)
        assert one.requests == []
        one.store.drop(kinds.ref(service))
        await asyncio.sleep(3600)
        assert one.requests == []
        one.put(service)
        one.prober.enqueue(KEY)
        await asyncio.sleep(1)
        assert len(one.requests) == 1


@clock.virtual
async def test_a_secret_of_somebody_else_speaks_for_no_client() -> None:
    one = await serving()
    secret = next(child for child in render.desired(MODEL) if child["metadata"]["name"] == "vllm11.key.default")
    labels = {naming.MODEL_LABEL: "vllm11"}
    one.put({**secret, "metadata": {"name": "vllm11.key.default", "namespace": "models", "labels": labels}})
    async with one.running():
        await asyncio.sleep(3600)
        assert one.requests == []


@clock.virtual
async def test_each_rollout_is_verified_when_it_is_complete() -> None:
    one = await serving()
    async with one.running():
        await one.start("b", "10.0.0.2", CONFIGURED, ready=True, template="2")
        one.prober.enqueue(KEY)
        await asyncio.sleep(1)
        assert len(one.requests) == 1
        one.end("a")
        one.prober.enqueue(KEY)
        await asyncio.sleep(1)
        assert len(one.requests) == 2
        await asyncio.sleep(500)
        assert len(one.requests) == 2


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
        assert len(one.requests) < 16
        one.answer = fake_guards.TOKEN
        await asyncio.sleep(601)
        assert guard_conditions.verified(one.seen()).status == "True"


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
        await asyncio.sleep(100)
        assert len(one.requests) == 3
        assert guard_conditions.verified(one.seen()).status == "True"
        assert one.woken == woken


@clock.virtual
async def test_a_busy_model_stays_what_it_was() -> None:
    one = await serving()
    async with one.running():
        for status in verification.BUSY:
            one.answer = http_client.Answer(reached=True, status=status, text="try again")
            await asyncio.sleep(800)
        assert len(one.requests) > 3
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
async def test_a_new_key_is_not_tried_before_every_guard_has_it() -> None:
    one = await serving()
    async with one.running():
        one.write("newer")
        await one.start("b", "10.0.0.2", CONFIGURED, ready=True, template="2")
        one.end("a")
        one.prober.enqueue(KEY)
        await asyncio.sleep(5)
        assert len(one.requests) == 1
        one.says["10.0.0.2"] = guard.State("newer", 0)
        await asyncio.sleep(3)
        assert len(one.requests) == 2


@clock.virtual
async def test_an_answer_to_a_key_that_changed_meanwhile_is_forgotten() -> None:
    one = await serving()
    one.answer = WRONG
    asked = one.ask_model

    async def rotating(base: str, key: str, request: verification.Request) -> http_client.Answer:
        answer = await asked(base, key, request)
        one.write("newer")
        one.says["10.0.0.1"] = guard.State("newer", 0)
        one.prober.enqueue(KEY)
        return answer

    one.prober._canary._ask = rotating
    async with one.running():
        one.answer = fake_guards.TOKEN
        await asyncio.sleep(3)
        assert guard_conditions.verified(one.seen()).status == "True"


@clock.virtual
async def test_what_is_known_goes_with_the_last_server() -> None:
    one = await serving()
    async with one.running():
        one.end("a")
        one.prober.enqueue(KEY)
        await asyncio.sleep(1)
        assert one.seen().verified is None
        await one.start("b", "10.0.0.2", CONFIGURED, ready=True)
        one.prober.enqueue(KEY)
        await asyncio.sleep(1)
        assert len(one.requests) == 2


@clock.virtual
async def test_without_a_key_nothing_is_asked() -> None:
    one = await serving()
    name = naming.client_secret("vllm11", "default")
    secret = one.store.get(kinds.Ref("Secret", "models", name))
    assert secret
    one.put({**secret, "data": {"OPENAI_API_KEY": base64.b64encode(b"").decode()}})
    async with one.running():
        await asyncio.sleep(700)
        assert one.requests == []


def test_it_is_asked_with_the_key_of_a_client_whose_time_is_not_over() -> None:
    clients = [{"name": "team-a", "expiresAt": "2025-12-31T23:59:59Z"}, {"name": "team-b"}]
    seen = observations.state(observations.model({"access": {"clients": clients}}), observations.serving())
    spec, now = api.Spec.model_validate(seen.model["spec"]), api.unix(render.NOW)
    assert [canary._client_key(seen, spec, at) for at in (now, now - 5)] == [
        render.KEYS["team-b"],
        render.KEYS["team-a"],
    ]
