"""Asks each model for what its task makes (one token, one embedding) with a client's key: its Service, and its servers in turn.

After each rollout, and then at a slow pace; what fails is asked more often. Not while a guard lags, which would refuse a new key,
nor while servers of two names answer. Must not decide what is believed of an answer: verdict.py does.
"""

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from vllm_operator import api, guard
from vllm_operator.children import pod as server
from vllm_operator.children import service, template
from vllm_operator.engine import verification
from vllm_operator.kube import backoff, cache, kinds, naming, seats
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.probes import http_client, spare_client, verdict
from vllm_operator.status import guard_conditions, observed, pod_diagnosis
from vllm_operator.status.observed import ObservedState

AGAIN_SECONDS = 2.0
FAILING = 8  # models of one namespace that are known to fail and asked at once: each may hang for a minute
LATER = backoff.Backoff(first=10.0, longest=10.0, jitter=0.5)

ONE_WRONG = guard_conditions.ONE_WRONG
UNREACHABLE = ConditionValue("Unknown", "Unreachable", "the operator does not reach the model's Service")

AskModel = Callable[[str, str, verification.Request], Awaitable[http_client.Answer]]


class Question(NamedTuple):
    """What a model is to be asked, with whose key; `generation` is that of the spec whose servers answer.

    `servers`: the URL of each server that answers, by its pod; `chooses_context`: they choose the length of their context.
    """

    client: spare_client.SpareClient
    served: verification.Served
    generation: int
    servers: Mapping[str, str] = {}
    chooses_context: bool = False


class Context(NamedTuple):
    """The length of the context that the servers of `templates` have chosen, in tokens."""

    templates: frozenset[str]
    tokens: int


class Canary:
    """Verifies one model at a time: the work of a queue. `guards`: what guards said last; `wake` is called for a new verdict."""

    def __init__(
        self,
        objects: cache.Cache,
        guards: Callable[[kinds.Key], Mapping[str, guard.State | None]],
        ask: AskModel,
        wake: Callable[[kinds.Key], None],
    ) -> None:
        self._cache, self._guards, self._ask_model, self._wake = objects, guards, ask, wake
        self._verdicts: dict[kinds.Key, verdict.Verdict] = {}
        self._failing = seats.Seats(FAILING)
        self._contexts: dict[kinds.Key, Context] = {}

    def of(self, key: kinds.Key) -> ConditionValue | None:
        """Return what is known of the model."""
        return self._verdicts.get(key, verdict.Verdict()).said

    def asked(self, key: kinds.Key) -> frozenset[str]:
        """Return the pod templates of which that is known."""
        return self._verdicts.get(key, verdict.Verdict()).asked

    def context(self, key: kinds.Key) -> int | None:
        """Return the length of the context that the model's servers were last seen to have chosen, in tokens."""
        found = self._contexts.get(key)
        return found.tokens if found else None

    async def __call__(self, key: kinds.Key) -> float | None:
        """Verify `key` where that is due; return the seconds until it is due again, None where only a change makes it so."""
        before, stamp = self._verdicts.get(key, verdict.Verdict()), self._cache.stamp(key)
        now = asyncio.get_running_loop().time()
        if before.stamp == stamp and before.due > now:
            return before.due - now
        seen = observed.snapshot(self._cache, key)
        templates = _templates(seen) if seen else frozenset()
        if seen is None or not templates:
            self._verdicts.pop(key, None)
            if seen is None:
                self._contexts.pop(key, None)
            return None
        if not guard_conditions.is_settled(seen._replace(guards=self._guards(key))):
            return None  # the guards' next answer wakes the key
        before = dataclasses.replace(before.of_templates(templates), stamp=stamp)
        question = _question(seen, before.said, time.time())
        if not isinstance(question, Question):
            self._keep(key, before.without_asking(question) if question else before)
            return None
        if before.due <= now:
            return await self._verify(key, seen, before, question)
        self._keep(key, before.of_generation(question.generation))
        return before.due - now

    async def _verify(
        self, key: kinds.Key, seen: ObservedState, before: verdict.Verdict, question: Question
    ) -> float | None:
        before = before.among(question.servers)
        before = dataclasses.replace(before, server=before.turn(question.servers))
        if before.failing_since is None:
            heard = await self._heard(seen.owner, question, before.server)
        elif not self._failing.is_free(key.namespace):
            return LATER.pause(0)
        else:
            with self._failing.taken(key.namespace):
                heard = await self._heard(seen.owner, question, before.server)
        if not self._is_as_it_was(key, seen):
            return AGAIN_SECONDS
        if question.chooses_context and heard and heard.status == "True":
            await self._learn_context(key, seen, question)
        now = asyncio.get_running_loop().time()
        after = before.after(heard, question.client.per_hour, now)
        self._keep(key, after)
        return after.due - now

    async def _heard(self, owner: naming.Owner, question: Question, server: str | None) -> ConditionValue | None:
        """Ask the Service, or a server; return what the answer means: None where it tells nothing, as that of a busy one."""
        model, task, key = question.served.model, question.served.task, question.client.key
        base = question.servers[server] if server else service.address(owner)
        answer = await self._ask_model(base, key, verification.request(model, task))
        found = _meaning(answer, task, key, server or "")
        return found and found._replace(generation=question.generation)

    async def _learn_context(self, key: kinds.Key, seen: ObservedState, question: Question) -> None:
        """Ask once of each pod template how long a context its servers have chosen; one that does not say it is asked again."""
        templates, before = _templates(seen), self._contexts.get(key)
        if before and before.templates == templates:
            return
        answer = await self._ask_model(service.address(seen.owner), question.client.key, verification.MODELS)
        tokens = verification.context(answer.text) if answer.status == verification.OK else None
        if tokens and self._is_as_it_was(key, seen):
            self._contexts[key] = Context(templates, tokens)
            self._wake(key)

    def _is_as_it_was(self, key: kinds.Key, before: ObservedState) -> bool:
        """Tell whether keys and servers are those that were asked: else the answer is of no use."""
        now = observed.snapshot(self._cache, key)
        if now is None or _templates(now) != _templates(before):
            return False
        return guard_conditions.wanted(now) == guard_conditions.wanted(before)

    def _keep(self, key: kinds.Key, after: verdict.Verdict) -> None:
        before = self._verdicts.get(key, verdict.Verdict())
        self._verdicts[key] = after
        if (after.said, after.asked) != (before.said, before.asked):
            self._wake(key)


