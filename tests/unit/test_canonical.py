"""The check of what the API server does not give back: which empty values it names."""

from typing import Any

import pytest

from tests import canonical


@pytest.mark.parametrize("value", [None, [], {}, "", 0, False])
def test_a_value_that_would_not_come_back_is_named(value: Any) -> None:
    assert canonical.lossy({"spec": {"x": [{"hostNetwork": value}]}}) == ("spec.x[0].hostNetwork",)


def test_zeros_that_come_back_are_fine() -> None:
    obj = {
        "metadata": {"labels": {"a": ""}},
        "data": {"empty": ""},
        "spec": {"replicas": 0, "podSelector": {}, "args": [""], "volumes": [{"name": "x", "emptyDir": {}}]},
    }
    assert canonical.lossy(obj) == ()


def test_null_never_comes_back() -> None:
    assert canonical.lossy({"spec": {"replicas": None, "args": [None]}, "data": {"a": None}}) == (
        "spec.replicas",
        "spec.args[0]",
        "data.a",
    )
