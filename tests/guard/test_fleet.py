"""Several guards of one model: each limit is shared over all of them, by the DNS name of the headless Service.

How many requests pass is counted in short here. The minutes of it are measured by `make bench ONLY=limits`.
"""

from __future__ import annotations

import contextlib
import functools
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.guard import fake_engine, load, rig
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


def shared(limit: guard.RateLimit) -> guard.Access:
    return guard.Access(rig.access(limit=limit).clients, "model-peers.models.svc")


@pytest.mark.parametrize("count", [2, 3])
def test_each_guard_has_its_share_and_a_true_retry_after(start: Start, names: Names, count: int) -> None:
    names.count = count
    running = start(shared(guard.RateLimit(60, "Minute")), alter=names.use)
    rig.until(lambda: running.members() == count)
    with contextlib.closing(running.connection()) as connection:
        replies = [rig.ask(connection, "GET", "/v1/models", rig.KEY).status for _ in range(60 // count + 2)]
        assert replies.count(200) == pytest.approx(60 / count, abs=1)
        promised = [load.assert_true_retry_after(connection) for _ in range(2)]
    assert promised == [count, count]


def test_shares_follow_a_change_of_membership(start: Start, names: Names) -> None:
    running = start(shared(guard.RateLimit(100, "Hour")), alter=functools.partial(names.use, refresh="1s"))
    rig.until(lambda: running.members() == 1)
    names.count = 4
    rig.until(lambda: running.members() == 4)
    with contextlib.closing(running.connection()) as connection:
        replies = [rig.ask(connection, "GET", "/v1/models", rig.KEY) for _ in range(30)]
    assert [reply.status for reply in replies].count(200) == 25
    assert int(replies[-1].headers["retry-after"]) == pytest.approx(4 * 36, abs=2)


@pytest.mark.parametrize("silent", [True, False])
def test_guard_starts_where_dns_is_away(start: Start, names: Names, silent: bool) -> None:
    def nowhere(bootstrap: Any) -> None:
        names.silent = silent
        names.use(bootstrap, names.port if silent else fake_engine.free_port())

    since = time.monotonic()
    assert start(shared(rig.MINUTE), alter=nowhere).ask("GET", "/v1/models", rig.KEY).status == 200
    assert time.monotonic() - since < 4


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
    guards = fleet(start, names, count, shared(guard.RateLimit(60, "Second")))
    passed = load.offer(guards, UNITS, warm=1.5)
    assert 0.9 <= passed.requests / (60 * passed.seconds) <= 1.05  # in so short a time one request is half a percent


def test_client_that_meets_one_replica_alone_gets_that_replicas_share(start: Start, names: Names) -> None:
    names.count = 4
    (running,) = fleet(start, names, 1, shared(guard.RateLimit(80, "Second")))
    assert running.ask("GET", "/v1/models", rig.KEY).headers["x-ratelimit-remaining"] == "76"
    assert load.drain(running) >= 80 // 4 - 1
    passed = load.offer([running], UNITS, warm=0.5)
    assert 80 / 4 * passed.seconds - 1 <= passed.requests <= 80 / 4 * passed.seconds + 2


def test_scaling_to_four_and_back_keeps_within_the_stated_bound(start: Start, names: Names) -> None:
    """docs/guard.md: a burst for each replica, and until a replica has heard of the others, the share of those it knows."""
    limit, now = 60, shared(guard.RateLimit(60, "Second"))
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
