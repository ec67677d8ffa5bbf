"""One run of one model: observe -> plan -> write, prune -> report.

The same path for a new model, a lost event, drift, a restart and an upgrade. No phases, no progress, no branch on the kind of
event: whatever was missed is seen at the next look. Whatever one object meets is reported and tried again; only a lost Lease ends
a run, and no run ends before all of its writes have. Where a spec cannot be read, or the operator meets a fault of its own, the
model's keys are still brought to what the spec lists, and its status says so.
"""

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import Callable, Coroutine
from typing import NamedTuple, TypeVar

from vllm_operator import api, children, config
from vllm_operator.children import exposure
from vllm_operator.controller import (
    existence,
    hosts,
    installation,
    lookups,
    planning,
    report,
    schedule,
    settled,
    upgrades,
)
from vllm_operator.keys import issuer
from vllm_operator.kube import apply, cache, client, errors, failures, kinds, naming
from vllm_operator.probes import prober
from vllm_operator.status import dependencies, observed, restarts

LOG = logging.getLogger(__name__)
One = TypeVar("One")
Other = TypeVar("Other")


class Outcome(NamedTuple):
    """What became of the writes of a run; `stale`: one was decided from what is no longer there; `deleted`: some were."""

    failures: failures.Failures
    stale: frozenset[kinds.Ref]
    deleted: bool = False


