"""Whose a field is, by `metadata.managedFields`: what of an object we wrote before, and may take away again. Pure.

All our writes are creations and patches under one field manager, so one entry of operation Update holds what is ours; objects
of an earlier version of the operator have one of operation Apply beside it.
"""

from collections.abc import Iterable
from typing import Any

from vllm_operator.kube import kinds, naming

Fields = dict[str, Any]
"""fieldsV1: `f:<field>` and `k:<keys>` lead to more of it; an empty one is a leaf, or a value that is owned whole."""


OWNERS = "f:ownerReferences"
"""Left out: an owner is never taken away, and its uid would make the fields of each model's objects others."""


def entries(obj: kinds.Object) -> list[Fields]:
    """Return what each entry of `obj` that is ours says of its fields, whatever else it says."""
    found = obj["metadata"].get("managedFields") or []
    ours = (one for one in found if one.get("manager") == naming.FIELD_MANAGER and not one.get("subresource"))
    return [_without_owners(one.get("fieldsV1") or {}) for one in ours]


def owned(ours: Iterable[Fields]) -> Fields:
    """Return the fields that `entries` speak of together."""
    found: Fields = {}
    for fields in ours:
        found = _union(found, fields)
    return found


def _without_owners(fields: Fields) -> Fields:
    if OWNERS not in fields.get("f:metadata", {}):
        return fields
    metadata = {name: inner for name, inner in fields["f:metadata"].items() if name != OWNERS}
    return {**fields, "f:metadata": metadata}


def _union(one: Fields, other: Fields) -> Fields:
    return {**one, **{name: _union(one.get(name, {}), inner) for name, inner in other.items()}}
