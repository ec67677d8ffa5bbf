"""List and watch one kind, in one namespace or all, into the store; wake the models that something changed for.

Lists anew where the API server no longer knows the version (410), and forgets then what has vanished; goes on where it was
after any other break. Must not know what the objects are for.
"""

import asyncio
import logging
import random
from collections.abc import Iterable

from vllm_operator.kube import cache, client, errors, kinds, naming

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 30.0
LOG = logging.getLogger(__name__)


class Informer:
    """One list and watch. `synced` is set when the store first holds all that there is."""

    def __init__(
        self,
        api: client.Api,
        kind: kinds.Kind,
        into: cache.Cache,
        *,
        namespace: str = "",
        selector: str = naming.MODEL_LABEL,
    ) -> None:
        self.synced = asyncio.Event()
        self._api = api
        self._kind = kind
        self._store = into
        self._namespace = namespace
        self._selector = selector
        self._version = ""
        self._in_vain = 0

    async def run(self) -> None:
        """Follow the API server until cancelled."""
        while True:
            try:
                await self._follow()
            except errors.Gone:
                self._version = ""
            except errors.ApiError as error:
                LOG.warning(
                    "Watch broke resource=%s namespace=%s error=%s", self._kind.plural, self._namespace or "*", error
                )
            await asyncio.sleep(self._pause())

    async def _follow(self) -> None:
        """Go on from the last version seen, or from a list; return when the server ends the stream."""
        if not self._version:
            await self._list()
        async for happened, obj in self._api.watch(self._kind, self._version, self._namespace, self._selector):
            if happened != "BOOKMARK":
                self._store.remove(obj) if happened == "DELETED" else self._store.put(obj)
            self._version = obj["metadata"]["resourceVersion"]
            self._in_vain = 0

    async def _list(self) -> None:
        listed: set[kinds.Ref] = set()
        version = ""
        async for page in self._api.list(self._kind, self._namespace, self._selector):
            version = page.resource_version
            for obj in page.items:
                listed.add(kinds.ref(obj))
                self._store.put(obj)
        self._store.purge(self._kind, self._namespace, listed, version)
        self._version = version
        self.synced.set()

    def _pause(self) -> float:
        """Return how long to wait: nothing after a stream that brought something, else longer each time, never in step."""
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._in_vain) if self._in_vain else 0.0
        self._in_vain = min(self._in_vain + 1, 20)
        return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing


def informers(api: client.Api, into: cache.Cache, namespaces: Iterable[str] = ()) -> tuple[Informer, ...]:
    """Return an informer for each kind that is watched, in each of `namespaces`; without any, in all."""
    scopes = tuple(namespaces) or ("",)
    return tuple(Informer(api, kind, into, namespace=scope) for kind in kinds.WATCHED for scope in scopes)
