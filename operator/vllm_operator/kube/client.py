"""The only I/O with the API server: get, list, watch, create, patch, delete, status.

`Api` is what the rest of the operator needs of a cluster; `Cluster` is the real one. Its errors stand in errors.py, its
connections in transport.py. Must not decide what to write.
"""

import contextlib
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any, NamedTuple, Protocol, Self

from vllm_operator.kube import credentials, errors, kinds, naming, requests, seats, transport

ADDRESSES_IN_FLIGHT = 4
"""Of one namespace: the API server counts all cluster IPs for each new one, so more at once only wait longer."""
PAGE = 100
PAGE_BYTES = 4 * 2**20  # above which a page is asked for anew with fewer objects: it is decoded as a whole
EVENTS = 100  # of one object
WATCH_SECONDS = 290
MANAGED = {"fieldManager": naming.FIELD_MANAGER}


class Page(NamedTuple):
    """A part of a list; all parts of one list are of the same resource version."""

    items: list[kinds.Object]
    resource_version: str


class Api(Protocol):
    """What the operator needs of a cluster. Objects that come back carry apiVersion and kind."""

    async def get(self, ref: kinds.Ref) -> kinds.Object:
        """Return the live object."""

    async def exists(self, ref: kinds.Ref) -> bool:
        """Tell whether there is such an object; its content is not fetched."""

    def list(self, kind: kinds.Kind, namespace: str = "", selector: str = "") -> AsyncGenerator[Page]:
        """Yield all objects of `kind`, page by page; an empty `namespace` means all of them."""

    async def log(self, pod: kinds.Ref, container: str, lines: int, most: int, *, previous: bool) -> str:
        """Return the first `most` bytes of the last `lines` of a container's log; `previous`: of the one before it."""

    async def events_on(self, regarding: kinds.Object) -> Sequence[kinds.Object]:
        """Return the Events on `regarding`, EVENTS at most, in the order in which they happened last."""

    def watch(
        self, kind: kinds.Kind, version: str, namespace: str = "", selector: str = ""
    ) -> AsyncGenerator[tuple[str, kinds.Object]]:
        """Yield what happens after `version`: ADDED, MODIFIED, DELETED or BOOKMARK, and the object; ends from time to time."""

    async def create(self, obj: kinds.Object) -> kinds.Object:
        """Create `obj`."""

    async def patch(self, ref: kinds.Ref, operations: Sequence[kinds.Object]) -> kinds.Object:
        """Apply a JSON patch; Conflict where a test in it fails, or where it names another resource version."""

    async def merge(self, obj: kinds.Object, uid: str) -> kinds.Object:
        """Merge `obj` into the object of that `uid`."""

    async def replace(self, obj: kinds.Object) -> kinds.Object:
        """Put `obj` in the place of the object that has its resource version."""

    async def delete(self, ref: kinds.Ref, uid: str) -> None:
        """Delete the object of that `uid`; what it owns follows."""

    async def write_status(self, obj: kinds.Object, status: kinds.Object) -> kinds.Object:
        """Make `status` the whole status of the object that has the uid of `obj`."""

    async def create_event(self, regarding: kinds.Object, reason: str, note: str, *, warning: bool = False) -> None:
        """Record a Kubernetes Event on `regarding`."""


