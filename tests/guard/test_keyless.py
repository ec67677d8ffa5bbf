"""Callers without a key: what a request of theirs costs, how many are answered, and that nothing of theirs is waited for."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.guard import fake_engine, flood, rig
from vllm_operator import guard
from vllm_operator.guard import filters, headers, keyed

if TYPE_CHECKING:
    from tests.guard.conftest import Start

REQUESTS = 1500
DEEP = "%" + "25" * 290
KINDS = {keyed.REFUSED: "/v1/models", keyed.OPEN: "/guide", keyed.HEALTH: "/health"}


@pytest.mark.parametrize("target", ["/v1/models", "/nothing", f"/{DEEP}"], ids=["no key", "no path", "encoded"])
def test_a_request_without_a_key_costs_a_third_of_a_millisecond_at_most(start: Start, target: str) -> None:
    running = start()
    with contextlib.closing(running.connection()) as connection:
        for measured in (False, True):
            before = flood.cpu(running.process.pid)
            for _ in range(REQUESTS):
                rig.ask(connection, "GET", target, rig.OTHER, x_request_id=DEEP)
            assert not measured or (flood.cpu(running.process.pid) - before) / REQUESTS < flood.MOST_CPU


@pytest.mark.parametrize(("kind", "path"), KINDS.items())
def test_each_kind_of_request_without_a_key_has_a_limit_of_its_own(start: Start, kind: str, path: str) -> None:
    def narrow(bootstrap: dict[str, Any]) -> None:
        (found,) = (one for one in rig.manager(bootstrap)["http_filters"] if one["name"] == "keyless")
        for one in found["typed_config"]["descriptors"]:
            if one["entries"] == [{"key": "keyless", "value": kind}]:
                one["token_bucket"] = {"max_tokens": 3, "tokens_per_fill": 1, "fill_interval": "3600s"}

    running = start(dataclasses.replace(rig.access(), page=rig.PAGE), narrow)
    rig.until(lambda: running.ask("GET", path).status == 429)
    refused = running.ask("GET", path)
    assert (refused.headers["retry-after"], refused.error["code"]) == ("1", "rate_limit_exceeded")
    assert running.ask("GET", "/v1/models", rig.KEY).status == 200
    assert 429 not in {running.ask("GET", other).status for one, other in KINDS.items() if one != kind}
    assert running.count("", 429) >= 2
    assert not [line for line in running.lines() if line["status"] == 429]


@pytest.mark.parametrize("kind", filters.SHARED)
def test_one_address_keeps_nobody_else_from_an_answer_without_a_key(start: Start, kind: str) -> None:
    """However often it asks: what its own share refuses takes nothing of what all share."""

    def narrow(bootstrap: dict[str, Any]) -> None:
        (found,) = (one for one in rig.manager(bootstrap)["http_filters"] if one["name"] == "keyless")
        for one in found["typed_config"]["descriptors"]:
            if one["entries"][0]["value"] == kind:
                most = 10 // (filters.SHARES if len(one["entries"]) > 1 else 1)
                one["token_bucket"] = {"max_tokens": most, "tokens_per_fill": most, "fill_interval": "3600s"}

    running = start(dataclasses.replace(rig.access(), page=rig.PAGE), narrow)
    first, second, third = (count(rig.asked_from(running, f"127.0.0.{host}", KINDS[kind], 50)) for host in (2, 3, 4))
    assert (first, second, third) == (5, 5, 0)
    assert running.ask("GET", "/v1/models", rig.KEY).status == 200


def count(statuses: list[int]) -> int:
    """Return how many were answered."""
    return sum(status != 429 for status in statuses)


def test_a_body_for_what_needs_none_is_not_waited_for(start: Start, engine: fake_engine.Engine) -> None:
    running = start()
    head = b"GET /health HTTP/1.1\r\nHost: model\r\nContent-Length: 9\r\n\r\n"
    assert rig.statuses(running.raw(head)) == [200]
    assert not [seen for seen in engine.seen if seen.body]


def test_who_asks_whether_to_send_a_body_is_answered_first(start: Start, engine: fake_engine.Engine) -> None:
    running = start()
    head = flood.HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n"
    assert rig.statuses(running.raw(head + b"\r\n")) == [401]
    assert not engine.seen
    with socket.create_connection((rig.HOST, running.site.public_port), timeout=rig.DEADLINE) as one:
        one.sendall(head + flood.BEARER + b"Content-Type: application/json\r\n\r\n")
        assert one.recv(65536).startswith(b"HTTP/1.1 100 ")
        one.sendall(b"{}")
        assert one.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert engine.seen[-1].body == b"{}"


BROKEN = (
    'function envoy_on_request(handle) error("broken on purpose") end',
    "note = nil; function envoy_on_request(handle) note(handle) end",
    "envoy_on_request = nil",
)


@pytest.mark.parametrize("line", BROKEN)
def test_an_error_of_the_script_lets_nobody_in(start: Start, engine: fake_engine.Engine, line: str) -> None:
    """Else an expired key would be taken, and a query with a key would reach vLLM's log."""
    running = _launched(start, _with(line))
    for path, key in (("/v1/models", rig.KEY), ("/v1/models", rig.STALE), ("/v1/models", ""), ("/nothing", rig.KEY)):
        reply = running.ask("GET", path, key)
        assert (reply.status, reply.error["code"]) == (500, "internal_error")
    assert not engine.seen
    assert running.private(guard.READY_PATH).status == 200
    running.log.write_text("")


