"""What nobody can do to a guard, with a client's key or without: fill its memory, keep others out, or cut their streams.

The numbers are those of docs/security.md. Each flood leaves the guard below three quarters of its memory, answers the other
client all the while, ends no stream of it and refills no bucket (`flood.flooded`).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.guard import fake_engine, flood, rig
from vllm_operator import guard
from vllm_operator.guard import script

if TYPE_CHECKING:
    import pathlib

    from tests.guard.conftest import Start

LIMIT = "envoy.resource_limits.listener.public.connection_limit"


def public(bootstrap: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in bootstrap["static_resources"]["listeners"] if one["name"] == "public")
    return found


def hurry(bootstrap: dict[str, Any]) -> None:
    """Wait less for what is silent than for docs/guard.md."""
    listener, manager = public(bootstrap), rig.manager(bootstrap)
    assert listener["listener_filters_timeout"] == "15s"
    assert (manager["stream_idle_timeout"], manager["request_headers_timeout"]) == ("20s", "10s")
    assert manager["common_http_protocol_options"]["idle_timeout"] == "55s"
    listener["listener_filters_timeout"] = manager["stream_idle_timeout"] = manager["request_headers_timeout"] = "3s"
    manager["common_http_protocol_options"]["idle_timeout"] = "3s"


@pytest.mark.parametrize(("number", "sent"), flood.HELD_BACK.values(), ids=flood.HELD_BACK)
def test_who_sends_nothing_or_half_is_soon_gone_and_keeps_nobody_out(
    start: Start, engine: fake_engine.Engine, number: int, sent: bytes
) -> None:
    with flood.flooded(start, engine, alter=hurry) as attack, attack.answered():
        attack.send(number, sent)
        assert attack.neighbour()[0] == 200
        rig.until(lambda: attack.gone() == number, pause=0.3)
        assert attack.memory() < flood.MOST


@pytest.mark.parametrize("sent", flood.UPLOADS.values(), ids=flood.UPLOADS)
def test_who_has_a_key_holds_back_so_many_bodies_and_no_more(
    start: Start, engine: fake_engine.Engine, sent: bytes
) -> None:
    """What is above that is refused at once. A place is free again soon after its body has gone."""
    with flood.flooded(start, engine) as attack, attack.answered():
        assert attack.running.ask("POST", "/v1/completions", rig.KEY, b"x" * 20_000).status == 200
        attack.send(2 * script.MOST_AWAITED, sent)
        rig.until(lambda: attack.gone() == script.MOST_AWAITED, pause=0.1)
        assert attack.neighbour()[0] == 200
        assert attack.running.ask("GET", "/v1/models", rig.KEY).status == 200
        refused = attack.running.ask("POST", "/v1/completions", rig.KEY, b"{}")
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        assert attack.memory() < flood.MOST
        for one in attack.connections:
            one.close()
        for body in (b"{}", b"x" * 20_000):
            rig.until(lambda body=body: attack.running.ask("POST", "/v1/completions", rig.KEY, body).status == 200)


def test_answers_that_nobody_reads_do_not_fill_the_memory(start: Start, engine: fake_engine.Engine) -> None:
    with flood.flooded(start, engine) as attack:
        engine.script = fake_engine.answer(body=bytes(4_000_000))
        attack.send(900, flood.HEAD + flood.BEARER + b"Content-Length: 2\r\n\r\n{}", read=2048)
        rig.until(lambda: len(engine.seen) >= 900)
        engine.script = fake_engine.answer()
        assert attack.neighbour()[0] == 200
        assert attack.memory() < flood.MOST


def test_a_thousand_streams_are_held(start: Start, engine: fake_engine.Engine) -> None:
    with flood.flooded(start, engine) as attack:
        engine.script = stream = flood.Stream()
        attack.send(1000, flood.HEAD + flood.BEARER + b"Content-Length: 2\r\n\r\n{}")
        rig.until(lambda: len(engine.seen) >= 1000)
        engine.script = fake_engine.answer()
        assert attack.neighbour()[0] == 200
        assert (attack.memory() < flood.MOST, attack.gone()) == (True, 0)
        stream.over.set()


def test_the_number_of_connections_does_not_leak(start: Start, engine: fake_engine.Engine) -> None:
    """Questions at the private port neither take places at the public one nor free any."""

    def narrow(bootstrap: dict[str, Any]) -> None:
        bootstrap["layered_runtime"]["layers"][0]["static_layer"][LIMIT] = 20

    with flood.flooded(start, engine, alter=narrow) as attack:
        for _ in range(30):
            assert attack.running.private(guard.LIVE_PATH).status == 200
        attack.send(40, b"GET /nothing HTTP/1.1\r\nHost: model\r\n\r\n")
        rig.until(lambda: 20 <= attack.gone() <= 22)
        for one in attack.connections:
            one.close()
        rig.until(lambda: _is_answered(attack.running))


def _is_answered(running: rig.Guard) -> bool:
    with contextlib.suppress(OSError):
        return running.ask("GET", "/v1/models", rig.KEY).status == 200
    return False


def test_a_guard_short_of_memory_takes_no_more_and_finishes_what_it_has(
    start: Start, engine: fake_engine.Engine, tmp_path: pathlib.Path
) -> None:
    pressure = tmp_path / "pressure"

    def press(share: float) -> None:
        """Put the pressure where Envoy reads it, which looks for a moved file."""
        (tmp_path / "next").write_text(str(share))
        (tmp_path / "next").rename(pressure)

    def feel(bootstrap: dict[str, Any]) -> None:
        (monitor,) = bootstrap["overload_manager"]["resource_monitors"]
        kind = "type.googleapis.com/envoy.extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig"
        monitor |= {
            "name": "envoy.resource_monitors.injected_resource",
            "typed_config": {"@type": kind, "filename": str(pressure)},
        }
        for action in bootstrap["overload_manager"]["actions"]:
            action["triggers"][0]["name"] = monitor["name"]

    press(0)
    with flood.flooded(start, engine, alter=feel) as attack:
        press(0.87)
        rig.until(lambda: attack.running.ask("GET", "/v1/models", rig.KEY).status == 503)
        refused = attack.running.ask("GET", "/v1/models", rig.KEY)
        assert (refused.headers["retry-after"], refused.error["code"]) == ("5", "service_unavailable")
        assert [attack.running.private(path).status for path in (guard.LIVE_PATH, guard.READY_PATH)] == [200, 200]
        press(0)
        rig.until(lambda: attack.running.ask("GET", "/v1/models", rig.KEY).status == 200)
