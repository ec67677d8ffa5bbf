"""How a CRD differs from an earlier one: what was added, what its users must read, and what a release may not do.

Pure. A stored object and a manifest that the earlier CRD took must be taken by the later one, and mean the same. New rules
(x-kubernetes-validations) are told and not refused: the API server asks them of changed values alone, and most are of new fields.
Schemas are structural ones of apiextensions.k8s.io/v1.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

ADDED, TOLD, REFUSED = "added", "to be read", "refused"
LOWEST = ("minimum", "minLength", "minItems", "minProperties")
HIGHEST = ("maximum", "maxLength", "maxItems", "maxProperties")
MEANING = (
    "format", "multipleOf", "pattern", "x-kubernetes-embedded-resource", "x-kubernetes-list-map-keys", "x-kubernetes-list-type",
    "x-kubernetes-map-type", "allOf", "anyOf", "not", "oneOf", "uniqueItems", "exclusiveMinimum", "exclusiveMaximum",
)  # fmt: skip
"""What bounds or reads a value in a way that is not compared further: any change but its end is refused."""
WIDER = {("integer", "number")}
OPENING = ("nullable", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")
RULES = "x-kubernetes-validations"


@dataclasses.dataclass(frozen=True, order=True)
class Change:
    """One change: its kind (ADDED, TOLD, REFUSED), the path of the field, such as `spec.clients[].name`, and what happened."""

    kind: str
    path: str
    what: str


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return how the second CRD differs from the first."""
    return sorted({*_outside(before["spec"], after["spec"]), *_versions(before["spec"], after["spec"])})


def _outside(before: Schema, after: Schema) -> Iterator[Change]:
    """Yield what changed of the resource itself: its names and its scope."""
    for key in ("group", "scope"):
        if before[key] != after[key]:
            yield Change(REFUSED, key, f"{before[key]} became {after[key]}")
    for key, value in before["names"].items():
        kept = after["names"].get(key)
        is_kept = set(value) <= set(kept or ()) if isinstance(value, list) else value == kept
        if not is_kept:
            yield Change(REFUSED, f"names.{key}", f"{value} became {kept}")


def _versions(before: Schema, after: Schema) -> Iterator[Change]:
    old = {version["name"]: version for version in before["versions"]}
    new = {version["name"]: version for version in after["versions"]}
    for name in new.keys() - old.keys():
        yield Change(ADDED, name, "a version")
    for name, version in old.items():
        if version["served"] and not new.get(name, {}).get("served"):
            yield Change(REFUSED, name, "the version is not served any more")
        elif name in new:
            yield from _version(version, new[name])


def _version(before: Schema, after: Schema) -> Iterator[Change]:
    for name, value in before.get("subresources", {}).items():
        if after.get("subresources", {}).get(name) != value:
            yield Change(REFUSED, name, "the subresource changed")
    yield from _schema("", before["schema"]["openAPIV3Schema"], after["schema"]["openAPIV3Schema"])


def _schema(path: str, before: Schema, after: Schema) -> Iterator[Change]:
    """Yield what changed of one value and of all below it."""
    yield from _kind(path, before, after)
    yield from _bounds(path, before, after)
    yield from _meaning(path, before, after)
    yield from _rules(path, before, after)
    yield from _fields(path, before, after)
    for key, mark in (("items", "[]"), ("additionalProperties", ".*")):
        if key in before and key in after:
            yield from _schema(f"{path}{mark}", before[key], after[key])
        elif key in before or key in after:
            yield Change(REFUSED, path, f"{key} {'ended' if key in before else 'began'}")


def _kind(path: str, before: Schema, after: Schema) -> Iterator[Change]:
    old, new = before.get("type"), after.get("type")
    is_open = after.get("x-kubernetes-int-or-string", False)
    if old != new and (old, new) not in WIDER and not is_open:
        yield Change(REFUSED, path, f"the type {old} became {new}")
    for key in OPENING:
        if before.get(key) and not after.get(key):
            yield Change(REFUSED, path, f"{key} ended")


def _bounds(path: str, before: Schema, after: Schema) -> Iterator[Change]:
    for key in LOWEST:
        yield from _bound(path, key, before.get(key), after.get(key), sign=1)
    for key in HIGHEST:
        yield from _bound(path, key, before.get(key), after.get(key), sign=-1)
    old, new = before.get("enum"), after.get("enum")
    if new is not None and (old is None or not set(old) <= set(new)):
        gone = "any value" if old is None else ", ".join(sorted(map(str, set(old) - set(new))))
        yield Change(REFUSED, path, f"takes {', '.join(map(str, new))} alone; it took {gone}")
    elif old is not None and old != new:
        yield Change(ADDED, path, f"takes {'any value' if new is None else ', '.join(map(str, new))}")


def _bound(path: str, key: str, old: float | None, new: float | None, *, sign: int) -> Iterator[Change]:
    """Yield what became of one bound; `sign` is 1 where a higher bound takes fewer values, -1 where a lower one does."""
    if new == old:
        return
    is_narrower = new is not None and (old is None or sign * new > sign * old)
    kind = REFUSED if is_narrower else ADDED
    yield Change(kind, path, f"{key} {'none' if old is None else old} became {'none' if new is None else new}")


def _meaning(path: str, before: Schema, after: Schema) -> Iterator[Change]:
    for key in MEANING:
        if key in after and after[key] != before.get(key):
            yield Change(REFUSED, path, f"{key} changed")
        elif key in before and key not in after:
            yield Change(TOLD, path, f"{key} ended")
    if "default" in before and before["default"] != after.get("default"):
        yield Change(REFUSED, path, f"the default {before['default']} became {after.get('default')}")
    elif "default" in after and "default" not in before:
        yield Change(TOLD, path, f"has the default {after['default']}")


def _rules(path: str, before: Schema, after: Schema) -> Iterator[Change]:
    known = {rule["rule"] for rule in before.get(RULES, ())}
    for rule in after.get(RULES, ()):
        if rule["rule"] not in known:
            yield Change(TOLD, path, f"a new rule: {rule.get('message') or rule['rule']}")


def _fields(path: str, before: Schema, after: Schema) -> Iterator[Change]:
    """Yield what changed of an object's fields."""
    old, new = before.get("properties", {}), after.get("properties", {})
    for name in sorted(set(after.get("required", ())) - set(before.get("required", ()))):
        yield Change(REFUSED, _below(path, name), "is required")
    for name in sorted(old.keys() | new.keys()):
        where = _below(path, name)
        if name not in new:
            yield Change(REFUSED, where, "was removed")
        elif name not in old:
            yield Change(ADDED, where, "a field")
        else:
            yield from _schema(where, old[name], new[name])


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
