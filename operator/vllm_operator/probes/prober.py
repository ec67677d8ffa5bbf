"""All that is asked of all models, beside the queue of writes: never part of a write.

`enqueue(key)` after each run of a model is enough: where there is nothing new to ask, nothing is asked before it is due. What is
heard anew wakes the model's key. Only the leader runs the models, so only the leader asks.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import NamedTuple, Protocol

from vllm_operator import guard
from vllm_operator.engine import verification
from vllm_operator.kube import cache, client, kinds, workqueue
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.probes import canary, fetch_polls, guard_polls, http_client, inquiries, stocks, sync_hints
from vllm_operator.status import observed
from vllm_operator.status.accelerators import Stock
from vllm_operator.status.fetch_progress import FetchState
from vllm_operator.status.pod_view import Evidence

CANARY_WORKERS = 16  # of one namespace
PERIODIC_SECONDS = 300.0  # a model that is due later than this has not changed, and waits for those that have


class Asking(Protocol):
    """Who asks: http_client.Probe."""

    def ask_guard(self, address: str) -> Coroutine[None, None, guard.State | None]:
        """Ask the guard of the pod with that IP."""

    def ask_fetcher(self, address: str) -> Coroutine[None, None, str | None]:
        """Ask the fetcher in the pod with that IP."""

    async def ask_model(self, base: str, key: str, request: verification.Request) -> http_client.Answer:
        """Send one keyed request."""


class Answers(NamedTuple):
    """What was heard last of one model, as ObservedState has it."""

    guards: Mapping[str, guard.State | None]
    fetch: FetchState
    evidence: Mapping[str, Evidence]
    stock: Stock | None
    verified: ConditionValue | None
    asked: frozenset[str]


class Prober:
    """Asks guards and models, and hurries the kubelets of guards that lag. `wake` is called where something new was heard."""

    def __init__(
        self,
        api: client.Api,
        objects: cache.Cache,
        ask: Asking,
        wake: Callable[[kinds.Key], None],
        *,
        sees_nodes: bool = False,
    ) -> None:
        self._wake = wake
        self._inquiries = inquiries.Inquiries(api, objects, wake, stocks.Stocks(api, objects, sees_nodes=sees_nodes))
        self._polls = guard_polls.GuardPolls(objects, ask.ask_guard, self._heard)
        self._fetches = fetch_polls.FetchPolls(api, objects, ask.ask_fetcher, wake)
        self._canary = canary.Canary(objects, self._polls.of, ask.ask_model, wake)
        self._hints = workqueue.Queue(sync_hints.SyncHints(api, objects, self._polls.of), sync_hints.WORKERS)
        self._requests = workqueue.Queue(self._canary, CANARY_WORKERS, idle_from=PERIODIC_SECONDS)

    def enqueue(self, key: kinds.Key) -> None:
        """Ask of the model `key` what is due."""
        self._hints.add(key)
        self._polls.prompt.add(key)
        self._fetches.queue.add(key)
        self._inquiries.queue.add(key)
        self._requests.add(key)

    def answers(self, key: kinds.Key) -> Answers:
        """Return what was heard last of the model."""
        return Answers(
            guards=self._polls.of(key),
            fetch=self._fetches.of(key),
            evidence=self._inquiries.of(key),
            stock=self._inquiries.stock(),
            verified=self._canary.of(key),
            asked=self._canary.asked(key),
        )

    def with_answers(self, seen: observed.ObservedState) -> observed.ObservedState:
        """Return `seen` with what was heard last."""
        return seen._replace(**self.answers(seen.owner.key)._asdict())

    def context(self, key: kinds.Key) -> int | None:
        """Return the length of the context that the model's servers were last seen to have chosen, in tokens."""
        return self._canary.context(key)

    async def run(self) -> None:
        """Ask until `stop`."""
        await asyncio.gather(*(queue.run() for queue in self._queues()))

    async def stop(self) -> None:
        """Ask nothing more, and wait for no answer."""
        await asyncio.gather(*(queue.stop(0) for queue in self._queues()))

    def _queues(self) -> tuple[workqueue.Queue, ...]:
        return (
            self._hints,
            self._polls.prompt,
            self._polls.silent,
            self._fetches.queue,
            self._inquiries.queue,
            self._requests,
        )

    def _heard(self, key: kinds.Key) -> None:
        """A guard said something new: it may have to be hurried before the model's run comes to it."""
        self._hints.add(key)
        self._wake(key)
