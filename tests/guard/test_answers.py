"""What callers get: 200, 401, 404, 429 and 503, each as the API documentation says it."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import itertools
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.guard import fake_engine, rig
from vllm_operator import guard

if TYPE_CHECKING:
    from tests.guard.conftest import Start

POST = ("POST", "/v1/completions")


def test_key_opens_each_endpoint(start: Start, engine: fake_engine.Engine) -> None:
    running, keyed = start(), [one for one in rig.ENDPOINTS if one.keyed]
    for method, path, _ in keyed:
        reply = running.ask(method, path, rig.KEY, b"{}" if method == "POST" else None)
        assert (reply.status, reply.body) == (200, b'{"ok":true}')
    assert [seen[:2] for seen in engine.seen] == [endpoint[:2] for endpoint in keyed]


def test_scheme_of_the_header_is_read_as_http_says(start: Start) -> None:
    running = start()
    for scheme in ("Bearer ", "bearer ", "BEARER   "):
        assert running.ask("GET", "/v1/models", authorization=scheme + rig.KEY).status == 200


def test_engine_learns_the_client_and_never_the_key(start: Start, engine: fake_engine.Engine) -> None:
    start().ask("GET", "/v1/models", rig.KEY, x_client_id="admin")
    headers = engine.seen[-1].headers
    assert headers.get_all("x-client-id") == ["team-a"]
    assert rig.KEY not in str(headers)


def test_health_needs_no_key_and_lends_no_name(start: Start, engine: fake_engine.Engine) -> None:
    reply = start().ask("GET", "/health", body=b"{}", x_client_id="admin", authorization="Bearer something", x_mine="1")
    assert (reply.status, reply.body, engine.seen[-1].body) == (200, b"", b"")
    assert not {"x-client-id", "authorization", "x-mine"} & {name.lower() for name in engine.seen[-1].headers}


NO_KEYS = (
    *("", "Bearer", "Bearer ", "Bearer .*", rig.KEY, f"Basic {rig.KEY}", f"Bearer {rig.OTHER}", f"Bearer\t{rig.KEY}"),
    *(f"Bearer {rig.KEY}x", f"Bearer x{rig.KEY}", f"Bearer {rig.KEY[:-1]}", f"Bearer {rig.KEY.upper()}"),
    *(f"Bearer {rig.KEY} {rig.KEY}", f"Bearer {rig.KEY},Bearer {rig.KEY}"),
)


def test_no_valid_key_is_401_and_says_what_to_send(start: Start, engine: fake_engine.Engine) -> None:
    running = start()
    targets = (("GET", "/v1/models"), POST, ("GET", "/v1/unknown"), ("DELETE", "/v1/models"))
    for authorization, (method, path) in itertools.product(NO_KEYS, targets):
        reply = running.ask(method, path, authorization=authorization)
        assert (authorization, reply.status, reply.headers["www-authenticate"]) == (authorization, 401, "Bearer")
        assert reply.error["code"] == "invalid_api_key"
        assert "Authorization: Bearer <key>" in reply.error["message"]
    assert not engine.seen


NOT_IN_THE_TABLE = (
    *(("GET", "/v1/completions"), ("POST", "/v1/models"), ("POST", "/v1/load_lora_adapter"), ("GET", "/v1/models/")),
    *(
        ("OPTIONS", "/v1/models"),
        ("GET", "/metrics"),
        ("POST", "/health"),
        ("POST", "/"),
        ("GET", "//"),
        ("GET", "/docs"),
    ),
)


def test_a_refusal_waits_for_a_small_body_and_keeps_the_connection(start: Start) -> None:
    running = start()
    with contextlib.closing(
        http.client.HTTPConnection(rig.HOST, running.site.public_port, timeout=rig.DEADLINE)
    ) as one:
        for _ in range(2):
            one.putrequest("POST", "/v1/completions")
            one.putheader("Authorization", "Bearer sk-wrong")
            one.putheader("Content-Length", "2")
            one.endheaders()
            one.sock.settimeout(0.3)
            with pytest.raises(TimeoutError):
                one.sock.recv(1)
            one.sock.settimeout(rig.DEADLINE)
            one.send(b"{}")
            reply = one.getresponse()
            reply.read()
            assert (reply.status, reply.getheader("connection")) == (401, None)


def test_what_is_not_in_the_table_is_404_with_a_key(start: Start, engine: fake_engine.Engine) -> None:
    running = start()
    for method, path in NOT_IN_THE_TABLE:
        reply = running.ask(method, path, rig.KEY)
        assert (method, path, reply.status, reply.error["code"]) == (method, path, 404, "unknown_url")
        assert "POST /v1/completions" in reply.error["message"]
    assert running.ask("HEAD", "/v1/models", rig.KEY).status == 404
    assert not engine.seen


def test_client_without_credentials_is_shut_out_and_others_are_not(start: Start) -> None:
    running = start(guard.Access((guard.Client("gone", rig.MINUTE, ()), *rig.access().clients), "localhost"))
    assert running.ask("GET", "/v1/models", rig.KEY).status == 200


def test_expiry_comes_on_time_by_itself(start: Start, engine: fake_engine.Engine) -> None:
    def team(until: int | None) -> guard.Access:
        keys = (guard.Credential(rig.KEY, until), guard.Credential(rig.FRESH))
        return guard.Access((guard.Client("team-a", rig.MINUTE, keys),), "localhost")

    running = start(team(None))
    assert running.ask("GET", "/v1/models", rig.KEY).status == 200
    running.change(team(until := int(time.time()) + 3))
    asked = time.time()
    while running.ask("GET", "/v1/models", rig.KEY).status == 200:
        assert asked < until + 0.1, "what was asked later is refused, however late the answer came"
        asked = time.time()
    assert time.time() >= until
    reply = running.ask("GET", "/v1/models", rig.KEY)
    assert reply.error["code"] == "invalid_api_key"
    assert "expired" in reply.error["message"]
    assert reply.headers["www-authenticate"].startswith("Bearer ")
    seen = len(engine.seen)
    assert running.ask("GET", "/v1/models", rig.KEY).status == 401
    assert len(engine.seen) == seen
    assert running.ask("GET", "/v1/models", rig.FRESH).status == 200


def test_a_load_balancer_that_asks_for_the_root_learns_whether_the_model_answers(
    start: Start, engine: fake_engine.Engine
) -> None:
    engine.stop()
    running = start()
    assert running.ask("GET", "/").status == 503
    engine.start()
    rig.until(lambda: running.ask("GET", "/", user_agent="GoogleHC/1.0").status == 200)
    assert {seen.path for seen in engine.seen} == {"/health"}


def test_loading_is_503_with_retry_after(start: Start, engine: fake_engine.Engine) -> None:
    engine.stop()
    running = start()
    for method, path in (POST, ("GET", "/health")):
        reply = running.ask(method, path, rig.KEY)
        assert (reply.status, reply.headers["retry-after"]) == (503, "5")
        assert reply.error["code"] == "service_unavailable"
    assert running.ask(*POST).status == 401
    engine.start()
    assert running.ask(*POST, rig.KEY).status == 200


def test_engines_own_503_gets_a_retry_after_and_keeps_its_body(start: Start, engine: fake_engine.Engine) -> None:
    running = start()
    engine.script = fake_engine.answer(503, b'{"error":"queue full"}')
    reply = running.ask(*POST, rig.KEY)
    assert (reply.status, reply.headers["retry-after"], reply.body) == (503, "5", b'{"error":"queue full"}')
    engine.script = fake_engine.answer(503, retry_after="17")
    assert running.ask(*POST, rig.KEY).headers.get_all("retry-after") == ["17"]


def test_engines_answers_pass_untouched(start: Start, engine: fake_engine.Engine) -> None:
    running = start()
    for status in (200, 400, 404, 422, 500):
        engine.script = fake_engine.answer(status, b"{}")
        reply = running.ask(*POST, rig.KEY, b"{}")
        assert (reply.status, reply.body, reply.headers["retry-after"]) == (status, b"{}", None)


def test_engine_that_dies_under_a_request_is_an_error_of_the_documented_shape(
    start: Start, engine: fake_engine.Engine
) -> None:
    def die(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.connection.close()
        handler.close_connection = True

    engine.script = die
    reply = start().ask(*POST, rig.KEY, b"{}")
    assert (reply.status, reply.error["type"], reply.headers["retry-after"]) == (503, "server_error", "5")


@pytest.mark.parametrize("given", ["mine", "6b7b6b0c-2f2a-4a51-9a3d-5d3b1a0f9c11"])
def test_request_id_is_kept_passed_on_and_returned(start: Start, engine: fake_engine.Engine, given: str) -> None:
    running = start()
    for path in ("/v1/models", "/v1/unknown"):
        assert running.ask("GET", path, rig.KEY, x_request_id=given).headers["x-request-id"] == given
    assert engine.seen[-1].headers["x-request-id"] == given
    assert len(running.ask("GET", "/v1/models").headers["x-request-id"]) == 36


def test_headers_of_envoy_have_no_power(start: Start, engine: fake_engine.Engine) -> None:
    def late(handler: http.server.BaseHTTPRequestHandler) -> None:
        threading.Event().wait(0.1)
        fake_engine.answer(500)(handler)

    engine.script = late
    reply = start().ask(*POST, rig.KEY, b"{}", **{
        "x-envoy-upstream-rq-timeout-ms": "1", "x-envoy-retry-on": "5xx", "x-envoy-max-retries": "3",
        "x-envoy-original-path": "/pause",
    })  # fmt: skip
    assert (reply.status, len(engine.seen), engine.seen[0].path) == (500, 1, "/v1/completions")


def test_large_bodies_pass(start: Start, engine: fake_engine.Engine) -> None:
    body = b'{"prompt":"' + b"x" * 5_000_000 + b'"}'
    engine.script = fake_engine.answer(200, body)
    reply = start().ask(*POST, rig.KEY, body)
    assert reply.body == body
    assert engine.seen[-1].body == body


def test_a_query_goes_no_further_than_the_guard(start: Start, engine: fake_engine.Engine) -> None:
    reply = start().ask("GET", f"/v1/models?key={rig.KEY}&beta=true", rig.KEY)
    assert (reply.status, engine.seen[-1].path) == (200, "/v1/models")
