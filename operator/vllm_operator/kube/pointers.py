"""JSON pointers and patches (RFC 6901 and 6902): as little of them as the comparison needs. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

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


def applied(obj: dict[str, Any], operations: Iterable[Operation]) -> dict[str, Any]:
    """Return what a patch makes of `obj`; its preconditions are taken to hold."""
    found: dict[str, Any] = orjson.loads(orjson.dumps(obj))
    for one in operations:
        if one["op"] != "test":
            _apply(found, one)
    return found


def _apply(holder: Any, one: Operation) -> None:
    *way, last = [name.replace("~1", "/").replace("~0", "~") for name in one["path"].split("/")[1:]]
    for name in way:
        holder = holder[int(name) if isinstance(holder, list) else name]
    if isinstance(holder, list):
        at = len(holder) if last == "-" else int(last)
        holder[at : at + (one["op"] != "add")] = [] if one["op"] == "remove" else [one["value"]]
    elif one["op"] == "remove":
        del holder[last]
    else:
        holder[last] = one["value"]
