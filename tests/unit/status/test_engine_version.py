"""EngineCurrent: which weaknesses the vLLM that serves has, as its image's tag tells its version."""

import pathlib
from typing import NamedTuple

import pytest

from tests import observations
from vllm_operator.engine import advisories

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs/security.md"
OLD = "choose vLLM 0.33.0 or newer in spec.engine.image, or engine.images of the chart"
NO_VERSION = "does not tell which vLLM it is, so nobody can say what it is open to"


class Told(NamedTuple):
    """What the condition says of an image."""

    status: str
    reason: str
    message: str


def _current(version: str) -> Told:
    return Told("True", "EngineCurrent", f"vLLM {version} has no weakness that this operator knows of")


def _outdated(version: str, *names: str) -> Told:
    return Told("False", "EngineOutdated", f"vLLM {version} is open to {', '.join(names)}: {OLD}")


def _unknown(image: str) -> Told:
    return Told("Unknown", "EngineVersionUnknown", f"the tag of the image {image} {NO_VERSION}")


TEMPLATE = "CVE-2026-115911 (a request brings its own chat template)"
DIGEST = f"@sha256:{'0' * 64}"
IMAGES = {
    "vllm/vllm-openai:v0.33.0": _current("0.33.0"),
    f"vllm/vllm-openai:v0.33.1-cu130{DIGEST}": _current("0.33.1"),
    "registry.example:5000/vllm-cpu:1.0": _current("1.0.0"),
    "vllm/vllm-openai:v0.32.0": _outdated("0.32.0", "GHSA-5r3c-5x4v-8gjh"),
    "vllm/vllm-openai-rocm:v0.31.2.post1": _outdated("0.31.2", "GHSA-5r3c-5x4v-8gjh", TEMPLATE),
    "vllm/vllm-openai:latest": _unknown("vllm/vllm-openai:latest"),
    "vllm/vllm-openai:v0.33.0rc1": _unknown("vllm/vllm-openai:v0.33.0rc1"),
    f"vllm/vllm-openai{DIGEST}": _unknown(f"vllm/vllm-openai{DIGEST}"),
    "nvcr.example/nvidia/vllm:25.09-py3": _unknown("nvcr.example/nvidia/vllm:25.09-py3"),
    "registry.example/server:1.4.0": _unknown("registry.example/server:1.4.0"),
}


@pytest.mark.parametrize("image", IMAGES)
def test_what_an_engine_is_open_to_is_told_by_name(image: str) -> None:
    model = observations.model({"engine": {"image": image}})
    found = observations.condition(
        observations.status(observations.state(model, observations.serving())), "EngineCurrent"
    )
    assert Told(found["status"], found["reason"], found["message"]) == IMAGES[image]


def test_the_oldest_engine_that_starts_is_open_to_all_of_them() -> None:
    assert set(advisories.open_in((0, 29, 0))) == set(advisories.ADVISORIES)
    assert advisories.open_in(advisories.FLOOR) == ()


def test_the_page_on_security_has_each_of_them() -> None:
    page = PAGE.read_text()
    assert [one.name for one in advisories.ADVISORIES if f"| {one.name}" not in page] == []
