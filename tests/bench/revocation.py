"""How soon a revoked key is out of the guard's Secret while the operator sweeps many models, some of which are unreachable.

    make bench ONLY=revocation                                 300 models, 50 unreachable: some minutes
    make bench ONLY=revocation MODELS=3000 UNREACHABLE=500     the long form

From the API server's answer to the change of a spec until its answer to the write of the guard's Secret, by its audit log. Twice:
while the operator asks the guards of the unreachable models again and again, and while it also checks all models, as after a
restart. A change is a raised keyVersion without an overlap, or one client less. Half of the changed models are unreachable.
"""

import asyncio
import itertools
import os
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import NamedTuple

import uvloop

from dev import progress
from tests.bench import figures, unreachable
from tests.bench.scale import audit, cluster, load, measure, rest, wire
from vllm_operator.kube import naming

MODELS = int(os.environ.get("MODELS", "300").split()[-1])  # the benchmark of scale takes several
UNREACHABLE = int(os.environ.get("UNREACHABLE", "50"))
CHANGES = int(os.environ.get("CHANGES", "200"))
EVERY = 0.2  # seconds: a burst would measure how many changes the operator works off in a second
PATIENCE = 120.0
PROMISED = 1.0
KEPT, LEAVING = "kept", "leaving"


class Found(NamedTuple):
    """What a phase found: the seconds of each change, how many were not acted on, and how often a silent guard was asked."""

    seconds: list[float]
    lost: int
    asked: int


class Client(NamedTuple):
    """Who changes the models: `raising`: those whose keyVersion is raised first, and that lose a client later."""

    on: cluster.Cluster
    api: wire.Api
    silence: unreachable.Silence
    raising: frozenset[str]

    async def phase(self, chosen: AsyncIterator[str], *, is_first: bool) -> Found:
        """Change models as they come; return how long it took until the guards' Secrets had it."""
        self.on.log.fresh()
        asked, changed = self.silence.connections, list[str]()
        async with asyncio.TaskGroup() as group:
            async for name in chosen:
                changed.append(name)
                group.create_task(self._change(name, is_first=is_first))
        seconds = await self._acted(changed)
        return Found(list(seconds.values()), len(changed) - len(seconds), self.silence.connections - asked)

    async def _change(self, name: str, *, is_first: bool) -> None:
        raises = name in self.raising
        one = access(raised=raises, removed=not raises) if is_first else access(raised=True, removed=True)
        patch = {"spec": {"access": one}}
        await self.api.ask("PATCH", f"{load.MODELS}/{name}", patch, wire.MERGE)

    async def _acted(self, changed: list[str]) -> dict[str, float]:
        """Wait until all changes were acted on, or PATIENCE; return the seconds by model."""
        deadline, calls = time.monotonic() + PATIENCE, self.on.log.fresh()
        while len(seconds(calls)) < len(changed) and time.monotonic() < deadline:
            await asyncio.sleep(measure.LOOK)
            calls += self.on.log.fresh()
        return seconds(calls)


def main() -> Iterator[figures.Figure]:
    """Yield the figures."""
    for phase, found in uvloop.run(_measured()).items():
        yield from _figures(f"{MODELS} models, {UNREACHABLE} unreachable, {phase}", found)


async def _measured() -> dict[str, Found]:
    names = load.names(MODELS)
    pods = unreachable.addresses(spread(names, UNREACHABLE))
    chosen = mixed(names, pods)
    with cluster.fresh(unreachable.CONTROLLERS) as on, cluster.operator(on) as one:
        async with wire.Api(on.admin) as api, unreachable.silent(pods) as silence:
            await measure.follow(on, load.parallel(names, lambda name: _create(api, name)), names)
            await unreachable.run(api, pods)
            await _until("every silent guard to be asked", lambda: len(silence.heard) == len(pods))
            client = Client(on, api, silence, raising(chosen))
            polled = await client.phase(_paced(chosen), is_first=True)
            checked = await client.phase(_checked(one, chosen), is_first=False)
    return {"guards asked": polled, "all checked": checked}


