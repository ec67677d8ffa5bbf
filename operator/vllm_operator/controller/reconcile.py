"""The shell around the pure core: world -> desired -> apply, prune -> status, for one model at a time.

The same path for a new model, a lost event, drift, a restart and an upgrade. No phases, no progress, no branch on the kind of
event: whatever was missed is seen at the next look.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from vllm_operator import api, children, config, keys
from vllm_operator.children import template
from vllm_operator.keys import issuer
from vllm_operator.kube import apply, cache, client, conditions, errors, kinds, naming
from vllm_operator.probes import prober
from vllm_operator.status import dependencies, observed, rules

LOG = logging.getLogger(__name__)
LOOK_AGAIN_SECONDS = 15.0
"""A missing reference or a stranger's object is no event of ours: it is looked for by name, this often."""
LONGEST_SECONDS = 3600.0


class Reconciler:
    """Brings one model to what its spec says, as often as it is asked to. `clock` gives unix seconds."""

    def __init__(
        self,
        api_server: client.Api,
        objects: cache.Cache,
        write: apply.Applier,
        look: prober.Prober,
        settings: config.Config,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cluster, self._store, self._writer, self._settings = api_server, objects, write, settings
        self._issuer = issuer.Issuer(api_server, objects, write, self._client_secrets, clock)
        self._lookout, self._clock = look, clock
        self._existing: dict[kinds.Ref, float] = {}

    async def __call__(self, key: kinds.Key) -> float | None:
        """Work on the model `key`; return the seconds after which to look again without an event, or None."""
        model = self._store.model(key)
        if model is None or model["metadata"].get("deletionTimestamp"):
            self._lookout.look(key)
            return None
        owner, spec = naming.owner(model), api.Spec.model_validate(model["spec"])
        try:
            made = await self._issuer(owner, spec)
            plan = await self._plan(owner, spec, template.asked(model), made)
            blocked = await self._write(model, plan, made)
        finally:
            self._lookout.look(key)  # a revocation that was written is brought to the pods, whatever else failed
        missing = await self._missing(dependencies.references(owner, spec, self._settings))
        seen = self._world(model)._replace(
            missing=missing, strangers=blocked.strangers, refused=blocked.refused, troubles=made.troubles
        )
        await self._report(seen, spec)
        return self._next(spec, made, again=bool(missing or any(blocked)))

    def _client_secrets(
        self, owner: naming.Owner, spec: api.Spec, issued: Mapping[str, keys.Issued]
    ) -> tuple[kinds.Object, ...]:
        return children.client_secrets(owner, spec, self._settings, issued)

    async def _plan(self, owner: naming.Owner, spec: api.Spec, asked: str, made: issuer.IssueResult) -> children.Plan:
        pin = kinds.Ref(kinds.CONTROLLER_REVISION.kind, owner.namespace, naming.template(owner.name))
        pinned = (await self._writer.look_for((pin,), owner)).get(pin)
        seen = observed.snapshot(self._store, kinds.Key(owner.namespace, owner.name))
        guards = template.guard_images(seen.pods() if seen else ())
        return children.Plan(owner, spec, self._settings, made.issued, pinned, asked, guards, made.revoked_until)

    def _world(self, model: kinds.Object) -> observed.ObservedState:
        owner = naming.owner(model)
        live = {kinds.ref(obj): obj for obj in self._store.of(kinds.Key(owner.namespace, owner.name))}
        return self._lookout.seen(observed.ObservedState(model, live))

    async def _write(self, model: kinds.Object, plan: children.Plan, made: issuer.IssueResult) -> apply.WriteFailures:
        """Write what differs beside the clients' Secrets, then prune; of a paused model only the keys that guards accept."""
        owner, wanted, paused = plan.owner, children.desired(plan), plan.spec.paused
        due = [obj for obj in wanted if naming.CLIENT_LABEL not in obj["metadata"]["labels"]]
        if paused:
            due = [obj for obj in due if obj["kind"] == kinds.SECRET.kind]
        found = await self._writer.ensure_all(due, owner)
        blocked = apply.WriteFailures({**made.strangers, **found.strangers}, {**made.refused, **found.refused})
        guard = kinds.Ref(kinds.SECRET.kind, owner.namespace, naming.guard_secret(owner.name))
        if made.revoked and not any(guard in refs for refs in blocked):
            note = f"no longer listed in spec.access.clients, so their keys are revoked: {', '.join(made.revoked)}"
            await self._cluster.create_event(model, "ClientRevoked", note)
        if not paused and not any(blocked):
            unwanted = observed.prune(wanted, self._world(model), children.withheld(plan))
            await asyncio.gather(*(self._writer.prune(obj) for obj in unwanted))
        return blocked

    def _next(self, spec: api.Spec, made: issuer.IssueResult, *, again: bool) -> float | None:
        """Return in how many seconds something is due that no event tells of."""
        now = self._clock()
        ends = keys.due(spec.access, made.issued.values(), now)
        due = [
            None if ends is None else min(ends, LONGEST_SECONDS),
            issuer.LOOK_AGAIN_SECONDS if made.troubles else None,
            LOOK_AGAIN_SECONDS if again else None,
        ]
        return min((one for one in due if one is not None), default=None)

    async def _missing(self, named: tuple[kinds.Ref, ...]) -> tuple[kinds.Ref, ...]:
        """Return those of `named` that do not exist; what was there a moment ago is not asked for again."""
        now = asyncio.get_running_loop().time()
        asked = [ref for ref in named if self._existing.get(ref, 0.0) < now]
        found = dict(zip(asked, await asyncio.gather(*(self._exists(ref) for ref in asked)), strict=True))
        fresh = {ref: until for ref, until in self._existing.items() if until >= now}
        self._existing = fresh | {ref: now + LOOK_AGAIN_SECONDS for ref, exists in found.items() if exists}
        return tuple(ref for ref, exists in found.items() if not exists)

    async def _exists(self, ref: kinds.Ref) -> bool:
        """Tell whether `ref` exists; where we may not look it is taken to."""
        try:
            return await self._cluster.exists(ref)
        except errors.Denied:
            return True

    async def _report(self, seen: observed.ObservedState, spec: api.Spec) -> None:
        """Write the status where it changed, and an Event where Ready did."""
        before = conditions.condition(seen.model, "Ready") or {}
        body = rules.status(seen, spec, self._settings, api.moment(self._clock()))
        written = await self._writer.write_status(seen.model, body)
        after = conditions.condition(written or {}, "Ready") or before
        if after.get("reason") == before.get("reason"):
            return
        LOG.info(
            "ModelDeployment changed key=%s/%s ready=%s reason=%s", *seen.owner[:2], after["status"], after["reason"]
        )
        await self._cluster.create_event(
            seen.model, after["reason"], after["message"], warning=after["reason"] not in rules.CALM
        )
