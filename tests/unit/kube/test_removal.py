"""What is ours and no longer wanted is removed; what others own, or share with us, stays."""

from typing import Any

import pytest

from tests import api_objects
from vllm_operator.kube import removal

CONTAINER = {"f:image": {}, "f:name": {}, ".": {}}
OURS: dict[str, Any] = {
    "f:metadata": {"f:annotations": {".": {}, "f:a": {}, "f:b": {}}},
    "f:spec": {
        "f:nodeSelector": {},
        "f:args": {},
        "f:containers": {
            'k:{"name":"one"}': {**CONTAINER, "f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}}},
            'k:{"name":"two"}': CONTAINER,
        },
    },
}


def live() -> dict[str, Any]:
    one = {"name": "one", "image": "x", "env": [{"name": "A", "value": "1"}, {"name": "THEIRS", "value": "2"}]}
    return {
        "metadata": {"annotations": {"a": "1", "b": "2", "theirs": "3"}},
        "spec": {
            "nodeSelector": {"disk": "ssd"},
            "args": ["x"],
            "containers": [{"name": "injected"}, one, {"name": "two", "image": "x"}],
        },
    }


def left(wanted: dict[str, Any]) -> dict[str, Any]:
    """Return what is left of the live object."""
    found: dict[str, Any] = api_objects.patched(live(), removal.removals(OURS, wanted, live()))
    return found


def test_what_is_still_wanted_stays() -> None:
    one = {"name": "one", "image": "x", "env": [{"name": "A", "value": "1"}]}
    spec = {"nodeSelector": {"disk": "hdd"}, "args": [], "containers": [one, {"name": "two", "image": "x"}]}
    wanted = {"metadata": {"annotations": {"a": "1", "b": "2"}}, "spec": spec}
    assert removal.removals(OURS, wanted, live()) == []


@pytest.mark.parametrize("annotations", [{"annotations": {"a": "1"}}, {}])
def test_a_key_of_a_map_goes_and_that_of_others_stays(annotations: dict[str, Any]) -> None:
    kept = {**annotations.get("annotations", {}), "theirs": "3"}
    assert left({"metadata": annotations})["metadata"]["annotations"] == kept


def test_a_map_or_list_that_is_one_value_goes_whole() -> None:
    spec = left({"spec": {}})["spec"]
    assert "nodeSelector" not in spec
    assert "args" not in spec


def test_an_item_goes_by_its_key_and_the_items_of_others_stay() -> None:
    spec = left({"spec": {"containers": [{"name": "two", "image": "x"}]}})["spec"]
    assert [one["name"] for one in spec["containers"]] == ["injected", "two"]


def test_an_item_inside_an_item_goes_alone() -> None:
    wanted = {"spec": {"containers": [{"name": "one", "image": "x"}, {"name": "two", "image": "x"}]}}
    assert left(wanted)["spec"]["containers"][1]["env"] == [{"name": "THEIRS", "value": "2"}]


def test_several_items_go_from_the_last_to_the_first() -> None:
    ours = {"f:items": {f'k:{{"name":"{name}"}}': {} for name in "abc"}}
    found = {"items": [{"name": name} for name in "abcd"]}
    operations = removal.removals(ours, {"items": [{"name": "b"}]}, found)
    assert api_objects.patched(found, operations) == {"items": [{"name": "b"}, {"name": "d"}]}