def _question(seen: ObservedState, said: ConditionValue | None, now: float) -> Question | ConditionValue | None:
    """Return what is to be asked; or why the model cannot be asked; or None where what was `said` stays for now."""
    try:
        spec = api.parse(seen.model.get("spec"))
    except api.SpecNotUnderstood:
        return None
    if not seen.child(kinds.SERVICE, seen.owner.name):
        words = f"the Service {seen.owner.name} is not there, or is not this model's"
        return ConditionValue("Unknown", "NoService", words, _newest(seen))
    client = spare_client.find(seen, spec.access, now)
    if isinstance(client, ConditionValue):
        return client._replace(generation=_newest(seen))
    arguments = [_arguments(pod) for pod in _ready(seen)]
    served = {verification.served(one, spec.model.task) for one in arguments}
    (one,) = served if len(served) == 1 else (None,)
    chooses = all(map(verification.chooses_context, arguments))
    return Question(client, one, _generation(seen, spec, said), _servers(seen), chooses) if one else None


def _generation(seen: ObservedState, spec: api.Spec, said: ConditionValue | None) -> int:
    """Return the generation of the spec whose servers answer: today's once it is rolled out, until then that of before."""
    before = said or guard_conditions.before(seen, "Verified")
    is_todays = _is_rolled_out(seen, template.digest(spec, template.asked(seen.model)))
    return _newest(seen) if is_todays else before.generation or _newest(seen)


def _newest(seen: ObservedState) -> int:
    return int(seen.model["metadata"]["generation"])


def _is_rolled_out(seen: ObservedState, inputs: str) -> bool:
    """Tell whether all servers are of the pod template that is made of `inputs`."""
    deployment = seen.child(kinds.DEPLOYMENT, seen.owner.name) or {"metadata": {}}
    metadata, status = deployment["metadata"], deployment.get("status") or {}
    if template.spec_of((metadata.get("annotations") or {}).get(naming.INPUTS_ANNOTATION, "")) != inputs:
        return False
    is_observed = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
    return is_observed and status.get("updatedReplicas") == status.get("replicas")


def _meaning(answer: http_client.Answer, task: api.Task, key: str, server: str) -> ConditionValue | None:
    """Return what the answer means; `server`: the pod that was asked, "" for the Service."""
    if not answer.reached:
        return None if server else UNREACHABLE
    if answer.status in verification.BUSY:
        return None
    if not answer.status:
        return _wrong(server, f"got no answer: {answer.text}")
    if fault := verification.fault(answer.status, answer.text, task, key):
        return _wrong(server, f"was answered {fault}")
    return ConditionValue("True", "Verified", f"{verification.PROOFS[task].what} came back through the Service")


def _wrong(server: str, words: str) -> ConditionValue:
    if server:
        message = f"a request to the server in the pod {server}, with a client's key, {words}"
        return ConditionValue("False", ONE_WRONG, message)
    return ConditionValue("False", "AnswerWrong", f"a request through the Service, with a client's key, {words}")


def _ready(seen: ObservedState) -> list[kinds.Object]:
    return [pod for pod in seen.pods() if pod_diagnosis.is_ready(pod)]


def _servers(seen: ObservedState) -> dict[str, str]:
    """Return the URLs of the servers that answer, by their pods."""
    addresses = {pod["metadata"]["name"]: str(pod["status"].get("podIP", "")) for pod in _ready(seen)}
    return {name: http_client.guard_url(address) for name, address in addresses.items() if address}


def _templates(seen: ObservedState) -> frozenset[str]:
    """Return the pod templates whose servers answer."""
    return frozenset(map(naming.template_hash, _ready(seen)))


def _arguments(pod: kinds.Object) -> tuple[str, ...]:
    """Return the arguments of the pod's engine."""
    containers = pod.get("spec", {}).get("containers") or []
    engine: kinds.Object = next((one for one in containers if one["name"] == server.ENGINE), {})
    return tuple(engine.get("args") or ())
