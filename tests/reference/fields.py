"""docs/modeldeployment.md: every field of a ModelDeployment, from the schema that the API server gets. One table an object.

A path is written as `spec.access.clients[].name`; `[]` is an entry of a list.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from vllm_operator import crd

Node = dict[str, Any]
BEGIN = """# Every field of a ModelDeployment

<!-- Generated from operator/vllm_operator/api: `make generate`. -->

`apiVersion: serving.byteshop.in/v1alpha1`, `kind: ModelDeployment`, short name `vllm`. `kubectl explain vllm.spec`
says the same of the version that a cluster has. Where the column *default* is empty, the description says what holds. Under
each table stands what the API server refuses, in the words of the refusal. A model's name has at most 52 lower-case letters,
digits and `-`, and begins with a letter.

[The engine](engine.md#what-needs-an-admin) has the options of `spec.engine.args` and the variables of `spec.engine.env`.
"""
SAME = ("spec.scheduling.affinity.",)
"""Fields that a pod has too: they are named and not listed one by one."""
AS_IN_A_POD = {
    "spec.scheduling.affinity": "The fields below it are a pod's, with bounds on their number. `kubectl explain --recursive"
    " vllm.spec.scheduling.affinity` lists them."
}
MOST_RULES = 8
"""More rules than these on one field come from the table of vLLM's options, which has a page of its own."""


def page() -> str:
    """Return the whole page."""
    schema = crd.schema()["properties"]
    parts = [BEGIN]
    for name in ("spec", "status"):
        parts += [_section(path, node) for path, node in _objects(schema[name], name)]
    return "\n".join(parts)


def _objects(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    """Yield each object that has fields of its own, from the outside in."""
    if path.startswith(SAME):
        return
    yield path, node
    for name, inner in node.get("properties", {}).items():
        suffix, body = ("[]", inner["items"]) if inner.get("type") == "array" else ("", inner)
        if body.get("properties"):
            yield from _objects(body, f"{path}.{name}{suffix}")


def _section(path: str, node: Node) -> str:
    described = [node["description"], ""] if "description" in node else []
    if path in AS_IN_A_POD:
        return "\n".join([f"## `{path}`", "", *described, AS_IN_A_POD[path], ""])
    required = node.get("required", [])
    rows = [_row(name, inner, name in required) for name, inner in node["properties"].items()]
    return "\n".join([f"## `{path}`", "", *described, *HEAD, *rows, "", *_rules(node)])


HEAD = ["| field | type | default | description |", "|---|---|---|---|"]


def _row(name: str, node: Node, is_required: bool) -> str:
    cells = (f"`{name}`", _type(node), _default(node, is_required), _described(node))
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _type(node: Node) -> str:
    """Return the type with its bounds, as an admin says it."""
    if node.get("x-kubernetes-int-or-string"):
        return "number or text"
    if node["type"] == "array":
        inner = node["items"]
        kind = "objects" if inner.get("properties") else f"{inner.get('type', 'value')}s"
        return f"list of {kind}, at most {node['maxItems']}" if "maxItems" in node else f"list of {kind}"
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if node["type"] == "object" and not node.get("properties"):
        return f"map, at most {node['maxProperties']} entries" if "maxProperties" in node else "map"
    return node["type"] + _bounds(node)


def _bounds(node: Node) -> str:
    if "minimum" in node and "maximum" in node:
        return f", {node['minimum']} to {node['maximum']}"
    if "maxLength" in node:
        return f", at most {node['maxLength']} characters"
    return ""


def _default(node: Node, is_required: bool) -> str:
    if is_required:
        return "required"
    value = node.get("default")
    return "" if value in (None, [], {}, "") else f"`{json.dumps(value).strip(chr(34))}`"


def _described(node: Node) -> str:
    return str(node.get("description", ""))


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def _rules(node: Node) -> list[str]:
    """Return what is refused, of the object itself and of its fields."""
    found = _messages(node)
    for name, inner in node["properties"].items():
        for each in (inner, inner.get("items", {})):
            if not each.get("properties"):
                found += [f"`{name}`: {message}" for message in _messages(each)]
    unique = list(dict.fromkeys(found))
    return ["Refused at apply:", "", *(f"- {_cell(rule)}" for rule in unique), ""] if unique else []


def _messages(node: Node) -> list[str]:
    rules = node.get("x-kubernetes-validations", [])
    return [rule["message"] for rule in rules] if len(rules) <= MOST_RULES else []
