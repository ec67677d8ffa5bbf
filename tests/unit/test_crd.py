"""The CRD is structural, documented and bounded, and the committed files are the generated ones."""

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests import generated
from vllm_operator import crd


def _nodes(path: str, node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from _nodes(f"{path}.{name}", child)
    for inner in ("items", "additionalProperties"):
        if isinstance(node.get(inner), dict):
            yield from _nodes(f"{path}[]", node[inner])


def _fields() -> list[tuple[str, dict[str, Any]]]:
    schema = crd.crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return [(path, node) for part in ("spec", "status") for path, node in _nodes(part, schema["properties"][part])]


def test_every_field_is_documented() -> None:
    assert [path for path, node in _fields() if not node.get("description") and not path.endswith("[]")] == []


def test_every_string_list_and_number_is_bounded() -> None:
    unbounded = [
        path
        for path, node in _fields()
        if (node.get("type") == "string" and not {"maxLength", "enum", "format"} & node.keys())
        or (node.get("type") == "array" and "maxItems" not in node)
        or (node.get("type") == "integer" and path.startswith("spec") and "maximum" not in node)
    ]
    assert unbounded == []


def test_no_reference_or_null_is_left() -> None:
    for path, node in _fields():
        assert not {"$ref", "anyOf", "title", "$defs"} & node.keys(), path


@pytest.mark.parametrize("path", generated.files(), ids=lambda path: path.name)
def test_the_committed_file_is_the_generated_one(path: pathlib.Path) -> None:
    assert path.read_text() == generated.files()[path], "`make generate`, and read the change"
