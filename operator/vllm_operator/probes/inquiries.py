"""What is read at the API server of a pod that does not come up, beside its status: the log of an engine that ended, and Events.

A log is read once for each end of an engine, and only where the termination message does not name the cause. Events are read
while a pod that has a node does not begin to run: every four seconds for ten minutes and then less often, and less often where
many wait. The end of a log is read while an engine starts, every ten seconds and then less often, and once when it answers. Of a
log only the cause is kept. Reads are bounded in bytes, lines, pods of a model, time, and number a second. Of a model that serves
nothing is read.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from vllm_operator.children import pod
from vllm_operator.engine import causes, start_log
from vllm_operator.kube import cache, client, errors, kinds, workqueue
from vllm_operator.probes import stocks
from vllm_operator.status import held_pods, kubelet_words, observed, pod_view, starts
from vllm_operator.status.accelerators import Stock
from vllm_operator.status.pod_end import Ended
from vllm_operator.status.pod_view import Evidence, PodEvent, PodView

WORKERS = 4
PODS = 2
"""How many servers of a model are looked into: the newest that do not answer."""
LINES, BYTES = (250, 60, 15), 64 * 1024
"""The lines of a log's end that are read. Of lines that are more than BYTES the first ones come, so fewer are read as well: the
cause may be the last of them."""
NOTE = 1024
"""In characters: what is kept of an Event's words."""
PAUSE_SECONDS = 0.1
"""Between two reads of one worker: 80 a second at most, in all."""
SET_UP_SECONDS, LONGEST_SECONDS = 4.0, 60.0
"""Events are read first when a pod has had its node for so long, and at the latest so long after the last time."""
PODS_A_SECOND = 20.0
"""How many pods are looked at, unless so many wait that one would wait for longer than LONGEST_SECONDS."""
SILENT_SECONDS = 60.0
"""A scheduler that is there looks at a pod within this time, and a kubelet reports one."""
LOADING_SECONDS = 10.0
"""How long an engine has run when it is first looked how far it is; and the shortest time between two such looks."""
TOLD_SECONDS = 10.0
"""How much longer something must take for that to be told anew: each time is a write of the status."""
SUMMARY = "Unable to attach or mount volumes"
"""How the kubelet's Event begins that only names the volumes, beside those that say why."""
SLOWER = {SET_UP_SECONDS: 1 / 150, LOADING_SECONDS: 0.1}
"""How much of the time that has passed is waited for the next look."""

NOTHING = Evidence()

Kept = TypeVar("Kept")
Wake = Callable[[kinds.Key], None]


