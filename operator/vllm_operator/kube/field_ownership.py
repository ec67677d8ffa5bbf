"""What `metadata.managedFields` say is ours, and how what we created passes to server-side apply; pure.

A POST leaves an entry of operation Update under our name. As long as it is there, a field that we stop applying stays, for that
entry still owns it: so once, before the first apply, it becomes the entry of operation Apply. `spec.replicas` is left out of it:
then no apply of ours resets what the scale subresource wrote.
"""

from typing import Any

from vllm_operator.kube import kinds, naming

Entry = dict[str, Any]
REPLICAS = ("f:spec", "f:replicas")


def is_posted(obj: kinds.Object) -> bool:
    """Tell whether an entry of our POST is left in `obj`, an object with its managedFields."""
    return any(_is_ours(entry, "Update") for entry in obj["metadata"].get("managedFields") or [])


def handed_over(entries: list[Entry]) -> list[Entry]:
    """Return managedFields in which all that our POST owned is owned by our apply, `spec.replicas` by nobody."""
    ours = [entry for entry in entries if _is_ours(entry, "Update") or _is_ours(entry, "Apply")]
    owned: dict[str, Any] = {}
    for entry in ours:
        owned = _union(owned, entry["fieldsV1"])
    applied = {**ours[0], "operation": "Apply", "fieldsV1": _without(owned, REPLICAS)}
    return [applied, *(entry for entry in entries if entry not in ours)]


def _is_ours(entry: Entry, operation: str) -> bool:
    whole = not entry.get("subresource")
    return whole and entry["manager"] == naming.FIELD_MANAGER and entry["operation"] == operation


def _union(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {**one, **{name: _union(one.get(name, {}), inner) for name, inner in other.items()}}


def _without(fields: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    first, *rest = path
    if first not in fields:
        return fields
    left = {name: inner for name, inner in fields.items() if name != first}
    return {**left, first: _without(fields[first], tuple(rest))} if rest else left
