"""One phase: something is done, and all that follows of it is awaited; what it took and cost comes from audit log and /proc."""

import asyncio
import collections
import statistics
import time
from collections.abc import Awaitable, Iterable
from typing import Any, NamedTuple

from dev import progress
from tests.bench.scale import audit, cluster

LOOK = 0.2  # seconds between two looks into the audit log
QUIET = 2.0  # seconds without a write, after which nothing is taken to follow
PATIENCE = 3600.0

Phase = dict[str, Any]
"""Plain numbers, as they stand in the JSON: seconds, counts, and CPU seconds by component."""


class Followed(NamedTuple):
    """What was called while a phase lasted, and what it cost: CPU seconds by component."""

    calls: list[audit.Call]
    cpu: dict[str, float]


async def follow(on: cluster.Cluster, act: Awaitable[object], names: Iterable[str], quiet: float = QUIET) -> Followed:
    """Await `act`, then a status of each of `names` that was written since, and then `quiet` seconds without a write."""
    on.log.fresh()
    before, since, missing = on.cpu(), time.monotonic(), set(names)
    doing = asyncio.ensure_future(act)
    calls: list[audit.Call] = []
    last = time.monotonic()
    while not doing.done() or missing or time.monotonic() < last + quiet:
        await asyncio.sleep(LOOK)
        fresh = on.log.fresh()
        calls += fresh
        written = audit.writes(fresh)
        missing -= {call.name for call in written if call.resource == audit.STATUS}
        last = time.monotonic() if written else last
        if time.monotonic() > since + PATIENCE:
            raise progress.Failure(f"{len(missing)} models were not worked on", f"for example {sorted(missing)[:3]}")
    await doing
    return Followed(calls, {name: used - before[name] for name, used in on.cpu().items()})


def summary(found: Followed, models: int, *, created: bool) -> Phase:
    """Return a phase's numbers: where children were created it ends with the last child, else with the last write."""
    written = audit.writes(found.calls)
    asked = [call for call in audit.writes(found.calls, audit.ADMIN) if call.resource == audit.MODELS]
    ends = _ends(call for call in written if not created or call.is_child)
    begins = {call.name: call.asked for call in asked}
    took = sorted(ends[name] - begun for name, begun in begins.items() if name in ends)
    return {
        "seconds": max(ends.values()) - min(begins.values()),
        "p50": statistics.median(took),
        "p99": took[min(len(took) - 1, int(len(took) * 0.99))],
        "calls per model": {name: count / models for name, count in audit.counts(found.calls).items()},
        "writes per model": len(written) / models,
        "refused": dict(
            collections.Counter(f"{call.verb} {call.resource} {call.code}" for call in written if call.code >= 400)
        ),
        "cpu": found.cpu,
    }


def _ends(calls: Iterable[audit.Call]) -> dict[str, float]:
    """Return when the last call for each model was answered."""
    found: dict[str, float] = {}
    for call in calls:
        found[call.model] = max(call.answered, found.get(call.model, 0.0))
    return found
