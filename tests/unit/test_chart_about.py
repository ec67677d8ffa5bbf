"""What a catalogue of charts shows of this one: Chart.yaml and README.md say what the chart is made of."""

import json
from typing import Any

import pytest
import yaml

from dev.release import chart as released
from tests import chart, pages
from vllm_operator import crd
from vllm_operator.render import manifest

ABOUT: dict[str, Any] = yaml.safe_load((chart.DIRECTORY / "Chart.yaml").read_text())
README = (chart.DIRECTORY / "README.md").read_text()


def told(name: str) -> Any:
    """Return an annotation for Artifact Hub, which holds YAML."""
    return yaml.safe_load(ABOUT["annotations"][f"artifacthub.io/{name}"])


def examples() -> list[dict[str, Any]]:
    blocks = [yaml.safe_load(one.text) for one in pages.blocks(README) if one.language == "yaml"]
    return [*told("crdsExamples"), *blocks]


def test_every_annotation_is_a_text() -> None:
    assert [name for name, text in ABOUT["annotations"].items() if not isinstance(text, str)] == []


def test_it_names_the_images_that_the_values_name() -> None:
    values = yaml.safe_load(chart.VALUES.read_text())
    assert {one["image"] for one in told("images")} == set(released.upstream(values).values())


def test_it_names_the_kind_that_the_chart_brings() -> None:
    (one,) = told("crds")
    definition = crd.crd()
    assert one["name"] == definition["metadata"]["name"]
    assert (one["kind"], one["version"]) == (
        definition["spec"]["names"]["kind"],
        definition["spec"]["versions"][0]["name"],
    )


@pytest.mark.parametrize("example", examples(), ids=json.dumps)
def test_its_examples_are_models(example: dict[str, Any]) -> None:
    manifest.model(example, "default")  # else Refused


def test_the_readme_has_each_value() -> None:
    assert [value.path for value in chart.values() if f"| `{value.path}` |" not in README] == []


def test_it_is_a_prerelease_as_long_as_its_api_is_an_alpha() -> None:
    assert told("prerelease") is ("alpha" in told("crds")[0]["version"])
