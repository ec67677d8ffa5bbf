"""List and watch the models and the kinds of their objects into the cache, in one namespace, in several or in all.

A list or a watch that fails, for whatever reason, is tried again and ends nothing: a namespace that is deleted, not made yet or
not ours to read costs the others nothing. Lists anew where the API server no longer knows the version (410), and then forgets
what has vanished; goes on where it was after any other break. An optional kind that the cluster does not have counts as known,
and is looked for now and then. An object that cannot be taken in is left as it was known, and costs no other. Must not know what
the objects are for.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from typing import NamedTuple

from vllm_operator.kube import backoff, cache, client, errors, kinds, naming

PAUSE = backoff.Backoff(first=0.1, longest=5.0, jitter=0.5)
KINDS = (kinds.MODEL_DEPLOYMENT, *kinds.WATCHED)
ABSENT_SECONDS = 5.0
"""After which a kind that the cluster does not have is looked for again. Until then a host that it holds looks free."""
LEFT_OUT = "TooMuchMemory"
"""The reason of a namespace that the cache leaves out."""
REFUSED = (errors.Denied, errors.NotFound)
UNANSWERED_SECONDS = 60.0
"""After which any other failure counts as a refusal: who watches several namespaces waits for the one that answers no longer."""
LOG = logging.getLogger(__name__)


class Failure(NamedTuple):
    """What cannot be read: `since` on the clock of the event loop, `reason` in one word."""

    kind: kinds.Kind
    namespace: str
    since: float
    reason: str


class Informer:
    """One list and watch. `synced`: the cache holds all that there is; `answered`: that, or nobody waits for it any longer."""

    def __init__(self, api: client.Api, kind: kinds.Kind, into: cache.Cache, namespace: str = "") -> None:
        self.synced, self.answered = asyncio.Event(), asyncio.Event()
        self.failure: Failure | None = None
        self._api, self._kind, self._cache, self._namespace = api, kind, into, namespace
        self._selector = "" if kind in (kinds.MODEL_DEPLOYMENT, *kinds.SHARED) else naming.MODEL_LABEL
        self._version = ""
        self._idle_since: float | None = None  # the end of the last stream that lasted or brought something
        self._logged = ""

    async def run(self) -> None:
        """Follow the API server until cancelled."""
        while True:
            try:
                await self._follow()
            except errors.Gone as error:
                self._version = ""
                self._mark(error.reason)
            except errors.NoSuchKind as error:
                await self._absent(error)
            except errors.ApiError as error:
                self._failed(error.reason, error)
            except Exception as error:  # noqa: BLE001 - what one kind cannot read ends nothing else
                self._failed(type(error).__name__, error)
            await asyncio.sleep(self._pause())

    async def _follow(self) -> None:
        """Go on from the last version seen, or from a list; return when the server ends the stream."""
        if not self._version or self._cache.lacks(self._kind, self._namespace):
            await self._list()
        opened = asyncio.get_running_loop().time()
        events = self._api.watch(self._kind, self._version, self._namespace, self._selector)
        async with contextlib.aclosing(events):
            async for happened, obj in events:
                self._take(happened, obj)
        if asyncio.get_running_loop().time() - opened > PAUSE.longest:
            self._idle_since = None

    def _take(self, happened: str, obj: kinds.Object) -> None:
        if happened == "DELETED":
            self._know_of(obj, self._cache.remove)
        elif happened != "BOOKMARK":
            self._know_of(obj, self._cache.put)
        self._succeeded()
        version = obj["metadata"]["resourceVersion"]
        if version != self._version:
            self._version, self._idle_since = version, None

    async def _list(self) -> None:
        listed: set[kinds.Ref] = set()
        version = ""
        self._cache.expect(self._kind, self._namespace)
        pages = self._api.list(self._kind, self._namespace, self._selector)
        async with contextlib.aclosing(pages):
            async for page in pages:
                version = page.resource_version
                while page.items:  # or each kind's last page would be held until its next one is there
                    obj = page.items.pop()
                    listed.add(kinds.ref(obj))
                    self._know_of(obj, self._cache.put)
        self._cache.purge(self._kind, self._namespace, listed, version)
        self._version = version
        self._succeeded()
        self._know()

    def _know_of(self, obj: kinds.Object, take: Callable[[kinds.Object], None]) -> None:
        """Let the cache `take` the object in; one that it cannot read stays as it was known, so nothing looks deleted."""
        try:
            take(obj)
        except Exception:
            LOG.exception("Object was left out object=%s namespace=%s", kinds.ref(obj), kinds.ref(obj).namespace)

    async def _absent(self, error: errors.NoSuchKind) -> None:
        """Wait for a kind that the cluster does not have; of an optional one there is no object, and that is known."""
        if self._kind not in kinds.OPTIONAL:
            self._failed(error.reason, error)
            return
        self._cache.expect(self._kind, self._namespace)
        self._cache.clear(self._kind, self._namespace)
        self._version = ""
        self._succeeded()
        self._know()
        await asyncio.sleep(ABSENT_SECONDS)
        self._idle_since = None  # that was the pause

    def _know(self) -> None:
        self.synced.set()
        self.answered.set()

    def _succeeded(self) -> None:
        if self._logged:
            LOG.info("Watch goes on resource=%s namespace=%s", self._kind.plural, self._namespace or "*")
        self.failure, self._logged = None, ""

    def _failed(self, reason: str, error: Exception) -> None:
        """Log what failed where it is another failure than before; a refusal is an answer too, and so is a long failure."""
        self._mark(reason)
        if isinstance(error, REFUSED):
            self.answered.set()
        if str(error) != self._logged:
            self._logged = str(error)
            unexpected = None if isinstance(error, errors.ApiError) else error
            LOG.warning(
                "Watch broke resource=%s namespace=%s error=%s",
                self._kind.plural, self._namespace or "*", error, exc_info=unexpected,
            )  # fmt: skip

    def _mark(self, reason: str) -> None:
        now = asyncio.get_running_loop().time()
        since = self.failure.since if self.failure else now
        self.failure = Failure(self._kind, self._namespace, since, reason)
        if now - since >= UNANSWERED_SECONDS:
            self.answered.set()

    def _pause(self) -> float:
        """Return how long to wait: nothing after a stream that lasted or brought something, else longer each time."""
        now = asyncio.get_running_loop().time()
        if self._idle_since is None:
            self._idle_since = now
            return 0.0
        return PAUSE.pause(now - self._idle_since)


class Informers:
    """An informer for each kind, in each of `namespaces`; without any, in all.

    `synced(namespace)` is called once all kinds of a namespace are known; with an empty one where all are watched together.
    """

    def __init__(
        self, api: client.Api, into: cache.Cache, namespaces: Iterable[str], synced: Callable[[str], None]
    ) -> None:
        scopes = tuple(namespaces) or ("",)
        self._of = {scope: tuple(Informer(api, kind, into, scope) for kind in KINDS) for scope in scopes}
        self._cache, self._synced = into, synced
        self._known = asyncio.Event()
        self._left_out: dict[str, float] = {}

    async def run(self) -> None:
        """Follow the API server until cancelled."""
        async with asyncio.TaskGroup() as group:
            for scope, informers in self._of.items():
                group.create_task(self._announce(scope))
                for one in informers:
                    group.create_task(one.run())

    async def ready(self) -> None:
        """Wait until `are_ready`."""
        await asyncio.gather(self._known.wait(), *(one.answered.wait() for one in self._all()))

    def are_ready(self) -> bool:
        """Tell whether every informer is synced, was refused or failed long enough, and one namespace is known whole."""
        return self._known.is_set() and all(one.answered.is_set() for one in self._all())

    def knows(self, namespace: str) -> bool:
        """Tell whether all that there is in `namespace` is known: else what is not would look deleted."""
        if namespace in self._cache.left_out():
            return False
        informers = self._of.get(namespace) or self._of.get("", ())
        return bool(informers) and all(one.synced.is_set() for one in informers)

    def failures(self) -> tuple[Failure, ...]:
        """Return what cannot be read at the moment; what is left out counts from when this was asked first."""
        now = asyncio.get_running_loop().time()
        self._left_out = {one: self._left_out.get(one, now) for one in self._cache.left_out()}
        left_out = (Failure(kinds.MODEL_DEPLOYMENT, *one, LEFT_OUT) for one in self._left_out.items())
        return (*(one.failure for one in self._all() if one.failure), *left_out)

    def _all(self) -> list[Informer]:
        return [one for informers in self._of.values() for one in informers]

    async def _announce(self, scope: str) -> None:
        await asyncio.gather(*(one.synced.wait() for one in self._of[scope]))
        self._known.set()
        self._synced(scope)
