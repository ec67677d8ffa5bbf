"""Callers that ask as fast as they are answered, and how many requests passed."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from concurrent import futures
from typing import TYPE_CHECKING, NamedTuple

from tests.guard import rig

if TYPE_CHECKING:
    import http.client
    from collections.abc import Sequence


class Passed(NamedTuple):
    """So many of the requests of `seconds` got a 200."""

    requests: int
    seconds: float


def drain(*guards: rig.Guard, key: str = rig.KEY) -> int:
    """Spend what is in the buckets, all at a time; return how many requests passed."""
    with futures.ThreadPoolExecutor(len(guards)) as callers:
        return sum(callers.map(functools.partial(_drain, key=key), guards))


def _drain(running: rig.Guard, key: str) -> int:
    with contextlib.closing(running.connection()) as connection:
        passed = 0
        while rig.ask(connection, "GET", "/v1/models", key).status == 200:
            passed += 1
    return passed


def offer(guards: Sequence[rig.Guard], seconds: float, warm: float = 0.0, key: str = rig.KEY) -> Passed:
    """Ask every guard without a pause; what passed is counted for so many `seconds`, after so many that spend the burst."""
    begin = time.monotonic() + warm
    end = begin + seconds

    def one(running: rig.Guard) -> int:
        passed = 0
        with contextlib.closing(running.connection()) as connection:
            while (now := time.monotonic()) < end:
                passed += rig.ask(connection, "GET", "/v1/models", key).status == 200 and now >= begin
                threading.Event().wait(0.002)  # leaves the engine and the other callers their turn
        return passed

    with futures.ThreadPoolExecutor(len(guards)) as callers:
        return Passed(sum(callers.map(one, guards)), time.monotonic() - begin)


def assert_true_retry_after(connection: http.client.HTTPConnection) -> int:
    """Compare the promise of a 429 with when the next request passes; refused ones cost nothing."""
    refused, since = rig.ask(connection, "GET", "/v1/models", rig.KEY), time.monotonic()
    assert refused.status == 429
    promised = int(refused.headers["retry-after"])
    while time.monotonic() < since + promised:
        if rig.ask(connection, "GET", "/v1/models", rig.KEY).status == 200:
            assert time.monotonic() >= since + promised - 1.1, "the promise is rounded up, by no more than a second"
            return promised
    assert rig.ask(connection, "GET", "/v1/models", rig.KEY).status == 200, "the first after the pause passes"
    return promised
