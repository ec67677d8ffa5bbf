"""Asks the guards of each model which configuration they have taken up, beside the queue of writes, and keeps what they said.

A guard is asked at once where its Secret or its pod changed, every moment while it lags behind, else every five minutes. One
that does not answer within PROMPT_SECONDS is asked again with more patience, by SILENT_WORKERS alone: however many guards are
silent, they hold up none that answers.
Must not write anything: sync_hints.py hurries a kubelet that has not delivered the Secret.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Mapping

from vllm_operator import guard
from vllm_operator.kube import cache, kinds, workqueue
from vllm_operator.probes import guard_poll
from vllm_operator.status import guard_conditions, observed, pod_diagnosis, stalls

PROMPT_WORKERS, SILENT_WORKERS = 32, 8  # of one namespace
PROMPT_SECONDS = 0.5
AT_ONCE = 16  # guards of one model, so that a thousand replicas do not mean as many sockets
PERIODIC_SECONDS = 60.0  # a guard that is due later than this has not changed, and waits for those that have

AskGuard = Callable[[str], Coroutine[None, None, guard.State | None]]
Wake = Callable[[kinds.Key], None]


class GuardPolls:
    """What the guards said last, by model. `heard` is called with a model whose guards say something new."""

    def __init__(self, objects: cache.Cache, ask: AskGuard, heard: Wake) -> None:
        self._cache, self._ask, self._heard = objects, ask, heard
        self._polls: dict[kinds.Key, guard_poll.GuardPoll] = {}
        self.prompt = workqueue.Queue(self._ask_prompt, PROMPT_WORKERS, idle_from=PERIODIC_SECONDS)
        self.silent = workqueue.Queue(self._ask_silent, SILENT_WORKERS)

    def of(self, key: kinds.Key) -> Mapping[str, guard.State | None]:
        """Return what the guards of the model said last, by pod; None: no answer. Those not asked yet are left out."""
        poll = self._polls.get(key)
        return poll.by_pod() if poll else {}

    async def _ask_prompt(self, key: kinds.Key) -> float | None:
        """Ask the guards of `key` that answer, where that is due; return the seconds until it is due again."""
        poll = self._begun(key)
        if poll is None:
            self._polls.pop(key, None)
            return None
        self._polls[key] = poll
        if poll.due <= _now():
            answers = await self._ask_each(poll.prompt, PROMPT_SECONDS)
            poll = self._keep(key, self._polls[key].after_prompt(poll.prompt, answers, _now()))
        if poll.silent:
            self.silent.add(key)
        return None if poll.due == guard_poll.NEVER else poll.due - _now()

    def _begun(self, key: kinds.Key) -> guard_poll.GuardPoll | None:
        """Return the poll of `key` as its Secret and its pods are now; None: there is no such model."""
        before, stamp = self._polls.get(key), self._cache.stamp(key)
        if before and before.stamp == stamp:
            return before
        seen = observed.snapshot(self._cache, key)
        if seen is None:
            return None
        wanted = guard_conditions.wanted(seen)
        return guard_poll.begun(before, stamp, wanted, guards(seen), _now(), engines=engines(seen))

    async def _ask_silent(self, key: kinds.Key) -> float | None:
        """Ask the guards of `key` that did not answer promptly; return the seconds until it is due again."""
        poll = self._polls.get(key)
        if poll is None or not poll.silent:
            return None
        if poll.silent_due > _now():
            return poll.silent_due - _now()
        asked = poll.silent
        answers = await self._ask_each(asked, seconds=None)
        if key not in self._polls:
            return None
        poll = self._keep(key, self._polls[key].after_silent(asked, answers, _now()))
        if poll.due <= _now():
            self.prompt.add(key)
        return poll.silent_due - _now()

    async def _ask_each(self, asked: Iterable[guard_poll.Guard], seconds: float | None) -> guard_poll.Answers:
        """Return what those said whose answer was there within `seconds`."""
        answers = dict[guard_poll.Guard, guard.State | None]()
        free = asyncio.Semaphore(AT_ONCE)

        async def ask(one: guard_poll.Guard) -> None:
            async with free:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        answers[one] = await self._ask(one.address)

        await asyncio.gather(*(ask(one) for one in asked))
        return answers

    def _keep(self, key: kinds.Key, after: guard_poll.GuardPoll) -> guard_poll.GuardPoll:
        before, self._polls[key] = self._polls[key], after
        if after.answers != before.answers:
            self._heard(key)
        return after


def guards(seen: observed.ObservedState) -> frozenset[guard_poll.Guard]:
    """Return the guards that run and have an address."""
    found = map(_guard, guard_conditions.guarded(seen))
    return frozenset(one for one in found if one.address)


def engines(seen: observed.ObservedState) -> guard_poll.Engines:
    """Return what is told of the engines whose guards run."""
    found = guard_conditions.guarded(seen)
    return frozenset((pod["metadata"]["uid"], pod_diagnosis.is_ready(pod), stalls.restarts(pod)) for pod in found)


def _guard(pod: kinds.Object) -> guard_poll.Guard:
    metadata, address = pod["metadata"], str(pod.get("status", {}).get("podIP", ""))
    return guard_poll.Guard(metadata["name"], metadata["uid"], address, guard_conditions.restarts(pod))


def _now() -> float:
    return asyncio.get_running_loop().time()
