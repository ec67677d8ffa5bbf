"""The leaves of a ModelDeployment's spec schema: every place that holds a value of the user's and no further field.

A path is written as `spec.access.clients[].name`; `[]` is an entry of a list, `{}` one of a map with free keys.
"""

from collections.abc import Iterator
from typing import Any

from vllm_operator import crd

Node = dict[str, Any]
SCHEMA: Node = crd.schema()["properties"]["spec"]


def leaves(node: Node = SCHEMA, path: str = "spec") -> Iterator[tuple[str, Node]]:
    """Yield each leaf with its schema."""
    if "properties" in node:
        for name, inner in node["properties"].items():
            yield from leaves(inner, f"{path}.{name}")
    elif isinstance(node.get("additionalProperties"), dict):
        yield from leaves(node["additionalProperties"], f"{path}{{}}")
    elif "items" in node:
        yield from leaves(node["items"], f"{path}[]")
    else:
        yield path, node


def with_leaf(spec: Any, path: str, value: Any) -> Any:
    """Return `spec` with `value` at the leaf `path`: in the first entry of a list, or as the whole of a map."""
    rest = path.removeprefix("spec").removeprefix(".")
    if rest in ("", "{}"):
        return value
    if rest.startswith("[]"):
        first, *others = spec or [None]
        return [with_leaf(first, rest[2:], value), *others]
    name = rest.split(".")[0].split("[")[0].split("{")[0]
    inner = (spec or {}).get(name)
    return {**(spec or {}), name: with_leaf(inner, rest[len(name) :], value)}
