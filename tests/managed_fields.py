"""The arithmetic of `metadata.managedFields`: an object as leaf paths, and paths as fieldsV1; enough of it for a fake.

The tables are Kubernetes' own, as its OpenAPI documents have them (`x-kubernetes-list-map-keys`, `x-kubernetes-map-type`), and
name no more than what the tests write. Nothing is taken from the operator, which these functions judge.
"""

import copy
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


def owned(entries: list[Any]) -> set[Path]:
    """Return all that the entries own."""
    return set[Path]().union(*(paths(entry["fieldsV1"]) for entry in entries))


def merge(live: Any, applied: Any, around: str = "", field: str = "") -> Any:
    """Return `live` with all of `applied`; keyed lists by key, others whole."""
    if isinstance(live, dict) and isinstance(applied, dict) and field not in ATOMIC:
        return {**live, **{name: merge(live.get(name), one, field, name) for name, one in applied.items()}}
    keys = LIST_KEYS.get((around, field))
    if keys is None or not isinstance(live, list) or not applied:
        return copy.deepcopy(applied)
    items = {_item(keys, item): item for item in live}
    for item in applied:
        key = _item(keys, item)
        items[key] = merge(items.get(key), item, "", field)
    return list(items.values())


def remove(obj: kinds.Object, gone: set[Path], kept: set[Path]) -> None:
    """Take the leaves `gone` out of `obj`, and what becomes empty with them; an item stays while `kept` has a part of it."""
    for path in gone:
        if path[-1] != ".":
            _remove(obj, path)
        elif not any(other[: len(path) - 1] == path[:-1] for other in kept):
            _remove(obj, path[:-1])


def _remove(node: Any, path: Path) -> None:
    name, *rest = path
    child = _child(node, name)
    if child is None:
        return
    if rest:
        _remove(node[child], tuple(rest))
    if not rest or node[child] in ({}, []):
        del node[child]


def _child(node: Any, name: str) -> Any:
    """Return the key or index in `node` that the path's element `name` means."""
    if name.startswith("f:"):
        return name[2:] if isinstance(node, dict) and name[2:] in node else None
    wanted = json.loads(name[2:])
    return next((at for at, item in enumerate(node) if _values(tuple(wanted), item) == wanted), None)
