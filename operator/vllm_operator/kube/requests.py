"""How calls to the API server look on the wire: paths, content types, patches, lines of a watch. Pure.

Knows Kubernetes' API conventions; opens no connection and decides nothing.
"""

import datetime as dt
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, NamedTuple

import orjson

from vllm_operator.kube import errors, kinds, naming, shorten

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
NOTE_LIMIT = 1024
"""In bytes of UTF-8: the API server refuses a longer note."""


class Target(NamedTuple):
    """What a call is about: its kind, path and namespace, "" for the cluster; `str()` of it stands in messages."""

    kind: kinds.Kind
    path: str
    namespace: str
    subresource: str = ""

    @property
    def resource(self) -> str:
        """Return the resource as metrics and RBAC name it."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural

    def __str__(self) -> str:
        return self.path


def all_of(kind: kinds.Kind, namespace: str = "") -> Target:
    """Return the target of a list, a watch or a creation."""
    root = "api" if "/" not in kind.api_version else "apis"
    inside = f"/namespaces/{namespace}" if namespace else ""
    return Target(kind, f"/{root}/{kind.api_version}{inside}/{kind.plural}", namespace)


def one(ref: kinds.Ref, subresource: str = "") -> Target:
    """Return the target that is the object `ref`, or a subresource of it."""
    kind = kinds.BY_NAME[ref.kind]
    path = f"{all_of(kind, ref.namespace).path}/{ref.name}"
    return Target(kind, f"{path}/{subresource}" if subresource else path, ref.namespace, subresource)


def selecting(selector: str) -> dict[str, str]:
    """Return the query that selects by label."""
    return {"labelSelector": selector} if selector else {}


def log(container: str, lines: int, most: int, *, previous: bool) -> dict[str, str]:
    """Return the query for the first `most` bytes of the last `lines` of a container's log; `previous`: of the one before it.

    That the bytes are the first ones is the kubelet's choice: it goes to the beginning of those lines and reads on from there.
    """
    fixed = {"container": container, "tailLines": str(lines), "limitBytes": str(most)}
    return {**fixed, **({"previous": "true"} if previous else {})}


def regarding(uid: str, most: int) -> dict[str, str]:
    """Return the query for at most `most` Events on the object of that `uid`."""
    return {"fieldSelector": f"regarding.uid={uid}", "limit": str(most)}


def watching(version: str, seconds: int, selector: str) -> dict[str, str]:
    """Return the query of a watch that begins after `version` and lasts `seconds` at most."""
    fixed = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": version, "timeoutSeconds": str(seconds)}
    return {**fixed, **selecting(selector)}


def encode(body: Any) -> bytes:
    """Return `body` as Go writes JSON: keys in order, and what HTML could mistake escaped.

    A ControllerRevision's data is kept as it was sent, cannot change, and is compared byte by byte with what Go makes of it: with
    an unescaped < in it not even a label could be repaired.
    """
    written = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    for character in "<>&\u2028\u2029":
        written = written.replace(character.encode(), f"\\u{ord(character):04x}".encode())
    return written


async def beginning(chunks: AsyncIterable[bytes], most: int) -> str:
    """Return the first `most` bytes of what comes as text; what is no UTF-8 in it is replaced."""
    read = bytearray()
    async for chunk in chunks:
        read += chunk
        if len(read) >= most:
            break
    return read[:most].decode(errors="replace")


async def lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield whole lines, of any length; a line that the end cuts off is left out."""
    begun: list[bytes] = []
    async for chunk in chunks:
        first, *others = chunk.split(b"\n")
        begun.append(first)
        for other in others:
            yield b"".join(begun)
            begun = [other]


def event(line: bytes, kind: kinds.Kind) -> tuple[str, kinds.Object]:
    """Return type and object of one line of a watch; an ERROR is raised."""
    decoded = orjson.loads(line)
    if decoded["type"] == "ERROR":
        status = decoded["object"]
        raise errors.of(int(status.get("code") or 0), status, kind)
    return decoded["type"], decoded["object"]


def kubernetes_event(regarding: kinds.Object, reason: str, note: str, now: float, *, warning: bool) -> kinds.Object:
    """Return the Event on `regarding`; `now` is in seconds since 1970."""
    metadata = regarding["metadata"]
    about = {"apiVersion": regarding["apiVersion"], "kind": regarding["kind"], "uid": metadata["uid"]}
    return {
        "apiVersion": kinds.EVENT.api_version,
        "kind": kinds.EVENT.kind,
        "metadata": {"name": f"{metadata['name']}.{int(now * 1e9):x}", "namespace": metadata["namespace"]},
        "eventTime": micro_time(now),
        "type": "Warning" if warning else "Normal",
        "reason": reason,
        "action": reason,
        "note": shorten.to_bytes(note, NOTE_LIMIT),
        "regarding": {**about, "name": metadata["name"], "namespace": metadata["namespace"]},
        "reportingController": f"{kinds.GROUP}/{naming.FIELD_MANAGER}",
        "reportingInstance": naming.FIELD_MANAGER,
    }


def happened(event: kinds.Object) -> str:
    """Return the moment at which an Event was last recorded, however its source notes it."""
    noted = (event.get("series") or {}).get("lastObservedTime"), event.get("deprecatedLastTimestamp")
    return str(next(filter(None, (*noted, event.get("eventTime"))), ""))


def micro_time(now: float) -> str:
    """Return `now`, in seconds since 1970, as the API's MicroTime."""
    return dt.datetime.fromtimestamp(now, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
