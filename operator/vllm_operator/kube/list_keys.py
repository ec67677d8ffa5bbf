"""Which lists Kubernetes merges by the keys of their items, and which lists and maps are one value. Pure.

Source: the `x-kubernetes-list-type` and `x-kubernetes-map-type` of the kinds that we write, in Kubernetes' OpenAPI.
"""

from typing import Any

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

EXACT = {"parentRefs"}
"""Lists that are one value and in whose items the API server fills in nothing that we leave out.

A listener that a route no longer names would else be taken for such a default.
"""


def of(around: str, field: str, item: Any) -> tuple[str, ...] | None:
    """Return the fields that tell the items of the list `field` apart; None where the list is one value."""
    if not isinstance(item, dict) or (around, field) in WHOLE:
        return None
    return next((keys for keys in LIST_KEYS.get(field, ()) if keys[0] in item), None)


def key_values(keys: tuple[str, ...], item: kinds.Object) -> tuple[Any, ...]:
    """Return what tells `item` apart under `keys`."""
    return tuple(item.get(key, KEY_DEFAULTS.get(key)) for key in keys)


def index(keys: tuple[str, ...], item: kinds.Object, items: list[Any]) -> int | None:
    """Return where in `items` the one with the keys of `item` is."""
    wanted = key_values(keys, item)
    found = (at for at, one in enumerate(items) if isinstance(one, dict) and key_values(keys, one) == wanted)
    return next(found, None)
