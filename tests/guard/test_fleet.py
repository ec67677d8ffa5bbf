"""Several guards of one model: each limit is shared over all of them, by the DNS name of the headless Service."""

from __future__ import annotations

import contextlib
import functools
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.guard import rig, test_answers
from tests.guard.dns_server import Names
from vllm_operator import guard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.guard.conftest import Start


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
        promised = [test_answers.assert_true_retry_after(connection) for _ in range(2)]
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
        names.use(bootstrap, names.port if silent else rig.free_port())

    since = time.monotonic()
    assert start(shared(rig.MINUTE), alter=nowhere).ask("GET", "/v1/models", rig.KEY).status == 200
    assert time.monotonic() - since < 4
