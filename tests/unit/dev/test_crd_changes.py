"""What of a CRD a release may change: it adds, and takes whatever the last one took."""

import copy
import pathlib
import subprocess
from typing import Any

import pytest
import yaml

from dev import paths, progress
from dev.release import compatibility, crd_changes

CRD: dict[str, Any] = yaml.safe_load((paths.ROOT / compatibility.CRD).read_text())
TEXT = {"type": "string"}


def crd(field: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A CRD with one field, `spec.f`."""
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"f": field}, **spec}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {"spec": {"group": "g", "scope": "Namespaced", "names": {"kind": "K"}, "versions": [version]}}


def kinds(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change.kind, change.path) for change in crd_changes.compare(crd(before), crd(after))]


REFUSED = {
    "another type": (TEXT, {"type": "integer"}),
    "a number that must be whole": ({"type": "number"}, {"type": "integer"}),
    "a value of an enum that went": ({**TEXT, "enum": ["a", "b"]}, {**TEXT, "enum": ["a"]}),
    "an enum where any text was taken": (TEXT, {**TEXT, "enum": ["a"]}),
    "a higher minimum": ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 2}),
    "a minimum where there was none": ({"type": "integer"}, {"type": "integer", "minimum": 0}),
    "a lower maximum": ({"type": "integer", "maximum": 9}, {"type": "integer", "maximum": 8}),
    "a shorter text": ({**TEXT, "maxLength": 9}, {**TEXT, "maxLength": 8}),
    "fewer items": ({"type": "array", "items": TEXT}, {"type": "array", "items": TEXT, "maxItems": 3}),
    "a pattern": (TEXT, {**TEXT, "pattern": "a"}),
    "another format": ({**TEXT, "format": "date"}, {**TEXT, "format": "date-time"}),
    "another default": ({**TEXT, "default": "a"}, {**TEXT, "default": "b"}),
    "a default that went": ({**TEXT, "default": "a"}, TEXT),
    "no null any more": ({**TEXT, "nullable": True}, TEXT),
    "no number beside text any more": ({"x-kubernetes-int-or-string": True}, TEXT),
    "no free fields any more": ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, {"type": "object"}),
    "a list that merges otherwise": ({"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"},
                                     {"type": "array", "items": TEXT, "x-kubernetes-list-type": "atomic"}),
    "a map that became fields": ({"type": "object", "additionalProperties": TEXT}, {"type": "object"}),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), REFUSED.values(), ids=REFUSED)
def test_a_release_narrows_nothing(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert (crd_changes.REFUSED, "spec.f") in kinds(before, after)


ALLOWED = {
    "one more value": (crd_changes.ADDED, {**TEXT, "enum": ["a"]}, {**TEXT, "enum": ["a", "b"]}),
    "any value": (crd_changes.ADDED, {**TEXT, "enum": ["a"]}, TEXT),
    "a lower minimum": (crd_changes.ADDED, {"type": "integer", "minimum": 2}, {"type": "integer", "minimum": 1}),
    "no maximum": (crd_changes.ADDED, {"type": "integer", "maximum": 2}, {"type": "integer"}),
    "no pattern": (crd_changes.TOLD, {**TEXT, "pattern": "a"}, TEXT),
    "a default": (crd_changes.TOLD, TEXT, {**TEXT, "default": "a"}),
    "a rule": (crd_changes.TOLD, TEXT, {**TEXT, "x-kubernetes-validations": [{"rule": "self != 'a'"}]}),
}


@pytest.mark.parametrize(("kind", "before", "after"), ALLOWED.values(), ids=ALLOWED)
def test_what_widens_is_told(kind: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    assert kinds(before, after) == [(kind, "spec.f")]


def test_a_number_may_have_a_fraction_from_now_on() -> None:
    assert kinds({"type": "integer"}, {"type": "number"}) == []


def test_fields_are_added_and_never_removed_or_demanded() -> None:
    both = {"type": "object", "properties": {"a": TEXT, "b": TEXT}}
    one = {"type": "object", "properties": {"a": TEXT}}
    assert kinds(one, both) == [(crd_changes.ADDED, "spec.f.b")]
    assert kinds(both, one) == [(crd_changes.REFUSED, "spec.f.b")]
    assert (crd_changes.REFUSED, "spec.f.b") in kinds(one, {**both, "required": ["b"]})


def test_what_lies_in_lists_and_maps_is_compared() -> None:
    short = {**TEXT, "maxLength": 1}
    lists = ({"type": "array", "items": TEXT}, {"type": "array", "items": short})
    maps = ({"type": "object", "additionalProperties": TEXT}, {"type": "object", "additionalProperties": short})
    assert kinds(*lists) == [(crd_changes.REFUSED, "spec.f[]")]
    assert kinds(*maps) == [(crd_changes.REFUSED, "spec.f.*")]


@pytest.mark.parametrize(
    "path",
    ["group", "scope", "names.plural", "names.shortNames", "v1alpha1", "scale"],
)
def test_names_versions_and_subresources_stay(path: str) -> None:
    after = copy.deepcopy(CRD)
    spec = after["spec"]
    match path.split("."):
        case ["names", name]:
            spec["names"][name] = []
        case ["v1alpha1"]:
            spec["versions"][0]["served"] = False
        case ["scale"]:
            del spec["versions"][0]["subresources"]["scale"]
        case [name]:
            spec[name] = "Other"
    found = crd_changes.compare(CRD, after)
    assert [(change.kind, change.path) for change in found] == [(crd_changes.REFUSED, path)]


def test_a_crd_differs_in_nothing_from_itself() -> None:
    assert crd_changes.compare(CRD, CRD) == []


@pytest.fixture
def clone(tmp_path: pathlib.Path) -> pathlib.Path:
    """A clone of this project in small: version 0.1.0 is released, and a commit came after it."""
    (tmp_path / "crds").mkdir()
    write(tmp_path, crd({**TEXT, "maxLength": 9}), "# Changelog\n\n## 0.1.0\n\n- All.\n")
    git(tmp_path, "init", "--quiet")
    save(tmp_path)
    for tag in ("v0.1.0", "v0.0.9", "vanity"):
        git(tmp_path, "tag", tag)
    save(tmp_path)
    git(tmp_path, "tag", "v0.2.0")
    return tmp_path


def git(folder: pathlib.Path, *words: str) -> None:
    names = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.com")
    subprocess.run(["git", *names, *words], cwd=folder, check=True, capture_output=True)


def save(folder: pathlib.Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Change")


def write(folder: pathlib.Path, made: dict[str, Any], changelog: str) -> None:
    (folder / compatibility.CRD).write_text(yaml.safe_dump(made))
    (folder / "CHANGELOG.md").write_text(changelog)


def test_the_last_release_is_compared_and_not_the_one_that_is_made(clone: pathlib.Path) -> None:
    assert compatibility.last(clone) == "v0.1.0"
    assert compatibility.checked(clone) == "The resource is that of v0.1.0."


def test_a_narrowed_field_stops_a_release_until_its_users_are_told(clone: pathlib.Path) -> None:
    narrower = crd({**TEXT, "maxLength": 8})
    write(clone, narrower, "# Changelog\n\n## Unreleased\n\n- Less.\n\n## 0.1.0\n\n- `spec.f` is narrowed.\n")
    with pytest.raises(progress.Failure, match=r"spec\.f maxLength 9 became 8"):
        compatibility.checked(clone)
    write(clone, narrower, "# Changelog\n\n## Unreleased\n\n- `spec.f` is narrowed to 8 characters.\n")
    assert "refused: `spec.f` maxLength 9 became 8" in compatibility.checked(clone)


def test_what_was_added_stands_in_the_notes(clone: pathlib.Path) -> None:
    write(clone, crd({**TEXT, "maxLength": 10}), "# Changelog\n")
    assert "- added: `spec.f` maxLength 9 became 10" in compatibility.checked(clone)


def test_this_tree_may_follow_the_last_release() -> None:
    assert compatibility.checked()
