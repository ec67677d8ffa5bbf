"""Pages of other origins: those named may call from a browser, and read each answer; of others nothing is said."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import pytest

from tests.guard import fake_engine, rig
from vllm_operator import guard

if TYPE_CHECKING:
    from tests.guard.conftest import Start

PAGE, OTHER = "https://app.example.com:8443", "https://app.example.com"
COMPLETE = ("POST", "/v1/completions")
ALLOW, EXPOSE = "access-control-allow-origin", "access-control-expose-headers"


def opened(*origins: str, limit: guard.RateLimit = rig.MINUTE) -> guard.Access:
    return dataclasses.replace(rig.access(limit=limit), origins=origins)


def preflight(running: rig.Guard, method: str, path: str, origin: str = PAGE) -> rig.Reply:
    headers = {"access-control-request-headers": "authorization,content-type", "access-control-request-method": method}
    return running.ask("OPTIONS", path, origin=origin, **headers)


def said(reply: rig.Reply) -> set[str]:
    return {name.lower() for name in reply.headers if name.lower().startswith("access-control-")}


def test_preflight_needs_no_key_and_is_answered_for_every_documented_endpoint(
    start: Start, engine: fake_engine.Engine
) -> None:
    running = start(opened(PAGE))
    for method, path, _ in rig.ENDPOINTS:
        reply = preflight(running, method, path)
        assert (reply.status, reply.headers[ALLOW]) == (200, PAGE)
        assert reply.headers["access-control-allow-methods"] == method
        assert {"authorization", "content-type"} <= set(reply.headers["access-control-allow-headers"].split(", "))
    assert not engine.seen


def test_preflight_of_what_is_not_documented_gets_nothing(start: Start) -> None:
    running = start(opened("*"))
    for method, path in (
        ("GET", "/v1/completions"), ("POST", "/v1/models"), ("POST", "/v1/load_lora_adapter"), ("POST", "/pause"),
        ("DELETE", "/v1/models"), ("POST", "/v1/completions/"), ("GET", "/"),
    ):  # fmt: skip
        reply = preflight(running, method, path)
        assert reply.status in {401, 404}
        assert not {name for name in said(reply) if "allow-methods" in name or "allow-headers" in name}
    assert running.ask("OPTIONS", "/v1/completions", origin=PAGE).status == 401


@pytest.mark.parametrize("origin", [OTHER, f"{PAGE}.evil.example", PAGE.upper(), "null", "", "https://evil.example"])
def test_other_origins_are_told_nothing(start: Start, origin: str) -> None:
    running = start(opened(PAGE))
    assert said(preflight(running, *COMPLETE, origin)) == set()
    reply = running.ask(*COMPLETE, rig.KEY, b"{}", origin=origin)
    assert (reply.status, said(reply)) == (200, set())


def test_errors_can_be_read_by_the_page(start: Start, engine: fake_engine.Engine) -> None:
    running = start(opened(PAGE, limit=guard.RateLimit(1, "Hour")))
    answers = {
        401: running.ask(*COMPLETE, origin=PAGE),
        200: running.ask(*COMPLETE, rig.KEY, b"{}", origin=PAGE),
        429: running.ask(*COMPLETE, rig.KEY, b"{}", origin=PAGE),
        404: running.ask("GET", "/v1/unknown", rig.KEY, origin=PAGE),
    }
    engine.script = fake_engine.answer(503)
    answers[503] = running.ask("GET", "/health", origin=PAGE)
    for status, reply in answers.items():
        assert (reply.status, reply.headers.get_all(ALLOW), reply.headers["vary"]) == (status, [PAGE], "Origin")
        assert {"retry-after", "x-request-id", "x-ratelimit-remaining"} <= set(reply.headers[EXPOSE].split(", "))
        assert said(reply) == {ALLOW, EXPOSE}


def test_an_expired_key_can_be_read_by_the_page(start: Start) -> None:
    client = guard.Client("team-a", rig.MINUTE, (guard.Credential(rig.KEY, 1),))
    reply = start(guard.Access((client,), "localhost", (PAGE,))).ask(*COMPLETE, rig.KEY, b"{}", origin=PAGE)
    assert (reply.status, reply.headers[ALLOW]) == (401, PAGE)


def test_engines_own_words_on_origins_are_not_passed_on(start: Start, engine: fake_engine.Engine) -> None:
    """By itself vLLM lets the pages of every origin read."""
    engine.script = fake_engine.answer(access_control_allow_origin="*", access_control_allow_credentials="true")
    running = start(opened(PAGE))
    assert running.ask(*COMPLETE, rig.KEY, b"{}", origin=PAGE).headers.get_all(ALLOW) == [PAGE]
    assert said(running.ask(*COMPLETE, rig.KEY, b"{}", origin=OTHER)) == set()
    running.change(rig.access())
    assert said(running.ask(*COMPLETE, rig.KEY, b"{}", origin=PAGE)) == set()


def test_without_origins_nothing_of_cors_is_answered(start: Start, engine: fake_engine.Engine) -> None:
    running = start()
    for origin, method in itertools.product((PAGE, "null"), ("GET", "POST")):
        reply = preflight(running, method, "/v1/completions", origin)
        assert (reply.status, said(reply)) == (401, set())
    assert said(running.ask(*COMPLETE, rig.KEY, b"{}", origin=PAGE)) == set()
    assert "vary" not in running.ask(*COMPLETE, rig.KEY, b"{}", origin=PAGE).headers
    assert len(engine.seen) == 2


def test_origins_change_while_a_model_serves_and_refill_no_bucket(start: Start) -> None:
    hour = guard.RateLimit(2, "Hour")
    running = start(opened(limit=hour))
    assert [running.ask(*COMPLETE, rig.KEY, b"{}").status for _ in range(3)] == [200, 200, 429]
    running.change(opened("*", limit=hour))
    reply = running.ask(*COMPLETE, rig.KEY, b"{}", origin=PAGE)
    assert (reply.status, reply.headers[ALLOW]) == (429, "*")
    running.change(opened(OTHER, limit=hour))
    assert said(running.ask(*COMPLETE, rig.KEY, b"{}", origin=PAGE)) == set()