CLOCKLESS = "os = {getenv = os.getenv}"


def test_an_error_in_what_tells_of_health_or_of_expiry_lets_nobody_in(start: Start, engine: fake_engine.Engine) -> None:
    soon = guard.Client("soon", rig.MINUTE, (guard.Credential(rig.FRESH, 2**40),))
    running = _launched(start, _with(CLOCKLESS), rig.access(more=(soon,)))
    assert [running.ask("GET", path, key).status for path, key in (("/health", ""), ("/v1/models", rig.FRESH))] == [
        500,
        500,
    ]
    assert not engine.seen
    assert running.ask("GET", "/v1/models", rig.KEY).status == 200
    running.log.write_text("")


def test_an_error_in_what_is_done_to_answers_lets_nobody_in_and_none_of_the_headers_out_that_do_harm(
    start: Start, engine: fake_engine.Engine
) -> None:
    """The routes remove those, and add what keeps a browser from running anything of an engine."""
    engine.script = fake_engine.answer(**dict.fromkeys(headers.NOT_FROM_ENGINE, "x"))
    running = start(alter=_with('function envoy_on_response(handle) error("broken on purpose") end'))
    assert [running.ask("GET", "/v1/models", key).status for key in ("", rig.STALE)] == [401, 401]
    reply = running.ask("GET", "/v1/models", rig.KEY)
    found = {name.lower(): value for name, value in reply.headers.items()}
    assert reply.status == 200
    assert not {name for name in headers.NOT_FROM_ENGINE if found.get(name) == "x"}
    assert dict(headers.SANDBOXED).items() <= found.items()
    running.log.write_text("")


def _with(line: str) -> Any:
    """Return what puts a line at the end of the script."""

    def alter(bootstrap: dict[str, Any]) -> None:
        found = next(
            one for one in rig.manager(bootstrap)["http_filters"] if "default_source_code" in one["typed_config"]
        )
        found["typed_config"]["default_source_code"]["inline_string"] += f"{line}\n"

    return alter


def _launched(start: Start, alter: Any, now: guard.Access | None = None) -> rig.Guard:
    """Start a guard that answers no caller."""
    patched = pytest.MonkeyPatch()
    with patched.context() as one:
        one.setattr(rig.Guard, "is_up", _is_live)
        return start(now, alter)


def _is_live(running: rig.Guard) -> bool:
    with contextlib.suppress(OSError):
        return running.private(guard.LIVE_PATH).status == 200
    return False
