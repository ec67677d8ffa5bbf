"""The chart's values and their schema say the same, and every value is described where an admin looks."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests import chart

VALUES = {value.path: value for value in chart.values()}
LINES = chart.VALUES.read_text().splitlines()


def commented(root: yaml.Node, path: str = "") -> Iterator[tuple[str, bool]]:
    """Yield each key of values.yaml, and whether its line or the one before says what it is."""
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        return
    for name, inner in root.value:
        here, line = f"{path}.{name.value}".lstrip("."), name.start_mark.line
        yield here, "#" in LINES[line] or LINES[line - 1].strip().startswith("#")
        if here in VALUES:
            continue
        yield from commented(inner, here)


def nodes(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema of an object within `schema`."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield path, schema
        for name, inner in schema.items():
            yield from nodes(inner, path if name in ("properties", "items") else f"{path}.{name}".strip("."))
    elif isinstance(schema, list):
        for inner in schema:
            yield from nodes(inner, path)


def test_schema_and_values_have_the_same_keys() -> None:
    assert [path for path, value in VALUES.items() if value.default is chart.MISSING] == []
    known = {path.rsplit(".", depth)[0] for path in VALUES for depth in range(path.count(".") + 1)}
    written = {path for path, _ in commented(yaml.compose(chart.VALUES.read_text()))}
    assert written - known - {f"engine.images.{name}" for name in ("nvidia.com/gpu", "cpu")} == set()


def test_every_value_is_described_in_the_schema_and_in_values_yaml() -> None:
    assert [path for path, value in VALUES.items() if not value.schema.get("description")] == []
    said = dict(commented(yaml.compose(chart.VALUES.read_text())))
    assert [path for path in VALUES if not said.get(path)] == []


def test_every_value_has_a_type_and_a_bound() -> None:
    bounds = {"string": ("maxLength", "pattern", "enum"), "integer": ("maximum",), "array": ("maxItems",)}
    for path, value in VALUES.items():
        for kind in chart.types(value):
            assert kind not in bounds or any(bound in value.schema for bound in bounds[kind]), path


def test_no_object_lets_unknown_keys_in() -> None:
    """A map of free keys says what its values are; what Kubernetes alone can judge is left to it."""
    judged_by_kubernetes = (
        "nodeAffinity", "podAffinity", "podAntiAffinity", "matchExpressions", "valueFrom", "named", "rules", "extraObjects",
    )  # fmt: skip
    for path, schema in nodes(json.loads(chart.SCHEMA.read_text())):
        if path.rpartition(".")[2] not in judged_by_kubernetes and path != "global":
            assert "additionalProperties" in schema, path
            assert schema["additionalProperties"] is not True, path


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_default_is_of_the_schemas_type(value: chart.Value) -> None:
    python = {
        "string": str, "integer": int, "boolean": bool, "array": list, "object": dict, "null": type(None), "number": int,
    }  # fmt: skip
    assert type(value.default) in [python[kind] for kind in chart.types(value)]
