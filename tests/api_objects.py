"""What the API server does to an object before it stores it: patches, and the few defaults and refusals that matter.

Pure, but for the object that is given.
"""

import copy
from collections.abc import Sequence
from typing import Any

from vllm_operator.kube import errors, kinds

WITH_STATUS = {kinds.MODEL_DEPLOYMENT.kind}
"""Kinds whose status is written through its subresource alone; of others, tests write it as the controllers would."""


def merged(live: Any, patch: Any) -> Any:
    """Return `live` after the merge patch `patch` (RFC 7386)."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    found = dict(live) if isinstance(live, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found


def patched(live: kinds.Object, operations: Sequence[kinds.Object]) -> kinds.Object:
    """Return `live` after a JSON patch (RFC 6902) of tests, additions, replacements and removals."""
    found = copy.deepcopy(live)
    for operation in operations:
        *parents, last = [_unescaped(name) for name in operation["path"].split("/")[1:]]
        node: Any = found
        for name in parents:
            node = _step(node, name, operation)
        _operate(node, last, operation)
    return found


def _operate(node: Any, name: str, operation: kinds.Object) -> None:
    op, value = operation["op"], copy.deepcopy(operation.get("value"))
    if op == "test":
        if _step(node, name, operation) != value:
            raise unprocessable(operation)
    elif op == "add" and isinstance(node, list):
        node.insert(len(node) if name == "-" else _index(name, len(node) + 1, operation), value)
    elif op == "add":
        node[name] = value
    elif op == "remove":
        _step(node, name, operation)
        del node[_key(node, name, operation)]
    else:
        node[_key(node, name, operation)] = value


def _step(node: Any, name: str, operation: kinds.Object) -> Any:
    if isinstance(node, list):
        return node[_index(name, len(node), operation)]
    if not isinstance(node, dict) or name not in node:
        raise unprocessable(operation)
    return node[name]


def _key(node: Any, name: str, operation: kinds.Object) -> Any:
    return _index(name, len(node), operation) if isinstance(node, list) else name


def _index(name: str, length: int, operation: kinds.Object) -> int:
    if not name.isdigit() or int(name) >= length:
        raise unprocessable(operation)
    return int(name)


def _unescaped(name: str) -> str:
    return name.replace("~1", "/").replace("~0", "~")


def unprocessable(operation: kinds.Object) -> errors.Conflict:
    """Return the refusal of an operation that does not fit the object, which the client takes for a conflict."""
    return errors.Conflict(422, "Invalid", f"the server rejected our request: {operation['op']} {operation['path']}")


def matches(obj: kinds.Object, selector: str) -> bool:
    """Tell whether the labels of `obj` are those that `selector` asks for."""
    labels = obj["metadata"].get("labels", {})
    terms = (term.partition("=") for term in selector.split(",") if term)
    return all(key in labels and (not equals or labels[key] == value) for key, equals, value in terms)


def defaulted(obj: kinds.Object) -> kinds.Object:
    """Fill in the few defaults that the operator could stumble over; refuse what is not valid."""
    if obj["kind"] == "Secret":
        obj.setdefault("type", "Opaque")
    if obj["kind"] == "Service":
        _default_service(obj["spec"])
    if obj["kind"] == "Deployment":
        _default_deployment(obj["spec"])
    return obj


def _default_service(spec: kinds.Object) -> None:
    spec.setdefault("type", "ClusterIP")
    names = [port["name"] for port in spec.get("ports", [])]
    if len(names) != len(set(names)):
        raise errors.Invalid(422, "Invalid", "spec.ports[1].name: Duplicate value")
    for port in spec.get("ports", []):
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port["port"])


def _default_deployment(spec: kinds.Object) -> None:
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    for container in spec["template"]["spec"]["containers"]:
        container.setdefault("terminationMessagePath", "/dev/termination-log")
