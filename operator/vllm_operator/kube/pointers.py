"""JSON pointers and patches (RFC 6901 and 6902): as little of them as the comparison needs. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any

Operation = dict[str, Any]
"""One operation of a JSON patch: `op`, `path`, and perhaps `value`."""


def escaped(name: str) -> str:
    """Return `name` as one segment of a pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def test(field: str, item: dict[str, Any]) -> Operation:
    """Return the precondition that the item of a list is still the one that was seen, by one of its keys."""
    return {"op": "test", "path": f"/{escaped(field)}", "value": item.get(field)}


def under(name: str | int, operations: Iterable[Operation]) -> Iterator[Operation]:
    """Yield the operations on a value as operations on the object or list that holds it at `name`."""
    for one in operations:
        yield {**one, "path": f"/{escaped(str(name))}{one['path']}"}
