"""Asks each model for what its task makes (one token, one embedding) through its Service, with a client's key.

After each rollout, and then at a slow pace. Not while a guard lags: it would refuse a new key. What is not well is asked about
again soon and then ever less, and is believed when it came twice: one cut connection takes no model away. A busy model's refusal
leaves what was known.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from vllm_operator import api, guard, keys
from vllm_operator.children import service
from vllm_operator.engine import options, verification
from vllm_operator.keys import record
from vllm_operator.kube import cache, kinds, naming
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.probes import http_client
from vllm_operator.status import guard_conditions, observed, pod_diagnosis
from vllm_operator.status.observed import ObservedState

SLOWEST_SECONDS = 600.0
AGAIN_SECONDS = 2.0

AskModel = Callable[[str, str, verification.Request], Awaitable[http_client.Answer]]


class Verdict(NamedTuple):
    """`said` is what is told, and None until it is sure; `heard` came last; `served`: by which pod templates."""

    said: ConditionValue | None = None
    heard: ConditionValue | None = None
    served: frozenset[str] = frozenset()
    failures: int = 0
    due: float = 0.0


class Canary:
    """Verifies one model at a time: the work of a queue."""

    def __init__(
        self,
        objects: cache.Cache,
        guards: Callable[[kinds.Key], Mapping[str, guard.State | None]],
        ask: AskModel,
        wake: Callable[[kinds.Key], None],
    ) -> None:
        self._store, self._guards, self._ask, self._wake = objects, guards, ask, wake
        self._verdicts: dict[kinds.Key, Verdict] = {}

    def of(self, key: kinds.Key) -> ConditionValue | None:
        """Return what is known of the model."""
        return self._verdicts.get(key, Verdict()).said

    async def __call__(self, key: kinds.Key) -> float | None:
        """Verify `key` where that is due; return the seconds until it is due again."""
        seen = observed.snapshot(self._store, key)
        served = _served(seen) if seen else frozenset()
        if seen is None or not served:
            self._verdicts.pop(key, None)
            return None
        if not guard_conditions.is_settled(seen._replace(guards=self._guards(key))):
            return None  # the guards' next answer wakes the key
        now, before = asyncio.get_running_loop().time(), self._verdicts.get(key, Verdict())
        rolled_out = len(served) == 1 and served != before.served
        if before.due > now and not rolled_out:
            return before.due - now
        return await self._verify(
            key, seen, before._replace(served=served, failures=before.failures * (not rolled_out))
        )

    async def _verify(self, key: kinds.Key, seen: ObservedState, before: Verdict) -> float | None:
        spec = api.Spec.model_validate(seen.model["spec"])
        client = _client_key(seen, spec, time.time())
        if not client or not seen.child(kinds.SERVICE, seen.owner.name):
            return None
        request = verification.request(options.served_name(spec.model), spec.model.task)
        answer = await self._ask(service.address(seen.owner), client, request)
        now = observed.snapshot(self._store, key)
        if now is None or guard_conditions.wanted(now) != guard_conditions.wanted(seen):
            return AGAIN_SECONDS  # the keys changed meanwhile
        after = judged(before, _meaning(answer, spec.model.task, client), asyncio.get_running_loop().time())
        self._verdicts[key] = after
        if after.said != before.said:
            self._wake(key)
        return after.due - asyncio.get_running_loop().time()


def judged(before: Verdict, heard: ConditionValue | None, now: float) -> Verdict:
    """Return the verdict after `heard`, None where the model was busy."""
    if heard and heard.status == "True":
        pause = SLOWEST_SECONDS * random.uniform(1, 1.2)  # noqa: S311 - spreads load, guards nothing
        return before._replace(said=heard, heard=heard, failures=0, due=now + pause)
    twice = heard and before.heard and before.heard.status == heard.status
    pause = min(SLOWEST_SECONDS, AGAIN_SECONDS * 2 ** min(before.failures, 20))
    return before._replace(
        said=heard if twice else before.said, heard=heard, failures=before.failures + 1, due=now + pause
    )


def _meaning(answer: http_client.Answer, task: api.Task, key: str) -> ConditionValue | None:
    if not answer.reached:
        return ConditionValue("Unknown", "Unreachable", "the operator does not reach the model's Service")
    if answer.status in verification.BUSY:
        return None
    if not answer.status:
        return _wrong(f"got no answer: {answer.text}")
    if fault := verification.fault(answer.status, answer.text, task, key):
        return _wrong(f"was answered {fault}")
    return ConditionValue("True", "Verified", f"{verification.PROOFS[task].what} came back through the Service")


def _wrong(words: str) -> ConditionValue:
    return ConditionValue("False", "AnswerWrong", f"a request through the Service, with a client's key, {words}")


def _served(seen: ObservedState) -> frozenset[str]:
    """Return the pod templates that are served."""
    ready = (pod for pod in seen.pods() if pod_diagnosis.is_ready(pod))
    return frozenset(map(observed.template_hash, ready))


def _client_key(seen: ObservedState, spec: api.Spec, now: float) -> str:
    """Return the key of the first client that has one and whose time is not over."""
    late = keys.expired(spec.access, now)
    names = [client.name for client in keys.clients(spec.access) if client.name not in late]
    secrets = (seen.child(kinds.SECRET, naming.client_secret(seen.owner.name, name)) for name in names)
    return next(filter(None, map(record.key, secrets)), "")
