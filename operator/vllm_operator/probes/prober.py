"""Asks the guards and the Service of each model, beside the queue of writes, and keeps what they said: never part of a write.

`look(key)` after each run of a model is enough: whoever has nothing new to be asked is left alone until its pace says so. What is
said anew wakes the model's key. Only the leader runs the models, so only the leader asks.

A guard that lags behind its Secret waits for its kubelet, which looks once a minute, or as soon as the pod changes: so the pod's
annotation is changed, and changed again, for the kubelet may be quicker than its own watch of the Secret.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Mapping
from typing import NamedTuple, Protocol

from vllm_operator import guard
from vllm_operator.engine import verification
from vllm_operator.kube import cache, client, errors, kinds, naming, workqueue
from vllm_operator.probes import canary, http_client
from vllm_operator.status import guard_conditions, observed

LOG = logging.getLogger(__name__)
GUARD_WORKERS, VERIFY_WORKERS = 32, 16
SETTLED_SECONDS = 300.0
SOONEST, LATEST = 0.2, 15.0  # a guard that lags: after a quarter of the time that it has lagged
SILENT_SOONEST, SILENT_LATEST = 1.0, 60.0  # a guard that does not answer
MOMENT = 0.1  # in which a guard that is not busy answers
NUDGES = 9
NUDGE_SECONDS = 0.4  # after each of the first; then twice as long each time
EARLY = 2

AskGuard = Callable[[str], Coroutine[None, None, guard.State | None]]
Wake = Callable[[kinds.Key], None]


class Asking(Protocol):
    """Who asks: probe.Probe."""

    async def ask_guard(self, address: str) -> guard.State | None:
        """Ask the guard of the pod with that IP."""

    async def ask_model(self, base: str, key: str, request: verification.Request) -> http_client.Answer:
        """Send one keyed request."""


class SyncHint(NamedTuple):
    """How often a pod was changed for the sake of one configuration, and when it is next."""

    times: int = 0
    due: float = 0.0


class GuardPoll(NamedTuple):
    """What the guards of one model said last, by pod.

    `refusals`: what they had refused when they last had what was wanted; `owed`: who ran when another configuration was written,
    and is told of it even where its guard does not answer.
    """

    wanted: str = ""
    asked: frozenset[tuple[str, str, int]] = frozenset()
    guards: Mapping[str, guard.State | None] = {}
    refusals: Mapping[str, int] = {}
    nudges: Mapping[str, SyncHint] = {}
    owed: frozenset[str] = frozenset()
    since: float = 0.0
    due: float = 0.0


class GuardPolls:
    """Asks the guards of one model at a time: the work of a queue."""

    def __init__(self, api: client.Api, objects: cache.Cache, ask: AskGuard, wake: Wake) -> None:
        self._cluster, self._store, self._ask, self._wake = api, objects, ask, wake
        self._rounds: dict[kinds.Key, GuardPoll] = {}

    def of(self, key: kinds.Key) -> Mapping[str, guard.State | None]:
        """Return what the guards of the model said last."""
        return self._rounds.get(key, GuardPoll()).guards

    async def __call__(self, key: kinds.Key) -> float | None:
        """Ask the guards of `key` where that is due; return the seconds until it is due again."""
        seen = observed.snapshot(self._store, key)
        if seen is None:
            self._rounds.pop(key, None)
            return None
        pods = {pod["metadata"]["name"]: pod for pod in guard_conditions.guarded(seen) if _address(pod)}
        before, now = self._rounds.get(key, GuardPoll()), asyncio.get_running_loop().time()
        after = _begun(before, guard_conditions.wanted(seen), pods, now)
        if after.due > now:
            return after.due - now
        after = await self._heard(after, pods)
        after = after._replace(since=now) if _is_settled(after) else after
        self._rounds[key] = after = after._replace(due=now + _pause(after, now))
        if after.guards != before.guards:
            self._wake(key)
        return after.due - now if pods else None

    async def _heard(self, before: GuardPoll, pods: Mapping[str, kinds.Object]) -> GuardPoll:
        found = dict(zip(pods, await asyncio.gather(*(self._one(pod, before) for pod in pods.values())), strict=True))
        return before._replace(
            guards={pod: state for pod, (state, _, _) in found.items()},
            refusals={pod: refusals for pod, (_, refusals, _) in found.items()},
            nudges={pod: nudge for pod, (_, _, nudge) in found.items() if nudge.times},
        )

    async def _one(self, pod: kinds.Object, before: GuardPoll) -> tuple[guard.State | None, int, SyncHint]:
        """Ask one guard, and hurry its kubelet where it lags; a guard that is busy is not waited for, and holds up no other."""
        name = pod["metadata"]["name"]
        owed, nudge = name in before.owed, before.nudges.get(name, SyncHint())
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(self._ask(_address(pod)))
            await asyncio.wait({asking}, timeout=MOMENT)
            if owed and not asking.done():
                nudge = await self._nudged(pod, before.wanted, nudge)
        raw = asking.result()
        refusals = _refusals(raw, before, name)
        state = raw and guard.State(raw.version, raw.rejected - refusals)
        if _is_late(state, before.wanted, owed=owed):
            nudge = await self._nudged(pod, before.wanted, nudge)
        return state, refusals, nudge

    async def _nudged(self, pod: kinds.Object, wanted: str, last: SyncHint) -> SyncHint:
        """Change the annotation of `pod` where that is due."""
        now = asyncio.get_running_loop().time()
        if last.times >= NUDGES or now < last.due:
            return last
        metadata = {name: pod["metadata"][name] for name in ("name", "namespace")}
        live = self._store.get(kinds.ref(pod)) or pod  # it may have been told since its guard was asked
        annotations = {naming.GUARD_VERSION_ANNOTATION: _next(live, wanted)}
        body = {"apiVersion": "v1", "kind": kinds.POD.kind, "metadata": {**metadata, "annotations": annotations}}
        try:
            self._store.put(await self._cluster.merge(body, pod["metadata"]["uid"]))
        except errors.ApiError as error:
            LOG.warning("Pod was not told of its guard's configuration %s error=%s", kinds.ref(pod), error)
        return SyncHint(last.times + 1, now + NUDGE_SECONDS * 2 ** max(0, last.times - EARLY))


class Prober:
    """All that is asked of all models."""

    def __init__(self, api: client.Api, objects: cache.Cache, ask: Asking, wake: Wake) -> None:
        self._guards = GuardPolls(api, objects, ask.ask_guard, wake)
        self._verifier = canary.Canary(objects, self._guards.of, ask.ask_model, wake)
        self._queues = (
            workqueue.Queue(self._guards, GUARD_WORKERS),
            workqueue.Queue(self._verifier, VERIFY_WORKERS),
        )

    def look(self, key: kinds.Key) -> None:
        """Ask of the model `key` what is due."""
        for queue in self._queues:
            queue.add(key)

    def seen(self, seen: observed.ObservedState) -> observed.ObservedState:
        """Return `seen` with what was answered."""
        key = kinds.Key(*seen.owner[:2])
        return seen._replace(guards=self._guards.of(key), verified=self._verifier.of(key))

    async def run(self) -> None:
        """Ask until `stop`."""
        async with asyncio.TaskGroup() as group:
            for queue in self._queues:
                group.create_task(queue.run())

    async def stop(self) -> None:
        """Ask nothing more, and wait for no answer."""
        await asyncio.gather(*(queue.stop(0) for queue in self._queues))


def _begun(before: GuardPoll, wanted: str, pods: Mapping[str, kinds.Object], now: float) -> GuardPoll:
    """Return the round that goes on from `before`; what is to be asked anew is due, and was right until now."""
    asked = frozenset((pod["metadata"]["uid"], _address(pod), guard_conditions.restarts(pod)) for pod in pods.values())
    if (wanted, asked) == (before.wanted, before.asked):
        return before
    if wanted != before.wanted:
        owed = frozenset(pods) if before.wanted else before.owed
        before = before._replace(wanted=wanted, nudges={}, owed=owed)
    return before._replace(asked=asked, since=now, due=0.0)


def _refusals(state: guard.State | None, before: GuardPoll, pod: str) -> int:
    """Return the refusals that are past: what counts is what was refused since the guard last had what was wanted."""
    past = before.refusals.get(pod, 0)
    if state is None:
        return past
    return state.rejected if state.version == before.wanted else min(past, state.rejected)


def _is_late(state: guard.State | None, wanted: str, *, owed: bool) -> bool:
    """Tell whether the kubelet is to be hurried; a guard that refused something may have refused what was wanted before."""
    return owed if state is None else _lags(state, wanted)


def _lags(state: guard.State | None, wanted: str) -> bool:
    return state is not None and state.version != wanted


def _is_settled(after: GuardPoll) -> bool:
    return all(state and state.version == after.wanted for state in after.guards.values())


def _pause(after: GuardPoll, now: float) -> float:
    lasting = now - after.since
    if any(_lags(state, after.wanted) for state in after.guards.values()):
        return min(LATEST, max(SOONEST, lasting / 4))
    if not _is_settled(after):
        return min(SILENT_LATEST, max(SILENT_SOONEST, lasting))
    return SETTLED_SECONDS * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, guards nothing


def _next(pod: kinds.Object, wanted: str) -> str:
    """Return the annotation's next value: `wanted`, then with a number, for only a change is a change to the kubelet."""
    annotations = pod["metadata"].get("annotations") or {}
    told, _, number = annotations.get(naming.GUARD_VERSION_ANNOTATION, "").partition(".")
    return f"{wanted}.{int(number) + 1 if number.isdecimal() else 2}" if told == wanted else wanted


def _address(pod: kinds.Object) -> str:
    return str(pod.get("status", {}).get("podIP", ""))
