"""What becomes of `managedFields` when somebody updates or applies, as Kubernetes does it.

Must not take anything from the operator but the name under which it writes.
"""

import copy
from typing import Any

from tests import api_objects, managed_fields
from vllm_operator.kube import kinds, naming

US = (naming.FIELD_MANAGER, "Apply")


def updated(before: kinds.Object | None, after: kinds.Object, manager: str | None) -> kinds.Object:
    """Return `after` with the ownership of what changed moved to `manager`, if any."""
    old, new = managed_fields.leaves(before) if before else {}, managed_fields.leaves(after)
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    left = [_narrowed(entry, new.keys() - changed) for entry in (before or after)["metadata"].get("managedFields", [])]
    return _owned(after, left, (manager, "Update"), changed) if manager else _owned(after, left, ("", ""), set())


def applied(live: kinds.Object, body: kinds.Object) -> kinds.Object:
    """Return `live` after a forced server-side apply of `body` by the operator."""
    entries = live["metadata"].get("managedFields", [])
    others = [entry for entry in entries if _who(entry) != US]
    new, old = managed_fields.leaves(body), managed_fields.owned([one for one in entries if _who(one) == US])
    kept = new.keys() | managed_fields.owned(others)
    after = copy.deepcopy(live)
    managed_fields.remove(after, old - kept, kept)
    after = api_objects.defaulted(managed_fields.merge(after, body))
    values = managed_fields.leaves(live)
    lost = {path for path, value in new.items() if values.get(path) != value}
    left = [_without(entry, lost) for entry in others]
    return _owned(after, left, US, set(new))


def handed_over(obj: kinds.Object) -> kinds.Object:
    """Return `obj` with all that the operator owns owned by its apply, `spec.replicas` by nobody."""
    entries = obj["metadata"]["managedFields"]
    ours = [entry for entry in entries if entry["manager"] == naming.FIELD_MANAGER]
    left = [entry for entry in entries if entry not in ours]
    return _owned(obj, left, US, managed_fields.owned(ours) - {("f:spec", "f:replicas")})


def _who(entry: dict[str, Any]) -> tuple[str, str]:
    return entry["manager"], entry["operation"]


def _narrowed(entry: dict[str, Any], to: set[managed_fields.Path]) -> dict[str, Any]:
    return {**entry, "fieldsV1": managed_fields.trie(managed_fields.paths(entry["fieldsV1"]) & to)}


def _without(entry: dict[str, Any], lost: set[managed_fields.Path]) -> dict[str, Any]:
    return {**entry, "fieldsV1": managed_fields.trie(managed_fields.paths(entry["fieldsV1"]) - lost)}


def _owned(obj: kinds.Object, entries: list[Any], who: tuple[str, str], more: set[managed_fields.Path]) -> kinds.Object:
    """Return `obj` with the entry of `who` grown, or made anew, by `more`; entries that own nothing go."""
    mine = [entry for entry in entries if _who(entry) == who]
    fields = managed_fields.trie(more | managed_fields.owned(mine))
    manager, operation = who
    entry = {"manager": manager, "operation": operation, "apiVersion": obj["apiVersion"]}
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": fields}
    found = [entry, *(one for one in entries if one not in mine)]
    obj["metadata"]["managedFields"] = [one for one in found if one["fieldsV1"]]
    return obj
