"""An image volume that the API server dropped is told of the template that is at work, and of no other."""

import types
from typing import Any

import pytest

from vllm_operator.kube import kinds, naming
from vllm_operator.status import weights

IMAGE = [{"name": "weights", "image": {"reference": "registry.example/opt:1"}}]


def template(*volumes: kinds.Object) -> kinds.Object:
    return {"spec": {"volumes": [*volumes]}}


def lacks(live: kinds.Object, made_of: str) -> bool:
    """Tell what is said where the pinned template has an image volume, and the Deployment was made of `made_of`."""
    pinned = {"data": {"inputs": "old", "template": template(*IMAGE)}}
    deployment = {"metadata": {"annotations": {naming.INPUTS_ANNOTATION: made_of}}, "spec": {"template": live}}
    at: Any = types.SimpleNamespace(plan=types.SimpleNamespace(at_work=pinned), deployment=deployment)
    return weights.lacks_image_volume(at)


@pytest.mark.parametrize(
    ("live", "made_of", "is_lacking"),
    [(template(), "old", True), (template(*IMAGE), "old", False), (template(), "new", False)],
    ids=["dropped", "kept", "a spec that names no image any more"],
)
def test_a_lack_is_told_of_the_template_at_work(live: kinds.Object, made_of: str, is_lacking: bool) -> None:
    assert lacks(live, made_of) is is_lacking
