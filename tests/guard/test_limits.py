"""How many requests pass: counts and ratios in short. The minutes of it are measured by `make bench ONLY=limits`."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

import pytest

from tests.guard import load, rig, test_answers
from tests.guard.dns_server import Names
from vllm_operator import guard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.guard.conftest import Start

UNITS = 3


@pytest.fixture
def names() -> Iterator[Names]:
    server = Names()
    yield server
    server.stop()


def shared(requests: int, unit: str = "Second") -> guard.Access:
    return guard.Access(rig.access(limit=guard.RateLimit(requests, unit)).clients, "model-peers.models.svc")


def fleet(start: Start, names: Names, count: int, now: guard.Access) -> list[rig.Guard]:
    """Return `count` new guards, which count as many members as the names say."""
    guards = [start(now, functools.partial(names.use, refresh="1s")) for _ in range(count)]
    heard(guards, names.count)
    return guards


def heard(guards: list[rig.Guard], members: int) -> None:
    rig.until(lambda: all(running.members() == members for running in guards))


@pytest.mark.parametrize("count", [1, 4])
def test_fleet_lets_through_what_the_limit_says_after_the_first_burst(start: Start, names: Names, count: int) -> None:
    names.count = count
    guards = fleet(start, names, count, shared(60))
    passed = load.offer(guards, UNITS, warm=1.5)
    assert 0.9 <= passed.requests / (60 * passed.seconds) <= 1.05  # in so short a time one request is half a percent


def test_client_that_meets_one_replica_alone_gets_that_replicas_share(start: Start, names: Names) -> None:
    names.count = 4
    (running,) = fleet(start, names, 1, shared(80))
    assert running.ask("GET", "/v1/models", rig.KEY).headers["x-ratelimit-remaining"] == "76"
    assert load.drain(running) >= 80 // 4 - 1
    passed = load.offer([running], UNITS, warm=0.5)
    assert 80 / 4 * passed.seconds - 1 <= passed.requests <= 80 / 4 * passed.seconds + 2


def test_scaling_to_four_and_back_keeps_within_the_stated_bound(start: Start, names: Names) -> None:
    """docs/guard.md: a burst for each replica, and until a replica has heard of the others, the share of those it knows."""
    limit, now = 60, shared(60)
    (first,) = fleet(start, names, 1, now)
    assert load.drain(first) >= limit
    joined = fleet(start, names, 3, now)  # none has heard of the others: each takes itself to be alone
    surprised = load.offer([first, *joined], 1)
    assert 3 * limit <= surprised.requests <= 4 * limit * (1 + surprised.seconds)
    names.count = 4
    heard([first, *joined], 4)
    four = load.offer([first, *joined], 2, warm=1)
    assert 0.9 <= four.requests / (limit * four.seconds) <= 1.05
    names.count = 1
    heard([first], 1)
    alone = load.offer([first], 2, warm=1)
    assert 0.9 <= alone.requests / (limit * alone.seconds) <= 1.05


@pytest.mark.parametrize(("requests", "unit", "seconds"), [(1, "Second", 1), (30, "Minute", 2), (1200, "Hour", 3)])
def test_retry_after_is_true_in_every_unit(start: Start, requests: int, unit: str, seconds: int) -> None:
    running = start(rig.access(limit=guard.RateLimit(requests, unit)))
    load.drain(running)
    with contextlib.closing(running.connection()) as connection:
        test_answers.assert_true_retry_after(connection)  # shorter: something came in while the bucket was emptied
        assert test_answers.assert_true_retry_after(connection) == seconds


def test_refused_requests_cost_nothing(start: Start) -> None:
    running = start(rig.access(limit=guard.RateLimit(2, "Second")))
    load.drain(running)
    passed = load.offer([running], 2)
    assert passed.requests >= 3
