"""Requests made to get past the guard. None has a key: none may reach the engine, and the guard must live on."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.guard import fake_engine, hostile, rig

if TYPE_CHECKING:
    import http.server
    from collections.abc import Iterator

    from tests.guard.conftest import Start


class Stand(NamedTuple):
    guard: rig.Guard
    engine: fake_engine.Engine


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    engine = fake_engine.Engine()
    engine.start()
    guard = rig.Guard(
        tmp_path_factory.mktemp("guard"),
        engine,
        dataclasses.replace(rig.access(), page=rig.PAGE, origins=("https://app.example.com",)),
    )
    guard.start()
    yield Stand(guard, engine)
    guard.stop()
    engine.stop()


@pytest.mark.parametrize("case", hostile.CASES, ids=lambda case: case.name)
def test_hostile_request_is_answered_and_goes_no_further(stand: Stand, case: hostile.Case) -> None:
    stand.engine.seen.clear()
    assert rig.statuses(stand.guard.raw(case.bytes("model", rig.KEY), len(case.guard))) == case.guard
    assert not stand.engine.seen
    assert stand.guard.ask("GET", "/v1/models", rig.KEY).status == 200


def test_upgrade_headers_end_at_the_guard(stand: Stand) -> None:
    key = b"Authorization: Bearer " + rig.KEY.encode() + b"\r\n"
    assert rig.statuses(stand.guard.raw(hostile.line("/v1/models", "GET", "HTTP/1.1", hostile.H2C, key))) == [200]
    assert not {"upgrade", "http2-settings", "connection"} & {name.lower() for name in stand.engine.seen[-1].headers}


def test_slow_headers_are_not_waited_for(start: Start) -> None:
    def hurry(bootstrap: Any) -> None:
        manager = bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][-1]["typed_config"]
        assert manager["request_headers_timeout"] == "10s"
        manager["request_headers_timeout"] = "0.5s"

    assert rig.statuses(start(alter=hurry).raw(b"GET /health HTTP/1.1\r\nHost: model\r\n")) == [408]


def test_a_body_that_never_comes_is_not_waited_for_but_an_answer_is(start: Start, engine: fake_engine.Engine) -> None:
    def hurry(bootstrap: Any) -> None:
        manager = bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][-1]["typed_config"]
        assert manager["request_timeout"] == "120s"
        manager["request_timeout"] = "0.5s"

    def late(handler: http.server.BaseHTTPRequestHandler) -> None:
        threading.Event().wait(1)
        fake_engine.answer()(handler)

    running, engine.script = start(alter=hurry), late
    begun = b"POST /v1/completions HTTP/1.1\r\nHost: model\r\nContent-Length: 5\r\n\r\n{"
    assert rig.statuses(running.raw(begun)) == [408]
    assert not engine.seen
    assert running.ask("POST", "/v1/completions", rig.KEY, b"{}").status == 200


def test_there_are_enough_of_them() -> None:
    assert len(hostile.CASES) >= 60
    assert len({case.name for case in hostile.CASES}) == len(hostile.CASES)