class Reconciler:
    """Brings one model to what its spec says, as often as it is asked to.

    `clock` gives unix seconds; `claims` knows who has which host.
    `left`: the models that another installation works on, and its name.
    """

    def __init__(
        self,
        api_server: client.Api,
        objects: cache.Cache,
        applier: apply.Applier,
        probes: prober.Prober,
        settings: config.Config,
        *,
        clock: Callable[[], float] = time.time,
        claims: hosts.Hosts | None = None,
    ) -> None:
        self._api, self._cache, self._applier, self._settings = api_server, objects, applier, settings
        self._issuer = issuer.Issuer(api_server, objects, applier, clock)
        self._reporter = report.Reporter(api_server, applier, clock)
        self._upgrades = upgrades.Upgrades(objects, settings)
        self._existence = existence.Existence(api_server, objects)
        self._prober, self._clock = probes, clock
        self._lookups = lookups.Lookups(api_server)
        self._hosts = claims or hosts.Hosts(settings)
        self._settled = settled.Settled(objects, probes, self._hosts, self._lookups, clock)
        self.left: dict[kinds.Key, str] = {}
        self._schedule = schedule.Schedule(clock)

    async def __call__(self, key: kinds.Key) -> float | None:
        """Work on the model `key`; return the seconds after which to look again without an event, or None."""
        try:
            until = await self._settled.until(key)
            return self._schedule.calm(key, [until]) if until else await self._look(key)
        finally:
            self._hosts.end(key)
            if key not in self.left:  # whose installation asks the pods of its models itself, and hurries them
                self._prober.enqueue(key)  # a revocation that was written is brought to the pods, whatever else failed

    async def _look(self, key: kinds.Key) -> float | None:
        seen = observed.snapshot(self._cache, key)
        if seen and (holder := installation.other(seen, self._settings.installation)):
            return self._leave(key, holder)
        self.left.pop(key, None)
        if seen is None:
            self._forget(key)
            return None
        try:
            return await self._run(key, seen)
        except (errors.ApiError, errors.Lost):
            raise
        except Exception as fault:
            await self._keys_alone(key, seen)
            with contextlib.suppress(errors.ApiError):
                await self._reporter.fault(seen.model, fault)
            raise  # the queue logs it and tries again, ever less often

    async def _keys_alone(self, key: kinds.Key, seen: observed.ObservedState) -> list[str]:
        """Bring what serves and cannot be planned as a whole to the keys that its spec lists; return what was not written."""
        deployment, spec = seen.child(kinds.DEPLOYMENT, key.name), api.keys_alone(seen.model.get("spec"))
        if not deployment or not spec:
            return []
        try:
            plan = children.plan(planning.of_servers(seen, spec, self._settings, deployment))
            if await self._existence.is_over(seen, plan):
                return []
            _, outcome = await self._write(seen, plan)
        except errors.Lost:
            raise
        except Exception as fault:
            LOG.warning("Keys were not written key=%s", key, exc_info=not isinstance(fault, errors.ApiError))
            return [type(fault).__name__]
        if outcome.failures:
            LOG.warning(
                "Keys were not written key=%s errors=%s", key, [one.message for one in outcome.failures.values()]
            )
        return [f"{ref} {value.reason}" for ref, value in outcome.failures.items()]

    def _leave(self, key: kinds.Key, holder: str) -> float:
        """Leave the model to the installation that works on it, and say so once."""
        if self.left.get(key) != holder:
            remedy = f"to move it here, annotate it with {naming.INSTALLATION_ANNOTATION}={self._settings.installation}"
            LOG.warning("ModelDeployment is left to another installation key=%s holder=%s; %s", key, holder, remedy)
        self.left[key] = holder
        self._hosts.bar(key, writes=False)
        return schedule.SOONEST_RESYNC_SECONDS

    async def _run(self, key: kinds.Key, seen: observed.ObservedState) -> float:
        try:
            spec = api.parse(seen.model.get("spec"))
        except api.SpecNotUnderstood as error:
            self._hosts.bar(key, writes=False)
            unwritten = await self._keys_alone(key, seen)
            await self._reporter.unreadable(seen.model, error)
            return self._schedule.troubled(seen.model, [str(error), *unwritten])
        begun, asked = self._clock(), settled.Asked(exposure.address(seen.model, self._settings), tuple(seen.edges()))
        known = self._settled.inputs(key, asked)
        claim = await self._claim(seen, spec)
        now = self._clock()
        inputs = planning.inputs(seen, spec, self._settings, self._prober, now=now, claim=claim, holder=known.holder)
        inputs = inputs._replace(gateways=await self._gateways(seen.owner, spec))
        plan = children.plan(inputs)
        self._hosts.bar(key, writes=not plan.withheld and not _is_held(seen, plan))
        if self._upgrades.admits(key, seen, plan):
            plan = children.plan(inputs._replace(renews=True))
        if await self._existence.is_over(seen, plan):
            return schedule.SOONEST_RESYNC_SECONDS
        issued, outcome = await self._write(seen, plan)
        asked = asked._replace(named=dependencies.of(plan))
        missing = await self._lookups.missing(asked.named)
        after = self._observed(key, seen, known.stamp)
        after = after._replace(missing=missing, failures=outcome.failures, troubles=issued.troubles)
        after = after._replace(host_of=known.holder)
        await self._reporter.report(after, plan)
        if outcome.stale:
            raise errors.Conflict(409, "Stale", f"{key} was decided from what is no longer there")
        until = min(schedule.until(plan, issued, begun), restarts.due(after, begun))
        waits = self._upgrades.waits(plan)
        due = [until, begun + upgrades.LOOK_SECONDS] if waits else [until]
        met = [(ref, value.reason) for ref, value in outcome.failures.items()]
        plain = [plan.exposure.plain] if plan.exposure and plan.exposure.plain else []  # until the Gateway has TLS
        if missing or met or plain:
            return self._schedule.troubled(seen.model, [*missing, *met, *plain], due)
        if not (waits or outcome.deleted or issued.deleted or issued.troubles) and settled.is_comparable(seen, spec):
            self._settled.keep(key, known, asked, until)
        return self._schedule.calm(key, due)

    async def _claim(self, seen: observed.ObservedState, spec: api.Spec) -> kinds.Object | None:
        """Return the claim that weights are fetched into, where it is there: the model's own, or somebody's."""
        owner, cache = seen.owner, spec.model.cache
        if cache and cache.existing_claim:
            return await self._lookups.read(
                kinds.Ref(kinds.PERSISTENT_VOLUME_CLAIM.kind, owner.namespace, cache.existing_claim)
            )
        return seen.child(kinds.PERSISTENT_VOLUME_CLAIM, naming.weights(owner.name))

    async def _gateways(self, owner: naming.Owner, spec: api.Spec) -> dict[kinds.Ref, kinds.Object]:
        """Return the Gateways that are to carry the host, as far as they can be read."""
        refs = exposure.gateways(owner, spec, self._settings)
        return {ref: found for ref in refs if (found := await self._lookups.read(ref))}

    async def _write(self, seen: observed.ObservedState, plan: children.Plan) -> tuple[issuer.IssueResult, Outcome]:
        """Write what differs, in two steps; of a paused or terminating model only keys and what guards accept.

        A terminating model lives as long as a finalizer holds it: its keys are only taken away, and nothing is created.
        """
        terminating, is_held = _is_terminating(seen), _is_held(seen, plan)
        first = () if is_held else plan.first
        bodies = functools.partial(children.client_secrets, plan)
        issuing, written = await _both(
            self._issuer(plan.owner, plan.spec, bodies, terminating=terminating),
            self._applier.ensure_all(first, plan.owner),
        )
        service = self._cache.get(kinds.Ref(kinds.SERVICE.kind, plan.owner.namespace, plan.owner.name))
        guard = children.guard_secret(plan, issuing.issued, issuing.revoked_until, service)
        known = seen.child(kinds.SECRET, guard["metadata"]["name"])
        if known:
            guard["metadata"]["resourceVersion"] = known["metadata"]["resourceVersion"]
        pinned = {kinds.ref(plan.revision), kinds.ref(plan.rollout.target)}
        is_pinned = not written.stale and not pinned & written.failures.keys()
        server = plan.server if is_pinned and not is_held else ()
        is_readable = kinds.ref(guard) not in issuing.failures
        guards = (guard,) if is_readable and (known or not terminating) else ()
        derived = await self._applier.ensure_all((*guards, *server), plan.owner)
        failures = {**issuing.failures, **written.failures, **derived.failures, **derived.repaired}
        stale = issuing.stale | written.stale | derived.stale
        if issuing.revoked and kinds.ref(guard) not in derived.failures and not derived.stale:
            await self._reporter.revoked(seen.model, issuing.revoked)
        unwanted: tuple[kinds.Object, ...] = ()
        if not (failures or stale or is_held):
            unwanted = children.unwanted(plan, seen.objects.values())
            failures = await self._applier.prune(unwanted)
        return issuing, Outcome(failures, stale, deleted=bool(unwanted))

    def _observed(self, key: kinds.Key, before: observed.ObservedState, stamp: cache.Stamp) -> observed.ObservedState:
        """Return what is seen after the writes, with what was answered; the generation is that which was worked on."""
        after = before if self._cache.stamp(key) == stamp else observed.snapshot(self._cache, key) or before
        return self._prober.with_answers(after._replace(model={**after.model, "metadata": before.model["metadata"]}))

    def _forget(self, key: kinds.Key) -> None:
        self.left.pop(key, None)
        self._schedule.forget(key)
        self._settled.forget(key)
        self._applier.forget(key)
        self._reporter.forget(key)


def _is_held(seen: observed.ObservedState, plan: children.Plan) -> bool:
    return plan.spec.paused or _is_terminating(seen)


def _is_terminating(seen: observed.ObservedState) -> bool:
    return bool(seen.model["metadata"].get("deletionTimestamp"))


async def _both(one: Coroutine[None, None, One], other: Coroutine[None, None, Other]) -> tuple[One, Other]:
    """Return what both return, once both have ended, also when one fails."""
    tasks = asyncio.create_task(one), asyncio.create_task(other)
    await asyncio.gather(*tasks, return_exceptions=True)
    return tasks[0].result(), tasks[1].result()
