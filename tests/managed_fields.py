"""`metadata.managedFields` as the API server keeps them: who wrote which field last; enough of it for a fake.

The tables are Kubernetes' own, as its OpenAPI documents have them (`x-kubernetes-list-map-keys`, `x-kubernetes-map-type`), and
name no more than what the tests write. Nothing is taken from the operator, which these functions judge.
"""

import json
from typing import Any

from vllm_operator.kube import kinds

Path = tuple[str, ...]

LIST_KEYS: dict[tuple[str, str], tuple[str, ...]] = {
    # (field around the list, list): what tells its items apart; all other lists are one value
    ("containers", "env"): ("name",),
    ("containers", "ports"): ("containerPort", "protocol"),
    ("containers", "volumeMounts"): ("mountPath",),
    ("initContainers", "env"): ("name",),
    ("initContainers", "ports"): ("containerPort", "protocol"),
    ("initContainers", "volumeMounts"): ("mountPath",),
    ("metadata", "ownerReferences"): ("uid",),
    ("spec", "containers"): ("name",),
    ("spec", "imagePullSecrets"): ("name",),
    ("spec", "initContainers"): ("name",),
    ("spec", "ports"): ("port", "protocol"),
    ("spec", "topologySpreadConstraints"): ("topologyKey", "whenUnsatisfiable"),
    ("spec", "volumes"): ("name",),
}
DEFAULTS = {"protocol": "TCP"}
ATOMIC = {
    "fieldRef",
    "labelSelector",
    "namespaceSelector",
    "nodeSelector",
    "ownerReferences",
    "podSelector",
    "selector",
}
"""Fields whose maps, or the items of whose list, are one value each."""

UNMANAGED = {
    "creationTimestamp", "deletionTimestamp", "generation", "managedFields", "name", "namespace", "resourceVersion", "uid",
}  # fmt: skip


def leaves(obj: kinds.Object) -> dict[Path, Any]:
    """Return the owned leaves of `obj` and their values; an item of a keyed list counts as a leaf (`.`) too."""
    metadata = {name: value for name, value in obj["metadata"].items() if name not in UNMANAGED}
    rest = {name: value for name, value in obj.items() if name not in {"apiVersion", "kind", "metadata", "status"}}
    return _leaves({**rest, **({"metadata": metadata} if metadata else {})}, "", "")


def _leaves(value: Any, around: str, field: str) -> dict[Path, Any]:
    keys = LIST_KEYS.get((around, field))
    if isinstance(value, list) and value and keys:
        inner = {_item(keys, item): _of_item(item, field) for item in value}
    elif isinstance(value, dict) and value and field not in ATOMIC:
        inner = {f"f:{name}": _leaves(one, field, name) for name, one in value.items()}
    else:
        return {(): value}
    return {(name, *path): leaf for name, found in inner.items() for path, leaf in found.items()}


def _of_item(item: kinds.Object, field: str) -> dict[Path, Any]:
    if field in ATOMIC:
        return {(): item}
    inner = {
        (f"f:{name}", *path): leaf for name, one in item.items() for path, leaf in _leaves(one, field, name).items()
    }
    return {(".",): None, **inner}


def _item(keys: tuple[str, ...], item: kinds.Object) -> str:
    return "k:" + json.dumps(_values(keys, item), sort_keys=True, separators=(",", ":"))


def _values(keys: tuple[str, ...], item: kinds.Object) -> kinds.Object:
    return {key: item.get(key, DEFAULTS.get(key)) for key in keys}


def trie(paths: set[Path]) -> dict[str, Any]:
    """Return `paths` as fieldsV1."""
    root: dict[str, Any] = {}
    for path in sorted(paths):
        node = root
        for name in path:
            node = node.setdefault(name, {})
    return root


def paths(fields: dict[str, Any]) -> set[Path]:
    """Return fieldsV1 as paths."""
    found: set[Path] = set()
    for name, inner in fields.items():
        found |= {(name, *path) for path in paths(inner)} if inner else {(name,)}
    return found


def updated(before: kinds.Object | None, after: kinds.Object, manager: str) -> kinds.Object:
    """Return `after` as `manager` wrote it: what changed is owned by it, the rest by whom it was."""
    old, new = leaves(before) if before else {}, leaves(after)
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    entries = (before or after)["metadata"].get("managedFields", [])
    left = [_narrowed(entry, new.keys() - changed) for entry in entries]
    return _owned(after, left, manager, changed)


def _narrowed(entry: dict[str, Any], to: set[Path]) -> dict[str, Any]:
    return {**entry, "fieldsV1": trie(paths(entry["fieldsV1"]) & to)}


def _owned(obj: kinds.Object, entries: list[Any], manager: str, more: set[Path]) -> kinds.Object:
    """Return `obj` with the updates of `manager` grown by `more`; entries that own nothing go."""
    mine = [entry for entry in entries if (entry["manager"], entry["operation"]) == (manager, "Update")]
    fields = trie(more.union(*(paths(entry["fieldsV1"]) for entry in mine)))
    entry = {"manager": manager, "operation": "Update", "apiVersion": obj["apiVersion"]}
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": fields}
    found = [entry, *(one for one in entries if one not in mine)]
    obj["metadata"]["managedFields"] = [one for one in found if one["fieldsV1"]]
    return obj
