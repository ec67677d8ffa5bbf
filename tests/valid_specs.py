"""Specs that the CRD's schema takes, made from the schema itself: for what holds of every spec that may be stored.

Rules that compare two fields are not obeyed, so some specs are here that the API server would refuse.
"""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as some

from vllm_operator import api, crd

Node = dict[str, Any]
SCHEMA: Node = crd.crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
FEW = 3
"""The most entries of a generated list or map; `largest` has as many as may be."""
WORDS = 60
"""The most characters of a generated text."""
SOURCE = "file://(/[a-z.]{1,9}){1,4}|pvc://[a-z]{2,9}(/[a-z]{1,9}){0,3}|oci://[a-z0-9][a-z./:@-]{1,20}"
FETCHED = "hf://[a-z]{1,9}/[a-z.]{2,9}(@v[0-9])?|(s3|gs)://[a-z]{3,9}(/[a-z]{1,9}){0,3}"
LARGEST = (
    ("duration(", "1h"), ("timestamp(", "2027-01-01T00:00:00Z"), ("file://", "file:///a/b"), ("https?", "https://a.example"),
    (".localhost", "a.example"), ("^(/", "/a"), ("'^(hf|s3|gs)://'", "s3://models"),
)  # fmt: skip
"""What `largest` writes where a rule holds the first text."""
PATTERN = re.compile(r"(?:^|[^!])self\.matches\(r?'(.+?)'\)")


def specs() -> some.SearchStrategy[dict[str, Any]]:
    """Return specs as a user may write them."""
    return _values(SCHEMA)


def stored(spec: Any, node: Node = SCHEMA) -> Any:
    """Return `spec` as the API server stores it: with the schema's defaults."""
    if isinstance(spec, Mapping) and "properties" in node:
        missing = {name: child["default"] for name, child in node["properties"].items() if "default" in child}
        return {
            name: stored(value, node["properties"][name]) if name in node["properties"] else value
            for name, value in {**missing, **spec}.items()
        }
    if isinstance(spec, Mapping):
        return {name: stored(value, node["additionalProperties"]) for name, value in spec.items()}
    if isinstance(spec, list):
        return [stored(value, node["items"]) for value in spec]
    return spec


def largest(*, long: bool, node: Node = SCHEMA) -> Any:
    """Return a spec with as many entries as may be, each as long as may be or as short."""
    if "enum" in node:
        return node["enum"][0]
    if "properties" in node:
        return {name: largest(long=long, node=child) for name, child in node["properties"].items()}
    if node.get("type") == "object":
        length = 317 if long else 4
        keys = (f"k{at}".ljust(length, "x") for at in range(node["maxProperties"]))
        return {key: largest(long=long, node=node["additionalProperties"]) for key in keys}
    if node.get("type") == "array":
        return [_told_apart(largest(long=long, node=node["items"]), at) for at in range(node["maxItems"])]
    return _largest_scalar(node, long=long)


def _told_apart(item: Any, at: int) -> Any:
    """Return an entry of a list under a name of its own."""
    return {**item, "name": f"n{at}"} if isinstance(item, dict) and "name" in item else item


def _largest_scalar(node: Node, *, long: bool) -> Any:
    if node.get("type") in ("boolean", "integer"):
        return node.get("maximum", True)
    rules = _rules(node)
    if node.get("x-kubernetes-int-or-string"):
        return "auto" if "'auto'" in rules else "999999999999999999.999999999"
    for mark, text in LARGEST:
        if mark in rules:
            return text
    return ("--" if "--" in rules else "") + "a" * (node["maxLength"] - 2 if long else 1)


def _values(node: Node) -> some.SearchStrategy[Any]:
    if "enum" in node:
        return some.sampled_from(node["enum"])
    if "properties" in node:
        return _objects(node)
    if node.get("type") == "object":
        return some.dictionaries(
            some.from_regex("[a-z]{1,5}([.]example/[A-Za-z0-9]{1,5})?", fullmatch=True),
            _values(node["additionalProperties"]), max_size=min(FEW, node["maxProperties"]),
        )  # fmt: skip
    if node.get("type") == "array":
        keys = node.get("x-kubernetes-list-map-keys")
        apart = (lambda item: tuple(item.get(key) for key in keys)) if keys else None
        most = min(FEW, node["maxItems"])
        return some.lists(_values(node["items"]), min_size=node.get("minItems", 0), max_size=most, unique_by=apart)
    return _scalars(node)


def _objects(node: Node) -> some.SearchStrategy[dict[str, Any]]:
    required = node.get("required", ())
    fields = {name: _values(child) for name, child in node["properties"].items()}
    return some.fixed_dictionaries(
        {name: fields[name] for name in required},
        optional={name: values for name, values in fields.items() if name not in required},
    )


def _scalars(node: Node) -> some.SearchStrategy[Any]:
    if node.get("type") == "boolean":
        return some.booleans()
    if node.get("type") == "integer":
        return some.integers(node["minimum"], node["maximum"])
    if node.get("x-kubernetes-int-or-string") and "'auto'" in _rules(node):
        return some.integers(1, 10_000_000) | some.just("auto")
    if node.get("x-kubernetes-int-or-string"):
        return some.integers(0, api.LARGEST_QUANTITY) | some.from_regex(api.QUANTITY, fullmatch=True)
    return _texts(node)


def _texts(node: Node) -> some.SearchStrategy[str]:
    rules = _rules(node)
    if "duration(" in rules:
        return some.integers(1, 3600).map("{}s".format) | some.just("0h59m1s")
    if "timestamp(" in rules:
        days = some.dates(dt.date(2025, 1, 2), dt.date(2199, 12, 30))
        return days.map("{}T23:59:59.5+05:30".format) | days.map("{}T00:00:00Z".format)
    if "'^(hf|s3|gs)://'" in rules and "file://" not in rules:
        return some.from_regex(FETCHED, fullmatch=True)
    if "file://" in rules:
        return some.from_regex(SOURCE, fullmatch=True)
    shortest, longest = node.get("minLength", 0), node["maxLength"]
    patterns = [some.from_regex(one.strip("^$"), fullmatch=True) for one in PATTERN.findall(rules)]
    texts = some.one_of(patterns) if patterns else some.text(min_size=shortest, max_size=min(WORDS, longest))
    return texts.filter(lambda text: shortest <= len(text) <= longest)


def _rules(node: Node) -> str:
    return "\n".join(one["rule"] for one in node.get("x-kubernetes-validations", ()))
