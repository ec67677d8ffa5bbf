"""The arithmetic of server-side apply: an object as leaf paths, and paths as fieldsV1; enough of it for an in-memory cluster."""

import copy
import json
from typing import Any

from vllm_operator.kube import diff, kinds

Path = tuple[str, ...]
UNMANAGED = {
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "deletionTimestamp",
}


def leaves(obj: kinds.Object) -> dict[Path, Any]:
    """Return the owned leaves of `obj` and their values; an item of a keyed list counts as a leaf (`.`) too."""
    metadata = {name: value for name, value in obj["metadata"].items() if name not in UNMANAGED}
    rest = {name: value for name, value in obj.items() if name not in {"apiVersion", "kind", "metadata", "status"}}
    return _leaves({**rest, **({"metadata": metadata} if metadata else {})}, "", "")


def _leaves(value: Any, around: str, field: str) -> dict[Path, Any]:
    if isinstance(value, dict) and value and field not in diff.WHOLE_MAPS:
        inner = {f"f:{name}": _leaves(one, field or around, name) for name, one in value.items()}
    elif isinstance(value, list) and value and (keys := diff.list_key(around, field, value[0])):
        inner = {_item(keys, item): {(".",): None, **_leaves(item, field, "")} for item in value}
    else:
        return {(): value}
    return {(name, *path): leaf for name, found in inner.items() for path, leaf in found.items()}


def _item(keys: tuple[str, ...], item: kinds.Object) -> str:
    values = zip(keys, diff.key_values(keys, item), strict=True)
    return "k:" + json.dumps(dict(values), sort_keys=True, separators=(",", ":"))


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


def merge(live: Any, applied: Any, around: str = "", field: str = "") -> Any:
    """Return `live` with all of `applied`; keyed lists by key, others whole."""
    if isinstance(live, dict) and isinstance(applied, dict) and field not in diff.WHOLE_MAPS:
        return {**live, **{name: merge(live.get(name), one, field or around, name) for name, one in applied.items()}}
    keys = diff.list_key(around, field, applied[0]) if isinstance(applied, list) and applied else None
    if keys is None or not isinstance(live, list):
        return copy.deepcopy(applied)
    items = {diff.key_values(keys, item): item for item in live}
    for item in applied:
        key = diff.key_values(keys, item)
        items[key] = merge(items.get(key), item, field)
    return list(items.values())


def remove(obj: kinds.Object, gone: set[Path], kept: set[Path]) -> None:
    """Take the leaves `gone` out of `obj`, and what becomes empty with them; an item stays while `kept` has a part of it."""
    items = {path[:-1] for path in gone if path[-1] == "."}
    for item in items:
        if not any(other[: len(item)] == item for other in kept):
            _remove(obj, item)
    for path in gone:
        if path[-1] != ".":
            _remove(obj, path)


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
    keys = json.loads(name[2:])
    wanted = tuple(keys.values())
    return next((at for at, item in enumerate(node) if diff.key_values(tuple(keys), item) == wanted), None)
