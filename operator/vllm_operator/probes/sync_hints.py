"""Hurries the kubelet of a pod whose guard lags behind its Secret.

A kubelet looks at a changed Secret once a minute, but at a changed pod at once: so the pod's annotation is changed, and changed
again, for the kubelet may be quicker than its own watch of the Secret. Whoever ran when another configuration was written is
hurried without being asked first, for then it cannot have it yet, and may be too busy to answer.
Must not write anything else, and asks nobody.
"""

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Mapping

from vllm_operator import guard
from vllm_operator.kube import cache, client, errors, kinds, naming, own_writes
from vllm_operator.status import guard_conditions, observed

LOG = logging.getLogger(__name__)
WORKERS = 16
AT_ONCE = 16  # pods of one model
MOST_HINTS = 9
HINT_SECONDS, EARLY_HINTS = (
    0.45,
    3,
)  # after each early hint, in which a guard is asked twice; then twice as long each time

MOST_DIGITS = 4  # anybody may write an annotation

States = Callable[[kinds.Key], Mapping[str, guard.State | None]]
Known = tuple[cache.Stamp, Mapping[str, guard.State | None]]


@dataclasses.dataclass(frozen=True, slots=True)
class SyncHint:
    """How often a pod was changed for the sake of one configuration, and when it may be changed again."""

    times: int = 0
    due: float = 0.0

    def given(self, now: float) -> "SyncHint":
        """Return the hint after one more."""
        times = self.times + 1
        return SyncHint(times, now + HINT_SECONDS * 2 ** max(0, times - EARLY_HINTS))


@dataclasses.dataclass(frozen=True, slots=True)
class ModelHints:
    """The hints to the pods of one model, by uid.

    `must_sync`: the pods that ran when `wanted` was written. `settled`: what was known when no guard lagged; None: one does.
    """

    wanted: str
    must_sync: frozenset[str] = frozenset()
    hints: Mapping[str, SyncHint] = dataclasses.field(default_factory=dict)
    settled: Known | None = None

    def of(self, uid: str) -> SyncHint:
        """Return the hints that the pod with that uid was given."""
        return self.hints.get(uid, SyncHint())


class SyncHints:
    """Hurries the kubelets of one model at a time: the work of a queue. `states` says what guards said last."""

    def __init__(self, api: client.Api, objects: cache.Cache, states: States) -> None:
        self._api, self._cache, self._states = api, objects, states
        self._models: dict[kinds.Key, ModelHints] = {}

    async def __call__(self, key: kinds.Key) -> float | None:
        """Give the hints that are due for `key`; return the seconds until the next is, where none settles it before."""
        known, before = (self._cache.stamp(key), self._states(key)), self._models.get(key)
        if before and before.settled == known:
            return None
        seen, now = observed.snapshot(self._cache, key), asyncio.get_running_loop().time()
        if seen is None:
            self._models.pop(key, None)
            return None
        running = {pod["metadata"]["uid"]: pod for pod in guard_conditions.guarded(seen)}
        model = begun(before, guard_conditions.wanted(seen), frozenset(running))
        late = _late(model, running, known[1])
        due = [uid for uid in late if model.of(uid).due <= now]
        given = {uid: model.of(uid).given(now) for uid in due}
        model = dataclasses.replace(model, hints={**model.hints, **given}, settled=None if late else known)
        self._models[key] = model
        await self._give_all([running[uid] for uid in due], model.wanted)
        return min((model.of(uid).due - now for uid in late), default=None)

    async def _give_all(self, pods: list[kinds.Object], wanted: str) -> None:
        free = asyncio.Semaphore(AT_ONCE)

        async def give(pod: kinds.Object) -> None:
            async with free:
                await self._give(pod, wanted)

        await asyncio.gather(*(give(pod) for pod in pods))

    async def _give(self, pod: kinds.Object, wanted: str) -> None:
        """Change the annotation of `pod`, and of no other that may have got its name."""
        metadata = pod["metadata"]
        annotations = {naming.GUARD_VERSION_ANNOTATION: next_value(pod, wanted)}
        named = {"name": metadata["name"], "namespace": metadata["namespace"], "annotations": annotations}
        told = {**metadata, "annotations": {**(metadata.get("annotations") or {}), **annotations}}
        expected = own_writes.exactly({**pod, "metadata": told})
        merging = self._api.merge({"apiVersion": "v1", "kind": "Pod", "metadata": named}, metadata["uid"])
        try:
            await own_writes.written(self._cache, kinds.ref(pod), merging, expected)
        except (errors.NotFound, errors.Conflict):
            return  # the pod is gone
        except errors.ApiError as error:
            LOG.warning("Kubelet was not hurried pod=%s error=%s", kinds.ref(pod), error)


def begun(before: ModelHints | None, wanted: str, running: frozenset[str]) -> ModelHints:
    """Return the hints that go on from `before`; `running` are the uids of the pods whose guards run."""
    if before is None:
        return ModelHints(wanted)
    if wanted != before.wanted:
        return ModelHints(wanted, must_sync=running)
    return dataclasses.replace(
        before,
        must_sync=before.must_sync & running,
        hints={uid: hint for uid, hint in before.hints.items() if uid in running},
    )


def _late(
    model: ModelHints, running: Mapping[str, kinds.Object], states: Mapping[str, guard.State | None]
) -> list[str]:
    """Return the uids of the pods whose guards lag, or may, and that may still be hurried."""
    return [
        uid
        for uid, pod in running.items()
        if model.of(uid).times < MOST_HINTS
        and is_late(states.get(pod["metadata"]["name"]), model.wanted, must_sync=uid in model.must_sync)
    ]


def is_late(state: guard.State | None, wanted: str, *, must_sync: bool) -> bool:
    """Tell whether a kubelet is to be hurried; a guard that refused something may have refused what was wanted before."""
    if not wanted:
        return False
    return must_sync if state is None else state.version != wanted


def next_value(pod: kinds.Object, wanted: str) -> str:
    """Return the annotation's next value: `wanted`, then with a number, for only a change is a change to the kubelet."""
    annotations = pod["metadata"].get("annotations") or {}
    told, _, number = annotations.get(naming.GUARD_VERSION_ANNOTATION, "").partition(".")
    if told != wanted:
        return wanted
    is_ours = number.isdecimal() and len(number) <= MOST_DIGITS
    return f"{wanted}.{int(number) + 1 if is_ours else 2}"
