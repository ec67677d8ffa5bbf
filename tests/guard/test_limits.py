"""The limit of one guard: what passes, what is refused, and what a caller learns of it."""

from __future__ import annotations

import contextlib
import itertools
from concurrent import futures
from typing import TYPE_CHECKING

import pytest

from tests.guard import fake_engine, load, rig
from vllm_operator import guard

if TYPE_CHECKING:
    from tests.guard.conftest import Start


def test_limit_is_429_with_a_true_retry_after(start: Start, engine: fake_engine.Engine) -> None:
    running = start(rig.access(limit=guard.RateLimit(20, "Minute")))
    with contextlib.closing(running.connection()) as connection:
        replies = [rig.ask(connection, "GET", "/v1/models", rig.KEY) for _ in range(25)]
        limited = [reply for reply in replies if reply.status == 429]
        assert [reply.status for reply in replies[:20]] == [200] * 20
        assert len(limited) == 5
        assert len(engine.seen) == 20
        assert limited[0].error["code"] == "rate_limit_exceeded"
        load.assert_true_retry_after(connection)


def test_limit_holds_in_a_flood(start: Start, engine: fake_engine.Engine) -> None:
    running = start(rig.access(limit=guard.RateLimit(50, "Hour")))

    def flood(_: int) -> list[rig.Reply]:
        with contextlib.closing(running.connection()) as connection:
            return [rig.ask(connection, "GET", "/v1/models", rig.KEY) for _ in range(100)]

    with futures.ThreadPoolExecutor(8) as threads:
        replies = list(itertools.chain.from_iterable(threads.map(flood, range(8))))
    refused = [reply for reply in replies if reply.status == 429]
    assert (len(engine.seen), len(refused)) == (50, 750)
    assert {int(reply.headers["retry-after"]) for reply in refused} <= set(range(60, 73))


def test_limit_is_told_in_requests(start: Start) -> None:
    running = start(rig.access(limit=guard.RateLimit(3, "Hour")))
    told = [_told(running.ask("GET", "/v1/models", rig.KEY)) for _ in range(4)]
    assert [remaining for _, remaining, _ in told] == [2, 1, 0, 0]
    assert {limit for limit, _, _ in told} == {3}
    assert [reset for _, _, reset in told] == pytest.approx([1200, 2400, 3600, 1200], abs=10)


def _told(reply: rig.Reply) -> tuple[int, ...]:
    return tuple(int(reply.headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining", "reset"))


@pytest.mark.parametrize("requests", [1, 7, 60, 999])
def test_burst_is_exactly_the_limit(start: Start, requests: int) -> None:
    running = start(rig.access(limit=guard.RateLimit(requests, "Hour")))
    with contextlib.closing(running.connection()) as connection:
        accepted = [rig.ask(connection, "GET", "/v1/models", rig.KEY).status for _ in range(requests + 2)].count(200)
    assert accepted == requests


def test_health_and_refusals_are_outside_the_limit(start: Start) -> None:
    running = start(rig.access(limit=guard.RateLimit(1, "Hour")))
    assert [running.ask("GET", "/health").status for _ in range(3)] == [200] * 3
    assert [running.ask("GET", "/v1/models").status for _ in range(3)] == [401] * 3
    assert [running.ask("GET", "/v1/models", rig.KEY).status for _ in range(2)] == [200, 429]
    assert "x-ratelimit-limit" not in running.ask("GET", "/health").headers


@pytest.mark.parametrize(("requests", "unit", "seconds"), [(1, "Second", 1), (30, "Minute", 2), (1200, "Hour", 3)])
def test_retry_after_is_true_in_every_unit(start: Start, requests: int, unit: str, seconds: int) -> None:
    running = start(rig.access(limit=guard.RateLimit(requests, unit)))
    load.drain(running)
    with contextlib.closing(running.connection()) as connection:
        load.assert_true_retry_after(connection)  # shorter: something came in while the bucket was emptied
        assert load.assert_true_retry_after(connection) == seconds


def test_refused_requests_cost_nothing(start: Start) -> None:
    running = start(rig.access(limit=guard.RateLimit(2, "Second")))
    load.drain(running)
    passed = load.offer([running], 2)
    assert passed.requests >= 3
