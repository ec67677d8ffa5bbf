"""The shell around the pure core: world -> desired -> apply, prune -> status, for one model at a time.

The same path for a new model, a lost event, drift, a restart and an upgrade. No phases, no progress, no branch on the kind of
event: whatever was missed is seen at the next look.
"""

import asyncio
import contextlib
import datetime as dt
import logging
import secrets as randomness
from collections.abc import Iterable

from vllm_operator import (
    api,
    children,
    cluster,
    config,
    errors,
    identity,
    kinds,
    lookout,
    references,
    status,
    store,
    world,
    writer,
)
from vllm_operator.children import secrets, template

LOG = logging.getLogger(__name__)
LOOK_AGAIN_SECONDS = 15.0
"""A missing reference or a stranger's object is no event of ours: it is looked for by name, this often."""


class Reconciler:
    """Brings one model to what its spec says, as often as it is asked to."""

    def __init__(
        self,
        api_server: cluster.Api,
        objects: store.Store,
        write: writer.Writer,
        look: lookout.Lookout,
        settings: config.Config,
    ) -> None:
        self._cluster, self._store, self._writer, self._settings = api_server, objects, write, settings
        self._lookout = look
        self._existing: dict[kinds.Ref, float] = {}

    async def __call__(self, key: kinds.Key) -> float | None:
        """Work on the model `key`; return the seconds after which to look again without an event, or None."""
        model = self._store.model(key)
        if model is None or model["metadata"].get("deletionTimestamp"):
            self._lookout.look(key)
            return None
        owner, spec = identity.owner(model), api.Spec.model_validate(model["spec"])
        wanted = children.desired(await self._plan(owner, spec, template.asked(model)))
        try:
            strangers, refused = await self._write(owner, wanted)
        finally:
            self._lookout.look(key)  # a revocation that was written is brought to the pods, whatever else failed
        if not refused and not strangers:
            await asyncio.gather(*(self._writer.prune(obj) for obj in world.prune(wanted, self._world(model))))
        missing = await self._missing(references.references(owner, spec, self._settings))
        seen = self._world(model)._replace(missing=missing, strangers=strangers, refused=refused)
        await self._report(seen, spec)
        return LOOK_AGAIN_SECONDS if missing or strangers or refused else None

    async def _plan(self, owner: identity.Owner, spec: api.Spec, asked: str) -> children.Plan:
        live, names = self._live(owner), secrets.clients(spec)
        pin = kinds.Ref(kinds.CONTROLLER_REVISION.kind, owner.namespace, identity.template(owner.name))
        await self._look_for(owner, (pin, *secrets.refs(owner, names)), live)
        keys = secrets.keys(owner, names, live, _new_key)
        return children.Plan(owner, spec, self._settings, keys, live.get(pin), asked)

    async def _look_for(
        self, owner: identity.Owner, refs: Iterable[kinds.Ref], live: dict[kinds.Ref, kinds.Object]
    ) -> None:
        """Ask by name for what no watch has shown before it is made anew: without the label we watch by it is there still."""
        for ref in refs:
            with contextlib.suppress(errors.NotFound):
                if ref not in live and identity.is_ours(found := await self._cluster.get(ref), owner):
                    live[ref] = found

    def _live(self, owner: identity.Owner) -> dict[kinds.Ref, kinds.Object]:
        return {kinds.ref(obj): obj for obj in self._store.of(kinds.Key(owner.namespace, owner.name))}

    def _world(self, model: kinds.Object) -> world.World:
        return self._lookout.seen(world.World(model, self._live(identity.owner(model))))

    async def _write(
        self, owner: identity.Owner, wanted: Iterable[kinds.Object]
    ) -> tuple[dict[kinds.Ref, str], dict[kinds.Ref, str]]:
        """Write what differs. The clients' Secrets are the truth of the keys, so they come before what is derived."""
        strangers: dict[kinds.Ref, str] = {}
        refused: dict[kinds.Ref, str] = {}

        async def ensure(obj: kinds.Object) -> None:
            try:
                await self._writer.ensure(obj, owner)
            except writer.Stranger as stranger:
                strangers[kinds.ref(obj)] = stranger.holder
            except (errors.Invalid, errors.Denied) as error:
                refused[kinds.ref(obj)] = error.message

        objects = list(wanted)
        keys = [obj for obj in objects if identity.CLIENT_LABEL in obj["metadata"]["labels"]]
        await asyncio.gather(*(ensure(obj) for obj in keys))
        if not strangers and not refused:
            await asyncio.gather(*(ensure(obj) for obj in objects if obj not in keys))
        return strangers, refused

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

    async def _report(self, seen: world.World, spec: api.Spec) -> None:
        """Write the status where it changed, and an Event where Ready did."""
        before = world.condition(seen.model, "Ready") or {}
        written = await self._writer.write_status(seen.model, status.status(seen, spec, self._settings, _now()))
        after = world.condition(written or {}, "Ready") or before
        if after.get("reason") == before.get("reason"):
            return
        LOG.info(
            "ModelDeployment changed key=%s/%s ready=%s reason=%s", *seen.owner[:2], after["status"], after["reason"]
        )
        await self._cluster.create_event(
            seen.model, after["reason"], after["message"], warning=after["reason"] not in status.CALM
        )


def _new_key() -> str:
    return "sk-" + randomness.token_urlsafe(32)


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
