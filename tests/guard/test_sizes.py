"""How long a body may be: what is longer is refused before it is read, and an engine never gets more."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from tests.guard import envoys, fake_engine, flood, rig
from vllm_operator.guard import bounds, filters

if TYPE_CHECKING:
    from tests.guard.conftest import Start
    from vllm_operator import guard

MOST = 100_000
CHUNKED = flood.HEAD + flood.BEARER + b"Transfer-Encoding: chunked\r\n\r\n"
COUNTING = [version for version in envoys.versions() if version >= filters.COUNTS]
OTHERS = sorted({*envoys.versions()} - {*COUNTING})


def bounded(most: int = MOST) -> guard.Access:
    return dataclasses.replace(rig.access(), max_request_bytes=most)


def told(length: int, key: bytes = flood.BEARER) -> bytes:
    return flood.HEAD + key + b"Content-Length: %d\r\n\r\n" % length


def chunk(size: int) -> bytes:
    return b"%x\r\n%s\r\n" % (size, b"x" * size)


@pytest.mark.parametrize("version", envoys.versions())
def test_a_body_that_is_told_to_be_too_long_is_refused_before_it_is_sent(
    start: Start, engine: fake_engine.Engine, version: tuple[int, int]
) -> None:
    running = start(bounded(), envoy=envoys.find(version))
    for length in (MOST + 1, 2**40, 2**63):
        for key in (flood.BEARER, b""):
            answer = running.raw(told(length, key))
            assert (rig.statuses(answer), b'"code":"request_too_large"' in answer) == ([413], True)
    assert not engine.seen
    assert running.ask("POST", "/v1/completions", rig.KEY, b"x" * MOST).status == 200
    assert len(engine.seen[-1].body) == MOST


def test_running_guards_take_a_lower_bound_up(start: Start, engine: fake_engine.Engine) -> None:
    running = start(bounded())
    assert running.ask("POST", "/v1/completions", rig.KEY, b"x" * MOST).status == 200
    running.change(bounded(MOST - 1))
    assert rig.statuses(running.raw(told(MOST))) == [413]
    assert len(engine.seen) == 1


@pytest.mark.parametrize("version", COUNTING)
def test_a_body_without_a_length_is_refused_as_soon_as_it_is_too_long(
    start: Start, engine: fake_engine.Engine, version: tuple[int, int]
) -> None:
    running = start(bounded(), envoy=envoys.find(version))
    answer = running.raw(CHUNKED + chunk(MOST // 2) + chunk(MOST // 2 + 1))
    assert (rig.statuses(answer), b'"code":"request_too_large"' in answer) == ([413], True)
    assert not [seen for seen in engine.seen if seen.body]
    assert rig.statuses(running.raw(CHUNKED + chunk(MOST) + b"0\r\n\r\n")) == [200]
    assert len(engine.seen[-1].body) == MOST

    running.log.write_text("")  # Envoy tells of it as of an error


@pytest.mark.parametrize("version", OTHERS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_where_nothing_counts_a_body_it_may_be_short_or_tell_its_length(
    start: Start, engine: fake_engine.Engine, version: tuple[int, int], method: str
) -> None:
    running = start(bounded(), envoy=envoys.find(version))
    head = CHUNKED if method == "POST" else CHUNKED.replace(b"POST /v1/completions", b"GET /v1/models")
    answer = running.raw(head + chunk(bounds.BUFFER) + chunk(bounds.BUFFER))
    assert (rig.statuses(answer), b'"code":"request_too_large"' in answer) == ([413], True)
    assert not engine.seen
    assert rig.statuses(running.raw(head + chunk(bounds.BUFFER // 2) + b"0\r\n\r\n")) == [200]
    assert len(engine.seen[-1].body) == bounds.BUFFER // 2
