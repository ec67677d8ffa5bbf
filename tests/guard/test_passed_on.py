"""What of a caller's request reaches an engine: its body and the headers that it needs, and nothing else that anything obeys."""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.guard import fake_engine, hostile, rig
from vllm_operator.guard import headers

if TYPE_CHECKING:
    import http.server

    from tests.guard.conftest import Start


def test_the_engine_gets_the_headers_that_are_listed_and_no_others(start: Start, engine: fake_engine.Engine) -> None:
    start().ask(
        "POST", "/v1/completions", rig.KEY, b"{}", content_type="application/json", accept="*/*", **hostile.OBEYED
    )
    found = {name.lower() for name in engine.seen[-1].headers}
    assert found <= {"host", headers.CLIENT, *headers.TO_ENGINE} - {"authorization"}
    assert {"content-type", "accept", "content-length", "x-request-id"} <= found
    assert rig.KEY not in str(engine.seen[-1].headers)
    assert engine.seen[-1].headers.get_all("x-client-id") == ["team-a"]
    assert engine.seen[-1].body == b"{}"


def test_a_guard_with_an_older_script_passes_no_key_on_and_nothing_that_vllm_obeys(
    start: Start, engine: fake_engine.Engine
) -> None:
    running = start(alter=rig.without_script)
    running.ask(
        "GET", "/v1/models", rig.KEY, **{name: text for name, text in hostile.OBEYED.items() if name != "x_anything"}
    )
    assert not set(headers.NOT_TO_ENGINE) - {headers.CLIENT} & {name.lower() for name in engine.seen[-1].headers}
    assert engine.seen[-1].headers.get_all("x-client-id") == ["team-a"]
    assert rig.KEY not in str(engine.seen[-1].headers)


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ("mine", "mine"),
        ("a" * 15_000, "a" * 128),
        ('a"b\tc/d{e}', "abcde"),
        (f"my-{rig.KEY}", "my-sk-..."),
        ("{}", "none"),
    ],
)
def test_a_request_id_is_short_and_safe(start: Start, engine: fake_engine.Engine, given: str, passed: str) -> None:
    """What vLLM writes into each chunk of a stream."""
    reply = start().ask("GET", "/v1/models", rig.KEY, x_request_id=given)
    assert (engine.seen[-1].headers["x-request-id"], reply.headers["x-request-id"]) == (passed, passed)


def test_callers_who_ask_for_health_do_not_each_reach_the_engine(start: Start, engine: fake_engine.Engine) -> None:
    running = start()
    with contextlib.closing(running.connection()) as connection:
        assert {rig.ask(connection, "GET", "/health").status for _ in range(200)} == {200}
    assert 1 <= len(engine.seen) < 50


def test_callers_do_not_queue_at_an_engine_that_is_slow_to_say_how_it_is(
    start: Start, engine: fake_engine.Engine
) -> None:
    def late(handler: http.server.BaseHTTPRequestHandler) -> None:
        threading.Event().wait(1.5)
        fake_engine.answer()(handler)

    running = start()
    assert running.ask("GET", "/health").status == 200
    engine.script, told = late, int(time.time())
    rig.until(lambda: int(time.time()) > told)
    with concurrent.futures.ThreadPoolExecutor(32) as callers:
        asked = [callers.submit(running.ask, "GET", "/health") for _ in range(64)]
        assert {one.result().status for one in asked} == {200}
    assert len(engine.seen) < 8


def test_health_follows_the_engine_within_a_second(start: Start, engine: fake_engine.Engine) -> None:
    running = start()
    assert running.ask("GET", "/health").status == 200
    engine.script = fake_engine.answer(500)
    reply = rig.until(lambda: _unless(running.ask("GET", "/health"), 200), deadline=5)
    assert (reply.status, reply.headers["retry-after"], reply.error["code"]) == (503, "5", "service_unavailable")
    engine.script = fake_engine.answer(200)
    rig.until(lambda: running.ask("GET", "/health").status == 200, deadline=5)


def _unless(reply: rig.Reply, status: int) -> rig.Reply | None:
    return None if reply.status == status else reply
