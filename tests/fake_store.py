"""What the API server in memory keeps: objects under resource versions, their history, and watches that read it.

`cut` ends all watches, `compact` forgets their past, `frozen` silences them, and `latency` is the seconds by which events of a
kind come late. Must not judge what is stored.
"""

import asyncio
import copy
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from tests import api_objects
from vllm_operator.kube import errors, kinds

FIRST = 100
WITH_GENERATION = {"Deployment", "Ingress", "NetworkPolicy", "PodDisruptionBudget", "ModelDeployment"}


class Happened(NamedTuple):
    """One line of the history; both objects None for a bookmark."""

    version: int
    kind: str
    before: kinds.Object | None
    after: kinds.Object | None


class Store:
    """The objects, by reference; what is handed out is a copy. `history`: what happened to all of them."""

    def __init__(self) -> None:
        self.objects: dict[kinds.Ref, kinds.Object] = {}
        self.version = FIRST
        self.frozen = False
        self.latency: dict[str, float] = {}
        self.history: list[Happened] = []
        self._forgotten = 0
        self._streams = 0
        self._news = asyncio.Event()

    def commit(self, ref: kinds.Ref, after: kinds.Object) -> kinds.Object:
        """Store `after` under a new version, unless it is what is there; return what is there then."""
        before = self.objects.get(ref)
        if before is None or _timeless(before) != _timeless(after):
            if ref.kind in WITH_GENERATION and (before is None or _counted(before) != _counted(after)):
                after["metadata"]["generation"] = (before or after)["metadata"].get("generation", 0) + 1
            after["metadata"]["resourceVersion"] = str(self.version + 1)
            self.objects[ref] = after
            self._happened(ref.kind, before, after)
            if after["metadata"].get("deletionTimestamp") and not after["metadata"].get("finalizers"):
                self.remove(ref)
                return copy.deepcopy(after)
        return copy.deepcopy(self.objects[ref])

    def remove(self, ref: kinds.Ref) -> None:
        """Take the object away, or mark it where a finalizer holds it."""
        before = self.objects[ref]
        if before["metadata"].get("finalizers"):
            self.commit(ref, {**before, "metadata": {**before["metadata"], "deletionTimestamp": now()}})
            return
        del self.objects[ref]
        self._happened(ref.kind, before, None)

    def collect_garbage(self) -> None:
        """Remove what lost all its owners, until nothing does."""
        alive = {obj["metadata"]["uid"] for obj in self.objects.values()}
        owned = [(ref, obj["metadata"].get("ownerReferences", [])) for ref, obj in self.objects.items()]
        orphans = [ref for ref, owners in owned if owners and not any(owner["uid"] in alive for owner in owners)]
        for ref in orphans:
            self.remove(ref)
        if orphans:
            self.collect_garbage()

    def found(self, kind: kinds.Kind, namespace: str, selector: str) -> list[kinds.Object]:
        """Return the objects of `kind` that are selected, by name."""
        listed = [obj for ref, obj in sorted(self.objects.items()) if ref.kind == kind.kind]
        return [copy.deepcopy(obj) for obj in listed if _in(obj, namespace, selector)]

    async def events(
        self, kind: kinds.Kind, version: int, namespace: str, selector: str
    ) -> AsyncIterator[tuple[str, kinds.Object]]:
        """Yield what happens after `version`, as a watch tells it; Gone where that is forgotten."""
        stream, at = self._streams, version
        while stream == self._streams:
            if at < self._forgotten:
                raise errors.Gone(410, "Expired", f"too old resource version: {at} ({self._forgotten})")
            for happened in [] if self.frozen else self.history[max(0, at - FIRST) :]:
                at = happened.version
                if happened.kind == kind.kind and (event := _event(happened, namespace, selector)):
                    await asyncio.sleep(self.latency.get(kind.kind, 0))
                    yield event
            if self.frozen or at >= self.version:
                await self._news.wait()

    def bookmark(self, kind: kinds.Kind) -> None:
        """Tell watches of `kind` how far they are."""
        self._happened(kind.kind, None, None)

    def cut(self) -> None:
        """End all watches."""
        self._streams += 1
        self._wake()

    def compact(self) -> None:
        """Forget the past: who watches from before now is told so."""
        self._forgotten = self.version
        self.cut()

    def resume(self) -> None:
        """Let frozen watches go on."""
        self.frozen = False
        self._wake()

    def _happened(self, kind: str, before: kinds.Object | None, after: kinds.Object | None) -> None:
        self.version += 1
        self.history.append(Happened(self.version, kind, copy.deepcopy(before), copy.deepcopy(after)))
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def now() -> str:
    """Return the time as the API server writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _event(happened: Happened, namespace: str, selector: str) -> tuple[str, kinds.Object] | None:
    """Return how a watch with `selector` tells of what happened; what leaves the selection is told as deleted."""
    version, _, before, after = happened
    if before is None and after is None:
        return "BOOKMARK", {"metadata": {"resourceVersion": str(version)}}
    was, is_now = (_in(obj, namespace, selector) for obj in (before, after))
    if after and is_now:
        return ("MODIFIED" if was else "ADDED"), copy.deepcopy(after)
    if before and was:
        return "DELETED", {**copy.deepcopy(before), "metadata": {**before["metadata"], "resourceVersion": str(version)}}
    return None


def _in(obj: kinds.Object | None, namespace: str, selector: str) -> bool:
    if obj is None or namespace not in ("", obj["metadata"].get("namespace", "")):
        return False
    return api_objects.matches(obj, selector)


def _counted(obj: kinds.Object) -> tuple[Any, Any]:
    """Return what the generation counts changes of; a Deployment's counts those of its annotations too."""
    annotations = obj["metadata"].get("annotations") if obj["kind"] == kinds.DEPLOYMENT.kind else None
    return obj.get("spec"), annotations


def _timeless(obj: kinds.Object) -> kinds.Object:
    metadata = {name: value for name, value in obj["metadata"].items() if name not in {"resourceVersion", "generation"}}
    return {**obj, "metadata": metadata}
