"""What has to be written so that a live object holds what is wanted, as a JSON patch (RFC 6902); empty where it does. Pure.

Only what we send is compared: the API server's defaults and what others add are not ours. Lists that Kubernetes merges by key are
compared by that key, others whole, and so are selectors. What we no longer send is removed where it is ours by managedFields.

Knows list keys; must not know what any field is for.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import orjson

from vllm_operator.kube import kinds, list_keys, pointers, projection, removal
from vllm_operator.kube.field_ownership import Fields


def digest(obj: kinds.Object) -> str:
    """Return the hash of what is sent; the same object in another order has the same."""
    return hashlib.sha256(orjson.dumps(obj, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def patch(
    wanted: kinds.Object, live: kinds.Object, owned: Fields | None = None, *, whole: bool = False
) -> list[pointers.Operation]:
    """Return the operations that make `live` hold `wanted`.

    `owned`: our fields of `live`, of which those that are not wanted are removed; None: nothing is. `whole`: lists are written
    whole, so that what somebody added to one goes.
    """
    operations = list(_Changes(whole=whole).fields(wanted, live, "", ""))
    removals = removal.removals(owned or {}, wanted, live)
    return operations + removals


def immutable(desired: kinds.Object, live: kinds.Object, owned: Fields | None = None) -> str | None:
    """Return the path of a field that differs and that no update can change; None where a patch can do it.

    `owned`: our fields of `live`, as for `patch`.
    """
    kind, spec, live_spec = desired["kind"], desired.get("spec", {}), live.get("spec", {})
    if kind == kinds.CONTROLLER_REVISION.kind and desired["data"] != live.get("data"):
        return "data"
    if kind == kinds.DEPLOYMENT.kind and spec["selector"] != live_spec.get("selector"):
        return "spec.selector"
    if kind == kinds.SERVICE.kind and (spec.get("clusterIP") == "None") != (live_spec.get("clusterIP") == "None"):
        return "spec.clusterIP"
    if kind == kinds.INGRESS.kind and "f:ingressClassName" in (owned or {}).get("f:spec", {}):
        # The cluster's default class is filled in on creation alone. A class that is not ours is that default.
        return None if spec.get("ingressClassName") else "spec.ingressClassName"
    return _immutable_secret(desired, live) if kind == kinds.SECRET.kind else None


def _immutable_secret(desired: kinds.Object, live: kinds.Object) -> str | None:
    if desired.get("type", "Opaque") != live.get("type"):
        return "type"
    if not live.get("immutable"):
        return None
    data = live.get("data") or {}
    same = desired["data"].keys() == data.keys() and all(
        _same(value, data[name]) for name, value in desired["data"].items()
    )
    return None if same else "immutable"


class _Changes:
    """The additions and replacements; `around` is the nearest named field above the one that is looked at."""

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole

    def fields(self, wanted: kinds.Object, live: kinds.Object, path: str, around: str) -> Iterator[pointers.Operation]:
        for name, value in wanted.items():
            here = f"{path}/{pointers.escaped(name)}"
            if name not in live:
                yield {"op": "add", "path": here, "value": value}
            else:
                yield from self._value(value, live[name], here, around, name)

    def _value(self, wanted: Any, live: Any, path: str, around: str, field: str) -> Iterator[pointers.Operation]:
        if isinstance(wanted, dict) and isinstance(live, dict) and field not in list_keys.WHOLE_MAPS:
            yield from self.fields(wanted, live, path, field or around)
        elif isinstance(wanted, list) and isinstance(live, list):
            yield from self._items(wanted, live, path, around, field)
        elif not _same(wanted, live):
            yield {"op": "replace", "path": path, "value": wanted}

    def _items(
        self, wanted: list[Any], live: list[Any], path: str, around: str, field: str
    ) -> Iterator[pointers.Operation]:
        keys = list_keys.of(around, field, wanted[0]) if wanted else None
        if keys is None:
            if self._differs(wanted, live, field):
                yield {"op": "replace", "path": path, "value": wanted}
            return
        found = [one for item in wanted for one in self._item(item, live, path, keys, field)]
        if found and self._whole:
            found = [{"op": "replace", "path": path, "value": wanted}]
        yield from found

    def _item(
        self, wanted: Any, live: list[Any], path: str, keys: tuple[str, ...], field: str
    ) -> Iterator[pointers.Operation]:
        at = list_keys.index(keys, wanted, live)
        if at is None:
            yield {"op": "add", "path": f"{path}/-", "value": wanted}
            return
        changes = list(self.fields(wanted, live[at], f"{path}/{at}", field))
        if changes:
            yield _test(path, at, keys, live)
            yield from changes

    def _differs(self, wanted: list[Any], live: list[Any], field: str) -> bool:
        """Tell whether a list that is one value differs; the API server may have filled in defaults in its items."""
        if len(wanted) != len(live):
            return True
        pairs = zip(wanted, live, strict=True)
        return any(True for one, other in pairs for _ in self._value(one, other, "", field, ""))


def _test(path: str, at: int, keys: tuple[str, ...], live: list[Any]) -> pointers.Operation:
    """Return the precondition that the item is still where it was seen."""
    return {"op": "test", "path": f"{path}/{at}/{pointers.escaped(keys[0])}", "value": live[at][keys[0]]}


def _same(wanted: Any, live: Any) -> bool:
    if isinstance(live, str) and live.startswith(projection.DIGEST) and isinstance(wanted, str):
        return wanted == live or projection.entry(wanted) == live
    return bool(wanted == live) and isinstance(wanted, bool) == isinstance(live, bool)
