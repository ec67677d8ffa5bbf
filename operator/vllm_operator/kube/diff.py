"""Whether a live object still is what we want: pure, and the reason why nothing is sent while nothing differs.

Only what we send is compared: the API server's defaults and what others add are not ours. Lists that Kubernetes merges by key are
compared by that key, others whole, and so are selectors. What we no longer send cannot be seen this way; the hash annotation
tells of it.

Knows list keys; must not know what any field is for.
"""

import hashlib
from typing import Any

import orjson

from vllm_operator.kube import kinds

LIST_KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    # field: the keys it may have; the first of which an item of ours holds a part decides
    "containers": (("name",),),
    "env": (("name",),),
    "ephemeralContainers": (("name",),),
    "hostAliases": (("ip",),),
    "imagePullSecrets": (("name",),),
    "initContainers": (("name",),),
    "ownerReferences": (("uid",),),
    "ports": (("containerPort", "protocol"), ("port", "protocol")),
    "resourceClaims": (("name",),),
    "claims": (("name",),),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
    "volumeDevices": (("devicePath",),),
    "volumeMounts": (("mountPath",),),
    "volumes": (("name",),),
}
KEY_DEFAULTS = {"protocol": "TCP"}
WHOLE = {("ingress", "ports"), ("egress", "ports")}
"""A NetworkPolicy's ports look like a Service's, and are merged as one: (the list around them, field)."""

WHOLE_MAPS = {"labelSelector", "matchLabels", "namespaceSelector", "nodeSelector", "podSelector", "selector"}
"""Maps that Kubernetes merges as one value: one key more, and a Service or a policy selects no pod of ours."""


def digest(obj: kinds.Object) -> str:
    """Return the hash of what is sent; the same object in another order has the same."""
    return hashlib.sha256(orjson.dumps(obj, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def differs(desired: kinds.Object, live: kinds.Object) -> str | None:
    """Return the path of the first field of `desired` that `live` holds otherwise; None where nothing has to be sent."""
    return _fields(desired, live, "", "")


def immutable(desired: kinds.Object, live: kinds.Object) -> str | None:
    """Return the path of a field that differs and that no update can change; None where an apply can do it."""
    kind, spec, live_spec = desired["kind"], desired.get("spec", {}), live.get("spec", {})
    if kind == kinds.CONTROLLER_REVISION.kind and desired["data"] != live.get("data"):
        return "data"
    if kind == kinds.DEPLOYMENT.kind and spec["selector"] != live_spec.get("selector"):
        return "spec.selector"
    if kind == kinds.SERVICE.kind and (spec.get("clusterIP") == "None") != (live_spec.get("clusterIP") == "None"):
        return "spec.clusterIP"
    return _immutable_secret(desired, live) if kind == kinds.SECRET.kind else None


def list_key(around: str, field: str, item: Any) -> tuple[str, ...] | None:
    """Return the fields that tell the items of the list `field` apart; None where the list is one value."""
    if not isinstance(item, dict) or (around, field) in WHOLE:
        return None
    return next((keys for keys in LIST_KEYS.get(field, ()) if keys[0] in item), None)


def key_values(keys: tuple[str, ...], item: kinds.Object) -> tuple[Any, ...]:
    """Return what tells `item` apart under `keys`."""
    return tuple(item.get(key, KEY_DEFAULTS.get(key)) for key in keys)


def _immutable_secret(desired: kinds.Object, live: kinds.Object) -> str | None:
    if desired.get("type", "Opaque") != live.get("type"):
        return "type"
    return "immutable" if live.get("immutable") and desired.get("data") != live.get("data") else None


def _fields(wanted: kinds.Object, live: kinds.Object, path: str, around: str) -> str | None:
    for name, value in wanted.items():
        here = f"{path}.{name}" if path else name
        if name not in live:
            return here
        if found := _value(value, live[name], here, around, name):
            return found
    return None


def _value(wanted: Any, live: Any, path: str, around: str, field: str) -> str | None:
    if isinstance(wanted, dict) and isinstance(live, dict) and field not in WHOLE_MAPS:
        return _fields(wanted, live, path, field or around)
    if isinstance(wanted, list) and isinstance(live, list):
        return _items(wanted, live, path, around, field)
    same = wanted == live and isinstance(wanted, bool) == isinstance(live, bool)
    return None if same else path


def _items(wanted: list[Any], live: list[Any], path: str, around: str, field: str) -> str | None:
    keys = list_key(around, field, wanted[0]) if wanted else None
    if keys is None:
        return _whole(wanted, live, path, field)
    there = {key_values(keys, item): item for item in live if isinstance(item, dict)}
    for item in wanted:
        key = key_values(keys, item)
        here = f"{path}[{','.join(map(str, key))}]"
        if key not in there:
            return here
        if found := _fields(item, there[key], here, field):
            return found
    return None


def _whole(wanted: list[Any], live: list[Any], path: str, field: str) -> str | None:
    if len(wanted) != len(live):
        return path
    pairs = enumerate(zip(wanted, live, strict=True))
    return next(
        (found for at, (one, other) in pairs if (found := _value(one, other, f"{path}[{at}]", field, ""))), None
    )
