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


def _is_bounded(node: dict[str, Any]) -> bool:
    """Tell whether a value of the spec has a largest size."""
    if "enum" in node or "properties" in node:
        return True
    if node.get("type") == "integer":
        return {"minimum", "maximum"} <= node.keys()
    if node.get("type") == "object":
        return "maxProperties" in node and "self.all(" in _rules(node)  # the second bounds the keys
    return node.get("type") == "boolean" or bool({"maxLength", "maxItems"} & node.keys())


def _rules(node: dict[str, Any]) -> str:
    return "\n".join(one["rule"] for one in node.get("x-kubernetes-validations", ()))


def test_every_value_and_key_of_a_spec_is_bounded() -> None:
    assert [path for path, node in _fields() if path.startswith("spec") and not _is_bounded(node)] == []


def test_every_text_and_list_of_a_status_is_bounded() -> None:
    bounds = {"maxLength", "maxItems", "enum", "format"}
    unbounded = [
        path for path, node in _fields() if node.get("type") in ("string", "array") and not bounds & node.keys()
    ]
    assert unbounded == []


def test_every_quantity_has_a_bounded_form_before_it_is_computed() -> None:
    quantities = {path: _rules(node) for path, node in _fields() if node.get("x-kubernetes-int-or-string")}
    of_containers = {f"spec.{part}resources.{name}[]" for part in ("", "guard.") for name in ("limits", "requests")}
    assert set(quantities) == {*of_containers, "spec.model.cache.size", "spec.engine.maxModelLen"}
    assert "quantity(" not in quantities.pop("spec.engine.maxModelLen")
    for rule in quantities.values():
        assert 0 < rule.index("self.matches(") < rule.index(" && !quantity(self)")


OPTIONAL = [
    (f"{path}.{name}", child)
    for path, node in _fields()
    if path.startswith("spec")
    for name, child in node.get("properties", {}).items()
    if name not in node.get("required", ()) and ("properties" not in child or "default" not in child)
]


@pytest.mark.parametrize(("path", "node"), [one for one in OPTIONAL if "properties" not in one[1]])
def test_a_description_ends_with_the_default(path: str, node: dict[str, Any]) -> None:
    last = node["description"].rpartition("Default: ")[2]
    assert last != node["description"], path
    stored = node.get("default")
    written = {"": "empty", False: "false"}.get(stored, stored) if isinstance(stored, str | int) else None
    assert written is None or last == f"{written}."


def test_no_reference_or_null_is_left() -> None:
    for path, node in _fields():
        assert not {"$ref", "anyOf", "title", "$defs"} & node.keys(), path


@pytest.mark.parametrize("path", generated.files(), ids=lambda path: path.name)
def test_the_committed_file_is_the_generated_one(path: pathlib.Path) -> None:
    assert path.read_text() == generated.files()[path], "`make generate`, and read the change"


def _version() -> dict[str, Any]:
    (found,) = crd.crd()["spec"]["versions"]
    return dict(found)


def test_kubectl_scale_and_autoscalers_read_and_write_the_replicas() -> None:
    assert _version()["subresources"]["scale"] == {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    named = [path for path, _ in _fields()]
    assert {"spec.replicas", "status.replicas", "status.selector"} <= set(named)


def test_a_status_is_written_apart_from_the_spec() -> None:
    assert _version()["subresources"]["status"] == {}


def test_a_models_name_leaves_room_for_those_of_its_objects_and_takes_none_of_them() -> None:
    rules = _rules(_version()["schema"]["openAPIV3Schema"])
    assert "self.metadata.name.size() <= 52" in rules
    assert "!self.metadata.name.endsWith('-peers')" in rules


def test_a_clients_key_version_is_never_lowered_nor_taken_away() -> None:
    nodes = dict(_fields())
    assert _rules(nodes["spec.access.clients[].keyVersion"]) == "self >= oldSelf"
    assert "!has(oldSelf.keyVersion) || has(self.keyVersion) || has(self.keySecretRef)" in _rules(
        nodes["spec.access.clients[]"]
    )


def test_a_rule_that_compares_with_the_stored_value_finds_it_in_the_list_by_name() -> None:
    clients = dict(_fields())["spec.access.clients"]
    assert (clients["x-kubernetes-list-type"], clients["x-kubernetes-list-map-keys"]) == ("map", ["name"])


def test_a_rule_of_the_whole_object_forgives_what_is_stored() -> None:
    """The API server forgives where a rule's own part of the object is unchanged: the whole is not, where a status is written."""
    rules = crd.schema()["x-kubernetes-validations"]
    assert rules
    assert all(one["optionalOldSelf"] and "oldSelf." in one["rule"] for one in rules)


def test_every_rule_says_what_to_write() -> None:
    rules = [one for _, node in _fields() for one in node.get("x-kubernetes-validations", ())]
    assert rules
    assert all(len(one["message"]) > 10 for one in rules)


def test_a_status_is_stored_as_it_is_written() -> None:
    """A default that the API server adds would differ from what the operator writes, at every look, for ever."""
    status = crd.schema()["properties"]["status"]
    assert [path for path, one in _nodes("status", status) if "default" in one] == []