class Inquiries:
    """What was read of models' pods. `heard` is called with a model of which there is news; `clock` gives unix seconds."""

    def __init__(
        self,
        api: client.Api,
        objects: cache.Cache,
        heard: Wake,
        stock: stocks.Stocks,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._api, self._cache, self._heard, self._stocks, self._clock = api, objects, heard, stock, clock
        self._known: dict[kinds.Key, dict[str, Evidence]] = {}
        # By uid of a pod: when its Events were read, in unix seconds.
        self._asked: dict[kinds.Key, dict[str, float]] = {}
        self._waiting: dict[kinds.Key, int] = {}  # how many pods are to be looked at again
        # Models of which nothing is to be read while nothing of them changes.
        self._settled: dict[kinds.Key, cache.Stamp] = {}
        self.queue = workqueue.Queue(self._look, WORKERS)

    def of(self, key: kinds.Key) -> dict[str, Evidence]:
        """Return what was read of the model's pods, by uid."""
        return self._known.get(key, {})

    def stock(self) -> Stock | None:
        """Return the cluster's accelerators, as they were counted last."""
        return self._stocks.last

    async def _look(self, key: kinds.Key) -> float | None:
        """Read what is to be read of the model's pods; return in how many seconds there may be more."""
        stamp = self._cache.stamp(key)
        if stamp and self._settled.get(key) == stamp:
            return None
        seen = observed.snapshot(self._cache, key)
        pods = self._chosen(seen) if seen else []
        before, asked = self._known.get(key, {}), self._asked.get(key, {})
        asked = {_uid(one): asked[_uid(one)] for one in pods if _uid(one) in asked}
        read = {_uid(one): await self._evidence(PodView(one, before.get(_uid(one))), asked) for one in pods}
        after = {uid: evidence for uid, evidence in read.items() if evidence != NOTHING or uid in asked}
        counted = await self._count(pods)
        _put(self._known, key, after)
        _put(self._asked, key, asked)
        if after != before or counted:
            self._heard(key)
        due = [seconds for one in pods if (seconds := self._due(PodView(one), asked)) is not None]
        _put(self._waiting, key, len(due))
        _put(self._settled, key, 0 if due else stamp)
        return min(due, default=None)

    def _chosen(self, seen: observed.ObservedState) -> list[kinds.Object]:
        """Return the newest servers that do not answer, and the newest that does while its start is not told yet."""
        silent = [one for one in seen.pods() if not PodView(one).is_ready()][:PODS]
        newest = starts.newest_ready(seen)
        is_untold = newest is not None and starts.is_untold(seen, newest, self._clock())
        return [*silent, newest] if newest and is_untold else silent

    async def _evidence(self, view: PodView, asked: dict[str, float]) -> Evidence:
        """Return what is known of a pod after what is due was read; `asked` is when its Events or its start were read last."""
        evidence, end = view.evidence or NOTHING, view.ended()
        if end and view.is_unread(end):
            return evidence._replace(ended=end.name_of_end, cause=await self._cause(view, end))
        if view.scheduled():
            asked[_uid(view.pod)] = self._clock()  # the cluster's accelerators are counted for it
        if self._due(view, asked) != 0:
            return evidence
        asked[_uid(view.pod)] = now = self._clock()
        if view.is_unseen():
            return evidence._replace(silent=pod_view.SCHEDULER)
        if view.is_being_set_up():
            return _told(view, evidence, await self._events(view), now)
        return evidence._replace(start=await self._start(view), elapsed=int(now - view.running_since()))

    def _due(self, view: PodView, asked: dict[str, float]) -> float | None:
        """Return in how many seconds a pod's Events, or how far its start is, are to be read; None where they need not be."""
        now, last = self._clock(), asked.get(_uid(view.pod))
        if view.is_ready():
            sure = view.surely_ready_since()
            return max(0.0, sure - now) if last is None or last < sure else None
        if view.is_unseen():
            return max(0.0, SILENT_SECONDS - view.created_for(now)) if last is None else None
        if view.is_being_set_up():
            begun, first = now - view.set_up_for(now), SET_UP_SECONDS
        elif not view.silent_since() and (begun := view.running_since()):
            first = LOADING_SECONDS
        else:
            return None
        if last is None or last < begun:
            return max(0.0, begun + first - now)
        pause = min(LONGEST_SECONDS, max(first, self._share(), (last - begun) * SLOWER[first]))
        return max(0.0, last + pause - now)

    def _share(self) -> float:
        """Return in how many seconds all pods that are looked at again and again can be looked at once."""
        return sum(self._waiting.values()) / PODS_A_SECOND

    async def _start(self, view: PodView) -> start_log.StartLog | None:
        """Return how far the engine is that runs."""
        text = await self._log(view, previous=False)
        return start_log.read(text) if text is not None else view.started()

    async def _cause(self, view: PodView, end: Ended) -> causes.Cause | None:
        """Return the cause that the log of an ended engine speaks of; None also where it cannot be read."""
        text = await self._log(view, previous=not end.is_over)
        return causes.of_log(text, view.adapters(), has_served=end.has_served) if text is not None else None

    async def _log(self, view: PodView, *, previous: bool) -> str | None:
        """Return the end of the engine's log, a part of it perhaps twice; None where it cannot be read."""
        parts: list[str] = []
        for lines in LINES:
            part = await self._part(view, lines, previous=previous)
            parts += [] if part is None else [part]
            if part is None or len(part.encode()) < BYTES:
                break
        return "\n".join(parts) if parts else None

    async def _part(self, view: PodView, lines: int, *, previous: bool) -> str | None:
        """Return the first BYTES of the last `lines` of the engine's log; None where they cannot be read."""
        ref = kinds.Ref(kinds.POD.kind, view.namespace, view.name)
        try:
            return await self._api.log(ref, pod.ENGINE, lines, BYTES, previous=previous)
        except errors.ApiError:
            return None
        finally:
            await asyncio.sleep(PAUSE_SECONDS)

    async def _events(self, view: PodView) -> tuple[PodEvent, ...]:
        """Return the pod's Events, the newest first."""
        try:
            found = await self._api.events_on(view.pod)
        except errors.ApiError:
            return view.evidence.events if view.evidence else ()
        finally:
            await asyncio.sleep(PAUSE_SECONDS)
        events = [PodEvent(str(one.get("reason", "")), str(one.get("note", ""))[:NOTE]) for one in reversed(found)]
        return _without_summaries(events)

    async def _count(self, pods: list[kinds.Object]) -> bool:
        """Count the cluster's accelerators where one of the pods misses some; tell whether there is news."""
        said = (PodView(one).scheduled() for one in pods)
        is_missing = any(kubelet_words.accelerator(str(words.get("message", ""))) for words in said if words)
        return is_missing and await self._stocks.count()


def _told(view: PodView, before: Evidence, events: tuple[PodEvent, ...], now: float) -> Evidence:
    """Return what is known of a pod that is being set up: for how long only where that is told, and anew not too often."""
    is_silent = view.is_unreported() and view.set_up_for(now) >= SILENT_SECONDS
    after = before._replace(events=events, elapsed=0, silent=pod_view.NODE if is_silent else "")
    event = view._replace(evidence=after).setting_up()
    if event is None or event.reason != "Pulling":
        return after
    elapsed, last = view.set_up_for(now), view.setting_up()
    was_pulling = last is not None and last.reason == "Pulling"
    is_told = was_pulling and before.elapsed <= elapsed < before.elapsed + TOLD_SECONDS
    return after._replace(elapsed=before.elapsed if is_told else int(elapsed))


def _without_summaries(events: Sequence[PodEvent]) -> tuple[PodEvent, ...]:
    """Return the Events without those that only sum up, where the newest of the others says which volume fails, and why."""
    others = tuple(one for one in events if not one.note.startswith(SUMMARY))
    newest = next((one for one in others if one.reason in pod_view.SETTING_UP), None)
    return others if newest and newest.reason in held_pods.MOUNT_EVENTS else tuple(events)


def _put(where: dict[kinds.Key, Kept], key: kinds.Key, value: Kept) -> None:
    """Keep `value`, unless it is empty."""
    where.pop(key, None)
    if value:
        where[key] = value


def _uid(one: kinds.Object) -> str:
    return str(one["metadata"].get("uid", ""))
