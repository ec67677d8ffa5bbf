"""What has to be written so that a live object holds what is wanted, as a JSON patch (RFC 6902); empty where it does. Pure.

Only what we send is compared: the API server's defaults and what others add are not ours. Lists that Kubernetes merges by key are
compared by that key, others whole, and so are selectors. What we no longer send is removed where it is ours by managedFields.

Knows list keys; must not know what any field is for.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import orjson

from vllm_operator.kube import kinds, list_keys, naming, pointers, projection, removal
from vllm_operator.kube.field_ownership import Fields

Operations = list[pointers.Operation]


def digest(obj: kinds.Object) -> str:
    """Return the hash of what is sent; the same object in another order has the same."""
    return hashlib.sha256(orjson.dumps(obj, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def patch(wanted: kinds.Object, live: kinds.Object, owned: Fields | None = None, *, whole: bool = False) -> Operations:
    """Return the operations that make `live` hold `wanted`.

    `owned`: our fields of `live`, of which those that are not wanted are removed; None: nothing is. `whole`: lists are written
    whole, so that what somebody added to one goes.
    """
    return _of_fields(wanted, live, "", whole=whole) + removal.removals(owned or {}, wanted, live)


def immutable(desired: kinds.Object, live: kinds.Object, owned: Fields | None = None) -> str | None:
    """Return the path of a field that differs and that no update can change; None where a patch can do it.

    `owned`: our fields of `live`, as for `patch`.
    """
    kind, spec, live_spec = desired["kind"], desired.get("spec", {}), live.get("spec", {})
    if kind == kinds.CONTROLLER_REVISION.kind and desired["data"] != live.get("data"):
        return "data"
    if kind == kinds.DEPLOYMENT.kind and spec["selector"] != live_spec.get("selector"):
        return "spec.selector"
    if kind == kinds.JOB.kind and _notes(desired) != _notes(live):
        return "spec.template"
    if kind == kinds.SERVICE.kind and (spec.get("clusterIP") == "None") != (live_spec.get("clusterIP") == "None"):
        return "spec.clusterIP"
    if kind == kinds.INGRESS.kind and "f:ingressClassName" in (owned or {}).get("f:spec", {}):
        # The cluster's default class is filled in on creation alone. A class that is not ours is that default.
        return None if spec.get("ingressClassName") else "spec.ingressClassName"
    return _immutable_secret(desired, live) if kind == kinds.SECRET.kind else None


def _notes(job: kinds.Object) -> tuple[object, ...]:
    """Return what a Job was made for and of, as it says itself."""
    found = job["metadata"].get("annotations", {})
    return found.get(naming.WEIGHTS_ANNOTATION), found.get(naming.FETCH_ANNOTATION)


def _immutable_secret(desired: kinds.Object, live: kinds.Object) -> str | None:
    if desired.get("type", "Opaque") != live.get("type"):
        return "type"
    if not live.get("immutable"):
        return None
    wanted, data = desired["data"], live.get("data") or {}
    same = wanted.keys() == data.keys() and all(_same(value, data[name]) for name, value in wanted.items())
    return None if same else "immutable"


def _of_fields(wanted: kinds.Object, live: kinds.Object, around: str, *, whole: bool) -> Operations:
    """Return what changes in a map; `around` is the nearest named field above it."""
    found: Operations = []
    for name, value in wanted.items():
        if name not in live:
            found += pointers.under(name, [{"op": "add", "path": "", "value": value}])
        elif operations := _of_value(value, live[name], around, name, whole=whole):
            found += pointers.under(name, operations)
    return found


def _of_value(wanted: Any, live: Any, around: str, field: str, *, whole: bool) -> Operations:
    if isinstance(wanted, dict | list) and wanted == live:
        return []
    if isinstance(wanted, dict) and isinstance(live, dict) and field not in list_keys.WHOLE_MAPS:
        return _of_fields(wanted, live, field or around, whole=whole)
    if isinstance(wanted, list) and isinstance(live, list):
        return _of_list(wanted, live, around, field, whole=whole)
    return [] if _same(wanted, live) else [{"op": "replace", "path": "", "value": wanted}]


def _of_list(wanted: list[Any], live: list[Any], around: str, field: str, *, whole: bool) -> Operations:
    keys = list_keys.of(around, field, wanted[0]) if wanted else None
    if keys is None:
        changes = _differs(wanted, live, field)
    else:
        found = [one for item in wanted for one in _of_item(item, live, keys, field, whole=whole)]
        if not whole:
            return found
        changes = bool(found)
    return [{"op": "replace", "path": "", "value": wanted}] if changes else []


def _of_item(
    wanted: Any, live: list[Any], keys: tuple[str, ...], field: str, *, whole: bool
) -> Iterable[pointers.Operation]:
    at = list_keys.index(keys, wanted, live)
    if at is None:
        return pointers.under("-", [{"op": "add", "path": "", "value": wanted}])
    changes = _of_fields(wanted, live[at], field, whole=whole)
    return pointers.under(at, [pointers.test(keys[0], live[at]), *changes]) if changes else ()


def _differs(wanted: list[Any], live: list[Any], field: str) -> bool:
    """Tell whether a list that is one value differs; the API server may have filled in defaults in its items."""
    if len(wanted) != len(live) or field in list_keys.EXACT:
        return wanted != live
    return any(_of_value(one, other, field, "", whole=False) for one, other in zip(wanted, live, strict=True))


def _same(wanted: Any, live: Any) -> bool:
    if isinstance(live, str) and live.startswith(projection.DIGEST) and isinstance(wanted, str):
        return wanted == live or projection.entry(wanted) == live
    return bool(wanted == live) and isinstance(wanted, bool) == isinstance(live, bool)
