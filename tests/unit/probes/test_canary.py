"""When a model is asked, and with whose key. In virtual time."""

import asyncio
import base64
import itertools

import pytest

from tests import clock, fake_guards
from tests.fake_guards import KEY, MODEL, RIGHT
from tests.golden import render
from vllm_operator import guard
from vllm_operator.engine import verification
from vllm_operator.kube import kinds, naming
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.probes import http_client
from vllm_operator.status import guard_conditions, observed

CONFIGURED = guard.State(RIGHT, 0)


async def serving() -> fake_guards.FakeGuards:
    one = fake_guards.FakeGuards()
    await one.start("a", "10.0.0.1", CONFIGURED, ready=True)
    return one


@clock.virtual
async def test_a_model_is_asked_once_and_then_at_a_slow_pace() -> None:
    one = await serving()
    async with one.running():
        assert one.seen().verified == ConditionValue("True", "Verified", "a token came back through the Service", 1)
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
async def test_a_run_that_brought_nothing_new_costs_no_look_at_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    one = await serving()
    async with one.running():
        await asyncio.sleep(1)
        looks: list[kinds.Key] = []
        snapshot = observed.snapshot
        monkeypatch.setattr(observed, "snapshot", lambda cache, key: looks.append(key) or snapshot(cache, key))
        for _ in range(100):
            one.prober.enqueue(KEY)
            await asyncio.sleep(1)
        assert looks == []


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
        assert guard_conditions.verified(one.seen())[:2] == ("Unknown", "NoService")
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


@pytest.mark.parametrize("changes", ["keys", "servers"])
def test_an_answer_from_before_a_change_is_of_no_use(changes: str) -> None:
    @clock.virtual
    async def run() -> None:
        one = await serving()
        one.answer = http_client.Answer(reached=True, status=401, text="No valid API key")
        asked, told = one.ask_model, []

        async def changing(base: str, key: str, request: verification.Request) -> http_client.Answer:
            answer = await asked(base, key, request)
            number = len(one.requests)
            if number > 5:
                one.answer = fake_guards.TOKEN
            elif changes == "keys":
                one.write(f"v{number}")
                one.says["10.0.0.1"] = guard.State(f"v{number}", 0)
            else:
                one.end("a" if number == 1 else f"a{number - 1}")
                await one.start(f"a{number}", "10.0.0.1", CONFIGURED, ready=True, template=f"{number}a")
            one.prober.enqueue(KEY)
            return answer

        one.prober._canary._ask_model = changing
        async with one.running():
            for _ in range(100):
                await asyncio.sleep(1)
                told.append(guard_conditions.verified(one.seen()).status)
        assert set(told) == {"Unknown", "True"}

    run()


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
async def test_a_model_without_any_key_is_not_verified_for_ever() -> None:
    one = await serving()
    secret = one.store.get(kinds.Ref("Secret", "models", naming.client_secret("vllm11", "default")))
    assert secret
    async with one.running():
        one.put({**secret, "data": {"OPENAI_API_KEY": base64.b64encode(b"").decode()}})
        one.prober.enqueue(KEY)
        await asyncio.sleep(0.1)
        assert guard_conditions.verified(one.seen())[:2] == ("Unknown", "NoClientKey")
        await asyncio.sleep(3600)
        assert len(one.requests) == 1
        one.put(secret)
        one.prober.enqueue(KEY)
        await asyncio.sleep(0.1)
        assert guard_conditions.verified(one.seen()).status == "True"


@clock.virtual
async def test_a_model_whose_clients_can_spare_nothing_is_not_asked() -> None:
    one = await serving()
    one.change(2, access={"clients": [{"name": "default", "rateLimit": {"requests": 59, "unit": "Hour"}}]})
    async with one.running():
        await asyncio.sleep(3600)
        assert one.requests == []
        said = guard_conditions.verified(one.seen())
        assert (said.status, said.reason, said.generation) == ("Unknown", "NoSpareLimit", 2)


@clock.virtual
async def test_a_spec_that_cannot_be_read_is_not_asked_about(caplog: pytest.LogCaptureFixture) -> None:
    one = await serving()
    one.put({**MODEL, "spec": {"model": 7}})
    async with one.running():
        await asyncio.sleep(3600)
        assert (one.requests, one.seen().verified, caplog.messages) == ([], None, [])
