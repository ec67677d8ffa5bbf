"""What the operator makes of one model, and of one changed field: the writes that the floor repeats for every model.

Taken from a cluster on which the operator worked, so the floor writes what this operator writes, and needs none of its code.
"""

from typing import Any, NamedTuple

from tests.bench.scale import load, wire
from vllm_operator.kube import kinds, requests

MODEL = "m-00000"
KEPT = ("name", "namespace", "labels", "annotations", "ownerReferences")
ALLOCATED = ("clusterIP", "clusterIPs")

Object = dict[str, Any]


class Write(NamedTuple):
    """One request for the model `MODEL` with its uid; `kind` is that of the object."""

    kind: str
    method: str
    path: str
    body: bytes
    content: str = wire.JSON


class State(NamedTuple):
    """A model, and its children by reference."""

    model: Object
    children: dict[kinds.Ref, Object]


class Recording(NamedTuple):
    """`uid` is that of the recorded model; `created` and `edited` are what was written, each status last."""

    uid: str
    created: tuple[Write, ...]
    edited: dict[str, tuple[Write, ...]]


async def state(api: wire.Api) -> State:
    """Return what there is of the recorded model now."""
    model = await api.ask("GET", f"{load.MODELS}/{MODEL}")
    found = {}
    for kind in (one for one in kinds.CHILDREN if one not in kinds.OPTIONAL):
        listed = (await api.ask("GET", requests.all_of(kind, "default").path))["items"]
        for item in listed:
            if any(owner["uid"] == model["metadata"]["uid"] for owner in item["metadata"].get("ownerReferences", ())):
                obj = {"apiVersion": kind.api_version, "kind": kind.kind, **item}
                found[kinds.ref(obj)] = obj
    return State(model, found)


def creation(now: State) -> tuple[Write, ...]:
    """Return the writes that make all children and the status."""
    return (*(_post(obj) for obj in now.children.values()), _status(now))


def edition(before: State, after: State) -> tuple[Write, ...]:
    """Return the writes for what really changed, and for the status; what was made anew is deleted and created."""
    writes = [write for ref in after.children for write in _changed(before.children.get(ref), after.children[ref])]
    gone = [_delete(obj) for ref, obj in before.children.items() if ref not in after.children]
    return (*gone, *writes, _status(after))


def difference(before: Object, after: Object) -> Object:
    """Return the merge patch from one object to another."""
    patch: Object = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            inner = difference(old, value)
            patch |= {name: inner} if inner else {}
        elif name not in before or old != value:
            patch[name] = value
    return patch


def _changed(before: Object | None, after: Object) -> list[Write]:
    if before is None:
        return [_post(after)]
    if before["metadata"]["uid"] != after["metadata"]["uid"]:
        return [_delete(before), _post(after)]
    patch = difference(_sent(before), _sent(after))
    path = requests.one(kinds.ref(after)).path
    return [Write(after["kind"], "PATCH", path, requests.encode(patch), wire.MERGE)] if patch else []


def _post(obj: Object) -> Write:
    path = requests.all_of(kinds.BY_NAME[obj["kind"]], obj["metadata"]["namespace"]).path
    return Write(obj["kind"], "POST", path, requests.encode(_sent(obj)))


def _delete(obj: Object) -> Write:
    return Write(obj["kind"], "DELETE", requests.one(kinds.ref(obj)).path, b"{}")


def _status(now: State) -> Write:
    body = requests.encode({"status": now.model.get("status", {})})
    return Write("ModelDeployment", "PATCH", f"{load.MODELS}/{MODEL}/status", body, wire.MERGE)


def _sent(obj: Object) -> Object:
    """Return an object without what the API server and its controllers added."""
    metadata = {name: obj["metadata"][name] for name in KEPT if name in obj["metadata"]}
    annotations = metadata.get("annotations", {})
    metadata["annotations"] = {
        name: value for name, value in annotations.items() if "deployment.kubernetes" not in name
    }
    rest = {name: value for name, value in obj.items() if name not in ("metadata", "status")}
    if obj["kind"] == "Service" and obj["spec"].get("clusterIP") != "None":
        rest["spec"] = {name: value for name, value in obj["spec"].items() if name not in ALLOCATED}
    return {**rest, "metadata": metadata}
