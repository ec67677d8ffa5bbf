"""Whose a field is, by `metadata.managedFields`: what of an object we wrote before, and may take away again. Pure.

All our writes are creations and patches under one field manager, so one entry of operation Update holds what is ours; objects
of an earlier version of the operator have one of operation Apply beside it.
"""

from typing import Any

from vllm_operator.kube import kinds, naming

Fields = dict[str, Any]
"""fieldsV1: `f:<field>` and `k:<keys>` lead to more of it; an empty one is a leaf, or a value that is owned whole."""


OWNERS = "f:ownerReferences"
"""Left out: an owner is never taken away, and its uid would make the fields of each model's objects others."""


def owned(obj: kinds.Object) -> Fields:
    """Return the fields of `obj` that are ours."""
    found: Fields = {}
    for entry in obj["metadata"].get("managedFields") or []:
        if entry.get("manager") == naming.FIELD_MANAGER and not entry.get("subresource"):
            found = _union(found, entry.get("fieldsV1") or {})
    metadata = {name: fields for name, fields in found.get("f:metadata", {}).items() if name != OWNERS}
    return {**found, "f:metadata": metadata} if metadata else found


def _union(one: Fields, other: Fields) -> Fields:
    return {**one, **{name: _union(one.get(name, {}), inner) for name, inner in other.items()}}
