"""Every server of a model is asked in turn, and one that does not answer is named. In virtual time."""

import asyncio

import pytest

from tests import clock, fake_guards
from tests.fake_guards import KEY, RIGHT
from vllm_operator import guard
from vllm_operator.engine import verification
from vllm_operator.probes import http_client, verdict
from vllm_operator.status import guard_conditions

CONFIGURED = guard.State(RIGHT, 0)
SERVICE = "http://vllm11.models.svc"
SERVERS = {"a": "10.0.0.1", "b": "10.0.0.2", "c": "fd00::3"}
URLS = {"a": "http://10.0.0.1:8000", "b": "http://10.0.0.2:8000", "c": "http://[fd00::3]:8000"}
HUNG = http_client.Answer(reached=True, text="none came within 60 s")
BUSY = http_client.Answer(reached=True, status=503, text="try again")
AWAY = http_client.Answer(reached=False)


class Fleet(fake_guards.FakeGuards):
    """A model with three servers; `answers`: what those answer that do not answer rightly, by URL."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = dict[str, http_client.Answer]()

    async def ask_model(self, base: str, key: str, request: verification.Request) -> http_client.Answer:
        usual = await super().ask_model(base, key, request)
        return self.answers.get(base, usual)

    def asked_urls(self) -> list[str]:
        return [url for _, url, _ in self.requests]


async def fleet() -> Fleet:
    found = Fleet()
    for name, address in SERVERS.items():
        await found.start(name, address, CONFIGURED, ready=True)
    return found


@clock.virtual
async def test_the_service_and_then_each_server_is_asked_one_in_a_round() -> None:
    one = await fleet()
    async with one.running():
        await asyncio.sleep(7200)
        assert one.asked_urls()[:9] == [SERVICE, *URLS.values(), SERVICE, *URLS.values(), SERVICE]
        assert one.woken <= 4, "each guard was heard, and one verdict"


@clock.virtual
async def test_a_server_alone_is_asked_through_the_service() -> None:
    one = Fleet()
    await one.start("a", SERVERS["a"], CONFIGURED, ready=True)
    async with one.running():
        await asyncio.sleep(3600)
        assert set(one.asked_urls()) == {SERVICE}


@clock.virtual
async def test_a_server_that_does_not_answer_is_named_and_asked_until_it_does() -> None:
    one = await fleet()
    one.answers = {URLS["b"]: HUNG}
    async with one.running():
        await clock.until(lambda: guard_conditions.verified(one.seen()).status == "False", 3600)
        said = guard_conditions.verified(one.seen())
        assert said.reason == "OneServerWrong"
        assert said.message == (
            "a request to the server in the pod b, with a client's key, got no answer: none came within 60 s"
        )
        assert one.asked_urls() == [SERVICE, URLS["a"], URLS["b"], URLS["b"]]
        one.answers = {}
        await asyncio.sleep(61)
        assert guard_conditions.verified(one.seen()).status == "True"


@clock.virtual
async def test_one_wrong_server_ends_no_other_verification() -> None:
    """Two dead workers behind two open doors: nobody gets a token, and the model is not available."""
    one = await fleet()
    one.end("c")
    async with one.running():
        await asyncio.sleep(5)
        one.answers = {SERVICE: HUNG, URLS["a"]: HUNG, URLS["b"]: HUNG}
        await clock.until(lambda: guard_conditions.verified(one.seen()).reason == "OneServerWrong", 3600)
        await clock.until(lambda: guard_conditions.verified(one.seen()).reason == "AnswerWrong", 600)
        one.answers = {URLS["b"]: HUNG}
        await clock.until(lambda: guard_conditions.verified(one.seen()).reason == "OneServerWrong", 600)
        assert "the pod b" in guard_conditions.verified(one.seen()).message
        before = len(one.requests)
        await asyncio.sleep(600)
        assert set(one.asked_urls()[before:]) == {SERVICE, URLS["a"], URLS["b"]}
        assert guard_conditions.verified(one.seen()).reason == "OneServerWrong", "others that answer make it not right"


@clock.virtual
async def test_a_server_that_is_gone_takes_what_was_said_of_it_along() -> None:
    one = await fleet()
    one.answers = {URLS["b"]: HUNG}
    async with one.running():
        await clock.until(lambda: guard_conditions.verified(one.seen()).status == "False", 3600)
        one.end("b")
        one.prober.enqueue(KEY)
        await asyncio.sleep(61)
        assert guard_conditions.verified(one.seen()).status == "True"


@pytest.mark.parametrize("answer", [BUSY, AWAY], ids=["busy", "not reached"])
def test_a_server_that_tells_nothing_holds_up_no_other(answer: http_client.Answer) -> None:
    @clock.virtual
    async def run() -> None:
        one = await fleet()
        one.answers = {URLS["a"]: answer}
        async with one.running():
            await asyncio.sleep(7200)
            assert set(one.asked_urls()) == {SERVICE, *URLS.values()}
            assert guard_conditions.verified(one.seen()).status == "True"

    run()


@clock.virtual
async def test_a_rollout_is_verified_through_the_service() -> None:
    one = await fleet()
    async with one.running():
        await asyncio.sleep(1000)
        for name in SERVERS:
            one.end(name)
        for name, address in SERVERS.items():
            await one.start(f"{name}2", address, CONFIGURED, ready=True, template="2")
        before = len(one.requests)
        one.prober.enqueue(KEY)
        await asyncio.sleep(1)
        assert one.asked_urls()[before:] == [SERVICE]


def test_the_next_in_turn_is_asked_where_one_is_gone() -> None:
    assert verdict.Verdict(server="b").turn(["a", "c", "d"]) == "c"
    assert verdict.Verdict(server="d").turn(["a", "c"]) == ""
    assert verdict.Verdict(server="d").turn(["a"]) == ""