async def _create(api: wire.Api, name: str) -> None:
    await api.ask("POST", load.MODELS, load.model(name, access=access(raised=False, removed=False)))


def access(*, raised: bool, removed: bool) -> dict[str, object]:
    """Return spec.access, in which a replaced key ends at once."""
    kept: dict[str, object] = {"name": KEPT, "keyVersion": 2 if raised else 1}
    return {"rotationOverlap": "0s", "clients": [kept] if removed else [kept, {"name": LEAVING}]}


def spread(names: list[str], count: int) -> list[str]:
    """Return so many of the names, evenly spread."""
    return [names[number * len(names) // count] for number in range(count)]


def mixed(names: list[str], silent: Iterable[str]) -> list[str]:
    """Return the models that are changed, spread over all: one that is reachable and one that is not by turns."""
    apart = list(silent)
    others = [name for name in names if name not in set(apart)]
    each = min(CHANGES // 2, len(apart), len(others))
    pairs = zip(spread(others, each), spread(apart, each), strict=True)
    return list(itertools.chain.from_iterable(pairs))


def raising(chosen: list[str]) -> frozenset[str]:
    """Return every second pair."""
    return frozenset(chosen[::4] + chosen[1::4])


def seconds(calls: list[audit.Call]) -> dict[str, float]:
    """Return by model how long after the answer to its change the first write of its guard's Secret was answered."""
    changed = {call.name: call for call in calls if (call.user, call.resource) == (audit.ADMIN, audit.MODELS)}
    found: dict[str, float] = {}
    for call in sorted(_of_guards(calls), key=lambda call: call.answered):
        change = changed.get(call.model)
        if change and call.asked >= change.asked:
            found.setdefault(call.model, max(0.0, call.answered - change.answered))
    return found


def _of_guards(calls: Iterable[audit.Call]) -> list[audit.Call]:
    """Return the writes of guards' Secrets that were taken."""
    written = [call for call in audit.writes(calls) if call.resource == "secrets" and call.code < wire.FAILED]
    return [call for call in written if call.name == naming.guard_secret(call.model)]


async def _paced(chosen: Iterable[str]) -> AsyncIterator[str]:
    for name in chosen:
        yield name
        await asyncio.sleep(EVERY)


async def _checked(one: cluster.Operator, chosen: Iterable[str]) -> AsyncIterator[str]:
    """Restart the operator, and again, and yield models while it checks all of them."""
    waiting = list(chosen)[::-1]
    while waiting:
        one.end()
        one.start()
        await _until("the check of all models", lambda: _idle(one) > 0)
        while waiting and await asyncio.to_thread(_idle, one) > 0:
            yield waiting.pop()
            await asyncio.sleep(EVERY)
        await asyncio.sleep(rest.SETTLE)  # a restart is not to meet what was changed at last


def _idle(one: cluster.Operator) -> float:
    """Return how many models wait for their check."""
    return one.metric(rest.WAITING, priority="idle")


async def _until(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not await asyncio.to_thread(holds):
        if time.monotonic() > deadline:
            raise progress.Failure(f"waited {PATIENCE:.0f} s in vain for {what}", "run it alone on the machine")
        await asyncio.sleep(rest.POLL)


def _figures(title: str, found: Found) -> Iterator[figures.Figure]:
    p99 = statistics.quantiles(found.seconds, n=100, method="inclusive")[98]
    yield figures.Figure(f"{title}: changes", "", (len(found.seconds),))
    yield figures.Figure(f"{title}: p50", "s", (statistics.median(found.seconds),))
    yield figures.Figure(f"{title}: p99", "s", (p99,), PROMISED)
    yield figures.Figure(f"{title}: slowest", "s", (max(found.seconds),))
    yield figures.Figure(f"{title}: changes not acted on", "", (found.lost,), 0.5)
    yield figures.Figure(f"{title}: silent guards asked", "", (found.asked,))
