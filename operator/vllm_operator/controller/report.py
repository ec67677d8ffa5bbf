"""What a run reports: the status where it changed, and Kubernetes Events.

Events tell each new reason of Ready, and that the address, the guards or the answers of a model went wrong or are right again.
One that is refused costs nothing, and the same words are told at most once in ten minutes, whatever numbers and pods they name.
"""

import contextlib
import logging
import re
from collections.abc import Callable, Iterable

from vllm_operator import api, children
from vllm_operator.kube import apply, client, conditions, errors, kinds, naming
from vllm_operator.status import conditions as model_conditions
from vllm_operator.status import observed, outage, summary

LOG = logging.getLogger(__name__)
SAME_SECONDS = 600.0
TOLD = ("Exposed", "GuardConfigured", "Verified")
"""The conditions besides Ready of which Events tell, where they go from True to False or back."""
SOON = "Applying"
"""A reason that follows each change of keys and passes within seconds."""
_NUMBER = r"(?<![\w.-])\d[\d.,:hmsTZ-]*(?!\w)"
"""Numbers, lengths of time and moments, that are no part of a name."""


class Reporter:
    """Writes status and Events of models. `clock` gives unix seconds."""

    def __init__(self, api_server: client.Api, applier: apply.Applier, clock: Callable[[], float]) -> None:
        self._api, self._applier, self._clock = api_server, applier, clock
        self._recent: dict[kinds.Key, dict[str, float]] = {}
        self._wrong: dict[kinds.Key, set[str]] = {}

    async def report(self, after: observed.ObservedState, plan: children.Plan) -> None:
        """Write the status that the state `after` the writes deserves, and an Event where Ready changed its reason."""
        await self._write(after.model, summary.status(after, plan, api.moment(self._clock())))

    async def unreadable(self, model: kinds.Object, error: api.SpecNotUnderstood) -> None:
        """Report that the spec cannot be understood, whatever the schema made of it; all else stays as it is."""
        await self._write(model, summary.unreadable(model, error, api.moment(self._clock())))

    async def fault(self, model: kinds.Object, fault: Exception) -> None:
        """Report that the operator met a fault of its own; all else stays as it is."""
        await self._write(model, summary.failed(model, fault, api.moment(self._clock())))

    async def revoked(self, model: kinds.Object, clients: Iterable[str]) -> None:
        """Report whose keys were revoked."""
        note = f"no longer listed in spec.access.clients, so their keys are revoked: {', '.join(clients)}"
        await self._event(model, "ClientRevoked", note, warning=False, words=note)  # a name may be a number

    def forget(self, key: kinds.Key) -> None:
        """Forget the Events of a model that is gone."""
        self._recent.pop(key, None)
        self._wrong.pop(key, None)

    async def _write(self, model: kinds.Object, status: kinds.Object) -> None:
        if not await self._applier.write_status(model, status):
            return
        before, after = _both(model, status, "Ready")
        if after.get("reason") != before.get("reason"):
            key, value, reason = naming.key(model), after["status"], after["reason"]
            LOG.info("ModelDeployment changed key=%s ready=%s reason=%s", key, value, reason)
            await self._event(model, reason, after["message"], warning=reason not in model_conditions.CALM)
        for kind in TOLD:
            await self._turn(model, kind, *_both(model, status, kind))

    async def _turn(self, model: kinds.Object, kind: str, before: kinds.Object, after: kinds.Object) -> None:
        """Tell that a condition that was True went wrong, or is right again."""
        wrong = self._wrong.setdefault(_key(model), set())
        if _is_wrong(before):
            wrong.add(kind)
        is_right = after.get("status") == "True"
        has_turned = is_right if kind in wrong else _is_wrong(after) and before.get("status") in ("True", "False")
        if has_turned:
            await self._event(model, after["reason"], after["message"], warning=not is_right)
        if is_right:
            wrong.discard(kind)

    async def _event(self, model: kinds.Object, reason: str, note: str, *, warning: bool, words: str = "") -> None:
        """Tell something, unless the same `words` were told a while ago: by default its note, without what differs each time."""
        key, words, now = _key(model), words or _words(model, note), self._clock()
        recent = {told: at for told, at in self._recent.get(key, {}).items() if now - at < SAME_SECONDS}
        self._recent[key] = recent
        if words in recent:
            return
        recent[words] = now
        with contextlib.suppress(errors.ApiError):
            await self._api.create_event(model, reason, note, warning=warning)


def _both(model: kinds.Object, status: kinds.Object, kind: str) -> tuple[kinds.Object, kinds.Object]:
    """Return a condition before and after, {} where there is none."""
    before, after = (conditions.condition(one, kind) or {} for one in (model, {"status": status}))
    return before, after


def _is_wrong(condition: kinds.Object) -> bool:
    return condition.get("status") == "False" and condition["reason"] != SOON


def _key(model: kinds.Object) -> kinds.Key:
    return kinds.Key(model["metadata"]["namespace"], model["metadata"]["name"])


def _words(model: kinds.Object, note: str) -> str:
    """Return a note without numbers, moments and names of pods, in which the same trouble differs from one time to the next."""
    pods = rf"\b{re.escape(model['metadata']['name'])}-[a-z0-9]{{1,10}}-[a-z0-9]{{5}}\b"
    return re.sub(f"{pods}|{_NUMBER}", "#", outage.untold(note))
