"""What the cache keeps of an object: all that a plan, a comparison or a status reads, and no more. Pure.

A large entry of a Secret is kept as its digest: a comparison needs no more, and the guard's routes and pages would be most of
the operator's memory. Entries that the operator reads back are kept whole.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterable

import orjson

from vllm_operator.kube import kinds

DIGEST = "sha256:"
"""Begins a kept digest; no entry of a Secret does, since `:` is no character of base64."""

ENTRY_LIMIT = 512  # base64 characters: a client's key, its URLs and the replaced keys are shorter
READ_ENTRIES = frozenset({"keys.json", "void.json", "PREVIOUS_API_KEYS"})
"""Entries that the operator reads back."""

READ_LIMIT = 128 * 1024
"""Base64 characters of these: 128 clients with the longest keys and names have fewer. What is longer reads as garbled."""

LARGE = 2048
"""Bytes of JSON above which an object is compressed: below, the cache would save little."""

POD_METADATA = ("name", "namespace", "uid", "labels", "annotations", "creationTimestamp", "deletionTimestamp",
                "ownerReferences")  # fmt: skip
POD_STATUS = ("phase", "reason", "message", "podIP", "conditions")
CONTAINER_STATUS = ("name", "image", "ready", "started", "restartCount", "state", "lastState")
UNKEPT_METADATA = ("managedFields", "resourceVersion")


def projected(obj: kinds.Object) -> bytes:
    """Return what is kept of `obj` as JSON with sorted keys; two versions that differ in nothing relevant give the same bytes."""
    return packed(kept(obj))


def kept(obj: kinds.Object) -> kinds.Object:
    """Return what is kept of `obj`."""
    return PROJECTIONS.get(obj["kind"], _whole)(obj)


def packed(value: object) -> bytes:
    """Return `value` as JSON in no more memory than it needs: orjson's own buffer is kept at several times that."""
    return bytes(memoryview(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)))


def stored(raw: bytes) -> bytes:
    """Return JSON as it is kept: what is large, such as a pod template, is compressed to a third."""
    return zlib.compress(raw, level=1) if len(raw) > LARGE else raw


def read(kept_as: bytes) -> bytes:
    """Return the JSON that is `stored` so."""
    return kept_as if kept_as.startswith(b"{") else zlib.decompress(kept_as)


def entry(value: str) -> str:
    """Return the digest that is kept in place of a large entry of a Secret."""
    return DIGEST + hashlib.sha256(value.encode()).hexdigest()


def _whole(obj: kinds.Object) -> kinds.Object:
    return {**obj, "metadata": _without(obj["metadata"], UNKEPT_METADATA)}


def _model(model: kinds.Object) -> kinds.Object:
    """Return a model with the annotations that mean something here: what others note on it is no news, and may be long."""
    annotations = model["metadata"].get("annotations") or {}
    ours = {name: value for name, value in annotations.items() if name.startswith(f"{kinds.GROUP}/")}
    metadata = _without(model["metadata"], (*UNKEPT_METADATA, "annotations"))
    return {**model, "metadata": {**metadata, **({"annotations": ours} if ours else {})}}


def _secret(secret: kinds.Object) -> kinds.Object:
    data = {name: _kept(name, value) for name, value in (secret.get("data") or {}).items()}
    return _whole({**secret, **({"data": data} if data else {})})


def _kept(name: str, value: str) -> str:
    limit = READ_LIMIT if name in READ_ENTRIES else ENTRY_LIMIT
    return value if len(value) <= limit else entry(value)


def _pod(pod: kinds.Object) -> kinds.Object:
    status, spec = pod.get("status", {}), pod.get("spec", {})
    images = [_only(one, ("name", "image")) for one in spec.get("initContainers", [])]
    engines = [_container(one) for one in spec.get("containers", [])]
    containers = {
        name: [_only(one, CONTAINER_STATUS) for one in status[name]]
        for name in ("containerStatuses", "initContainerStatuses")
        if name in status
    }
    return {
        **_only(pod, ("apiVersion", "kind")),
        "metadata": _only(pod["metadata"], POD_METADATA),
        "spec": {
            **_only(spec, ("nodeName", "schedulingGates")),
            **_listed("initContainers", images),
            **_listed("containers", engines),
        },
        "status": {**_only(status, POD_STATUS), **containers},
    }


def _container(one: kinds.Object) -> kinds.Object:
    """Return a container with the time that it has to start, and the accelerators that it holds."""
    limits = (one.get("resources") or {}).get("limits") or {}
    held = {name: amount for name, amount in limits.items() if "/" in name}
    probe = _only(one.get("startupProbe") or {}, ("periodSeconds", "failureThreshold"))
    return {
        **_only(one, ("name", "image", "args")),
        **({"startupProbe": probe} if probe else {}),
        **({"resources": {"limits": held}} if held else {}),
    }


def _listed(name: str, items: list[kinds.Object]) -> kinds.Object:
    return {name: items} if items else {}


def _only(fields: kinds.Object, names: Iterable[str]) -> kinds.Object:
    return {name: fields[name] for name in names if name in fields}


def _without(fields: kinds.Object, names: Iterable[str]) -> kinds.Object:
    return {name: value for name, value in fields.items() if name not in names}


PROJECTIONS: dict[str, Callable[[kinds.Object], kinds.Object]] = {
    kinds.MODEL_DEPLOYMENT.kind: _model,
    kinds.POD.kind: _pod,
    kinds.SECRET.kind: _secret,
}
