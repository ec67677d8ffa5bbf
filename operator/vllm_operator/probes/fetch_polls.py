"""Asks the fetchers of weights how far they are, while one is at work, and keeps what they said.

A fetcher is a Job's pod, or a container of a server that fetches its own weights.

The Job's pod carries no label that servers have, so that no Service selects it; it is read at the API server while the Job runs.
Numbers are passed on every SHOWN_SECONDS, a trouble and its end at once.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import NamedTuple

from vllm_operator.kube import cache, client, conditions, errors, kinds, naming, projection, workqueue
from vllm_operator.status import fetch_diagnosis, fetch_progress, observed
from vllm_operator.status.fetch_progress import FetchState
from vllm_operator.status.pod_view import PodEvent, PodView

WORKERS = 8
ASKED_SECONDS, SHOWN_SECONDS = 3.0, 10.0
REFUSED_SECONDS = 15.0
"""How often it is looked whether a pod can be made, or set up, again: Kubernetes tries less often."""
NOTE = 1024
"""In characters: what is kept of an Event's words."""
JOB_NAME_LABEL = "batch.kubernetes.io/job-name"

AskFetcher = Callable[[str], Coroutine[None, None, str | None]]
Wake = Callable[[kinds.Key], None]


class Shown(NamedTuple):
    """What was passed on: of the Job with that `uid`, at a moment of the event loop's clock; `is_over`: there is no more."""

    uid: str
    state: FetchState
    at: float
    is_over: bool = False


class FetchPolls:
    """What is known of the Jobs that fetch weights, by model. `heard` is called with a model of which something new is known."""

    def __init__(self, api: client.Api, objects: cache.Cache, ask: AskFetcher, heard: Wake) -> None:
        self._api, self._cache, self._ask, self._heard = api, objects, ask, heard
        self._shown: dict[kinds.Key, Shown] = {}
        self._done: dict[
            kinds.Key, cache.Stamp
        ] = {}  # of models that have nothing to fetch while nothing of them changes
        self.queue = workqueue.Queue(self._poll, WORKERS)

    def of(self, key: kinds.Key) -> FetchState:
        """Return what is known of the Job of the model."""
        shown = self._shown.get(key)
        return shown.state if shown else FetchState()

    async def _poll(self, key: kinds.Key) -> float | None:
        """Look at the model's Job; return the seconds until it is to be looked at again, None where it has ended."""
        stamp = self._cache.stamp(key)
        if stamp and self._done.get(key) == stamp:
            return None
        pause = await self._look(key)
        self._done.pop(key, None)
        if stamp and pause is None:
            self._done[key] = stamp
        return pause

    async def _look(self, key: kinds.Key) -> float | None:
        job = self._job(key)
        fetcher = job or self._server(key)
        if fetcher is None:
            self._shown.pop(key, None)
            return None
        uid, before = str(fetcher["metadata"]["uid"]), self._shown.get(key)
        if before and before.uid == uid and before.is_over:
            return None
        state = await self._of_job(job) if job else FetchState(None, await self._said(fetcher))
        is_over = bool(job and conditions.is_true(job, "Complete"))
        self._show(key, Shown(uid, state, _now(), is_over), before)
        return None if is_over else REFUSED_SECONDS if _is_held(state) else ASKED_SECONDS

    def _job(self, key: kinds.Key) -> kinds.Object | None:
        """Return the Job of the model."""
        job = self._cache.get(kinds.Ref(kinds.JOB.kind, key.namespace, naming.fetch(key.name)))
        model = self._cache.model(key) if job else None
        return job if job and model and naming.is_ours(job, naming.owner(model)) else None

    def _server(self, key: kinds.Key) -> kinds.Object | None:
        """Return a server of the model that fetches its own weights."""
        seen = observed.snapshot(self._cache, key)
        return next((pod for pod in seen.pods() if fetch_progress.is_fetching(pod)), None) if seen else None

    async def _of_job(self, job: kinds.Object) -> FetchState:
        try:
            pod = await self._pod(job)
            refused = await self._refusal(job) if pod is None else ""
            events = await self._events(pod) if pod and PodView(pod).is_being_set_up() else ()
        except errors.ApiError:
            return FetchState()
        said = await self._said(pod) if pod else None
        if pod and said is None and _is_over(pod):
            said = fetch_progress.last_words(pod)
        return FetchState(pod, said, refused, events)

    async def _said(self, pod: kinds.Object) -> fetch_progress.Progress | None:
        """Return what the fetcher in `pod` says; None where it does not answer."""
        words = await self._ask(_address(pod)) if _address(pod) else None
        return fetch_progress.read(words) if words is not None else None

    async def _pod(self, job: kinds.Object) -> kinds.Object | None:
        """Return the newest pod of the Job; None where it has none."""
        metadata = job["metadata"]
        selector = f"{JOB_NAME_LABEL}={metadata['name']}"
        pages = [page async for page in self._api.list(kinds.POD, metadata["namespace"], selector)]
        found = [pod for page in pages for pod in page.items if naming.is_controlled(pod, metadata["uid"])]
        newest = max(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)
        return projection.kept(newest) if newest else None

    async def _refusal(self, job: kinds.Object) -> str:
        """Return why the Job has no pod, in Kubernetes' words; "" where nobody says it."""
        if conditions.is_true(job, "Suspended"):
            return f"the Job {job['metadata']['name']} is suspended"
        told = [one for one in await self._api.events_on(job) if one.get("reason") == "FailedCreate"]
        return str(told[-1].get("note", "")) if told else ""

    async def _events(self, pod: kinds.Object) -> tuple[PodEvent, ...]:
        """Return the pod's Events, the newest first."""
        found = await self._api.events_on(pod)
        return tuple(PodEvent(str(one.get("reason", "")), str(one.get("note", ""))[:NOTE]) for one in reversed(found))

    def _show(self, key: kinds.Key, after: Shown, before: Shown | None) -> None:
        """Pass on what is news; numbers alone are news every SHOWN_SECONDS."""
        is_recent = before is not None and before.uid == after.uid and after.at - before.at < SHOWN_SECONDS
        if before and is_recent and not after.is_over and _trouble(before.state) == _trouble(after.state):
            return
        self._shown[key] = after
        if before is None or before.state != after.state:
            self._heard(key)


def _trouble(state: FetchState) -> str:
    found = fetch_diagnosis.diagnose(state)
    return found.reason if found else ""


def _is_held(state: FetchState) -> bool:
    """Tell whether something keeps the fetcher from running."""
    return bool(state.refused or state.events) and _trouble(state) != fetch_diagnosis.DOWNLOADING


def _is_over(pod: kinds.Object) -> bool:
    return bool(pod.get("status", {}).get("phase") == "Succeeded")


def _address(pod: kinds.Object) -> str:
    return str(pod.get("status", {}).get("podIP", "")) if not _is_over(pod) else ""


def _now() -> float:
    return asyncio.get_running_loop().time()
