"""What a run reports: the status where it changed, and a Kubernetes Event where the reason of Ready did.

An Event that is refused costs nothing, and the same words are told at most once in ten minutes.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable

from vllm_operator import api, children
from vllm_operator.kube import apply, client, conditions, errors, kinds, naming
from vllm_operator.status import conditions as model_conditions
from vllm_operator.status import observed, summary

LOG = logging.getLogger(__name__)
SAME_SECONDS = 600.0


class Reporter:
    """Writes status and Events of models. `clock` gives unix seconds."""

    def __init__(self, api_server: client.Api, applier: apply.Applier, clock: Callable[[], float]) -> None:
        self._api, self._applier, self._clock = api_server, applier, clock
        self._recent: dict[kinds.Key, dict[tuple[str, str], float]] = {}

    async def report(self, after: observed.ObservedState, plan: children.Plan) -> None:
        """Write the status that the state `after` the writes deserves, and an Event where Ready changed its reason."""
        await self._write(after.model, summary.status(after, plan, api.moment(self._clock())))

    async def unreadable(self, model: kinds.Object, error: api.SpecNotUnderstood) -> None:
        """Report that the spec cannot be understood, whatever the schema made of it; all else stays as it is."""
        await self._write(model, summary.unreadable(model, error, api.moment(self._clock())))

    async def revoked(self, model: kinds.Object, clients: Iterable[str]) -> None:
        """Report whose keys were revoked."""
        note = f"no longer listed in spec.access.clients, so their keys are revoked: {', '.join(clients)}"
        await self._event(model, "ClientRevoked", note, warning=False)

    def forget(self, key: kinds.Key) -> None:
        """Forget the Events of a model that is gone."""
        self._recent.pop(key, None)

    async def _write(self, model: kinds.Object, status: kinds.Object) -> None:
        if not await self._applier.write_status(model, status):
            return
        before, after = (conditions.condition(one, "Ready") or {} for one in (model, {"status": status}))
        if after.get("reason") == before.get("reason"):
            return
        key, value, reason = naming.key(model), after["status"], after["reason"]
        LOG.info("ModelDeployment changed key=%s ready=%s reason=%s", key, value, reason)
        await self._event(model, reason, after["message"], warning=reason not in model_conditions.CALM)

    async def _event(self, model: kinds.Object, reason: str, note: str, *, warning: bool) -> None:
        key, now = kinds.Key(model["metadata"]["namespace"], model["metadata"]["name"]), self._clock()
        recent = {words: at for words, at in self._recent.get(key, {}).items() if now - at < SAME_SECONDS}
        self._recent[key] = recent
        if (reason, note) in recent:
            return
        recent[(reason, note)] = now
        with contextlib.suppress(errors.ApiError):
            await self._api.create_event(model, reason, note, warning=warning)