class ApiClient:
    """The real API server, an `Api`; use as an asynchronous context manager. `permit` is asked before every write."""

    def __init__(
        self,
        login: credentials.Login,
        observe: transport.Observe = lambda _verb, _resource, _code: None,
        permit: transport.Permit = lambda: None,
    ) -> None:
        self._connection = transport.Transport(login, observe, permit)
        self._addresses = seats.Turns(ADDRESSES_IN_FLIGHT)

    async def __aenter__(self) -> Self:
        """Open the connections."""
        await self._connection.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._connection.__aexit__()

    def permit_by(self, permit: transport.Permit) -> None:
        """Ask `permit` from now on; it raises where nothing may be written."""
        self._connection.permit = permit

    async def get(self, ref: kinds.Ref) -> kinds.Object:
        """Return the live object."""
        return await self._connection.call("get", requests.one(ref))

    async def exists(self, ref: kinds.Ref) -> bool:
        """Tell whether there is such an object; its content is not fetched."""
        try:
            await self._connection.call("get", requests.one(ref), accept=requests.METADATA_ONLY)
        except errors.NotFound:
            return False
        return True

    async def list(self, kind: kinds.Kind, namespace: str = "", selector: str = "") -> AsyncGenerator[Page]:
        """Yield all objects of `kind`, page by page; the items of a list carry no kind, so it is filled in."""
        query, limit = requests.selecting(selector), PAGE
        while True:
            try:
                answer = await self._page(requests.all_of(kind, namespace), query, limit)
            except errors.TooLarge:
                limit = limit // 4 or 1
                continue
            limit = min(limit * 2, PAGE)
            metadata, items = answer["metadata"], answer.pop("items")
            for item in items:
                item |= {"apiVersion": kind.api_version, "kind": kind.kind}
            yield Page(items, metadata["resourceVersion"])
            if not metadata.get("continue"):
                return
            query["continue"] = metadata["continue"]

    async def _page(self, target: requests.Target, query: dict[str, str], limit: int) -> kinds.Object:
        most = PAGE_BYTES if limit > 1 else sys.maxsize
        return await self._connection.call("list", target, query={**query, "limit": str(limit)}, most=most)

    async def log(self, pod: kinds.Ref, container: str, lines: int, most: int, *, previous: bool) -> str:
        """Return the first `most` bytes of the last `lines` of a container's log; `previous`: of the one before it."""
        query = requests.log(container, lines, most, previous=previous)
        return await self._connection.text("get", requests.one(pod, "log"), most, query=query)

    async def events_on(self, regarding: kinds.Object) -> Sequence[kinds.Object]:
        """Return the Events on `regarding`, EVENTS at most, in the order in which they happened last."""
        metadata = regarding["metadata"]
        target = requests.all_of(kinds.EVENT, metadata["namespace"])
        answer = await self._connection.call("list", target, query=requests.regarding(metadata["uid"], EVENTS))
        return sorted(answer["items"], key=requests.happened)

    async def watch(
        self, kind: kinds.Kind, version: str, namespace: str = "", selector: str = ""
    ) -> AsyncGenerator[tuple[str, kinds.Object]]:
        """Yield what happens after `version`; Gone where that is too old, Unavailable where the stream falls silent."""
        query = requests.watching(version, WATCH_SECONDS, selector)
        async with contextlib.aclosing(self._connection.stream(requests.all_of(kind, namespace), query)) as stream:
            async for line in stream:
                yield requests.event(line, kind)

    async def create(self, obj: kinds.Object) -> kinds.Object:
        """Create `obj`; a field that the API server does not know is refused, not dropped."""
        target = requests.all_of(kinds.BY_NAME[obj["kind"]], obj["metadata"].get("namespace", ""))
        query = {**MANAGED, "fieldValidation": "Strict"}
        addressed = obj["kind"] == kinds.SERVICE.kind and obj["spec"].get("clusterIP") != "None"
        among = self._addresses if addressed else None
        return await self._connection.call("create", target, query=query, body=obj, among=among)

    async def patch(self, ref: kinds.Ref, operations: Sequence[kinds.Object]) -> kinds.Object:
        """Apply a JSON patch; Conflict where a test in it fails, or where it names another resource version."""
        return await self._patch(requests.one(ref), operations, requests.JSON_PATCH)

    async def merge(self, obj: kinds.Object, uid: str) -> kinds.Object:
        """Merge `obj` into the object of that `uid`."""
        body = {**obj, "metadata": {**obj["metadata"], "uid": uid}}
        return await self._patch(requests.one(kinds.ref(obj)), body, requests.MERGE_PATCH)

    async def replace(self, obj: kinds.Object) -> kinds.Object:
        """Put `obj` in the place of the object that has its resource version."""
        return await self._connection.call("update", requests.one(kinds.ref(obj)), query=MANAGED, body=obj)

    async def delete(self, ref: kinds.Ref, uid: str) -> None:
        """Delete the object of that `uid`; Conflict where another has its name."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        await self._connection.call("delete", requests.one(ref), body=body)

    async def write_status(self, obj: kinds.Object, status: kinds.Object) -> kinds.Object:
        """Make `status` the whole status of `obj`; Conflict where another has its name, which a merge patch would not tell."""
        body = [
            {"op": "test", "path": "/metadata/uid", "value": obj["metadata"]["uid"]},
            {"op": "add", "path": "/status", "value": status},
        ]
        return await self._patch(requests.one(kinds.ref(obj), "status"), body, requests.JSON_PATCH)

    async def create_event(self, regarding: kinds.Object, reason: str, note: str, *, warning: bool = False) -> None:
        """Record a Kubernetes Event on `regarding`."""
        event = requests.kubernetes_event(regarding, reason, note, time.time(), warning=warning)
        await self._connection.call("create", requests.all_of(kinds.EVENT, event["metadata"]["namespace"]), body=event)

    async def _patch(self, target: requests.Target, body: Any, content: str) -> kinds.Object:
        return await self._connection.call("patch", target, query=MANAGED, body=body, content=content)
