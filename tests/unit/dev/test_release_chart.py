"""The released chart: the values of the work tree, with the images that were built, by digest."""

import pytest
import yaml

from dev import progress
from dev.release import chart

DIGEST = f"sha256:{'a' * 64}"
VALUES = (chart.DIRECTORY / "values.yaml").read_text()


def test_images_stand_by_digest_and_all_else_stays_with_its_comments() -> None:
    pins = {
        ("image", "repository"): "registry.example.com:5000/vllm-operator",
        ("image", "tag"): "1.2.3",
        ("image", "digest"): DIGEST,
        **{path: f"{image}@{DIGEST}" for path, image in chart.upstream(yaml.safe_load(VALUES)).items()},
    }
    made = chart.pinned(VALUES, pins)
    values = yaml.safe_load(made)
    assert values["image"] == {**values["image"], "repository": pins["image", "repository"], "digest": DIGEST}
    assert values["guard"]["image"].endswith(f"@{DIGEST}")
    changed = [line for line, old in zip(made.splitlines(), VALUES.splitlines(), strict=True) if line != old]
    assert len(changed) == len(pins)
    assert [line.partition("#")[2] for line in made.splitlines()] == [
        line.partition("#")[2] for line in VALUES.splitlines()
    ]


def test_the_chart_lists_the_images_that_its_values_name_for_those_who_scan_them() -> None:
    before = yaml.safe_load(VALUES)
    pins = {path: f"{image}@{DIGEST}" for path, image in chart.upstream(before).items()}
    own = {("image", "repository"): "example.com/vllm-operator", ("image", "tag"): "1", ("image", "digest"): DIGEST}
    after = yaml.safe_load(chart.pinned(VALUES, {**pins, **own}))
    about = yaml.safe_load(chart.listing((chart.DIRECTORY / "Chart.yaml").read_text(), before, after))
    listed = {one["image"] for one in yaml.safe_load(about["annotations"]["artifacthub.io/images"])}
    assert listed == {f"example.com/vllm-operator:1@{DIGEST}", *pins.values()}


def test_every_image_of_others_that_the_values_name_is_found() -> None:
    found = chart.upstream(yaml.safe_load(VALUES))
    assert ("guard", "image") in found
    assert ("engine", "images", "nvidia.com/gpu") in found
    assert all(image in VALUES for image in found.values())


@pytest.mark.parametrize("path", [("image", "repo"), ("images", "repository"), ("repository",)])
def test_a_value_without_a_line_of_its_own_is_said(path: chart.Path) -> None:
    with pytest.raises(progress.Failure, match="no line"):
        chart.pinned(VALUES, {path: "x"})


def test_values_of_the_same_name_elsewhere_stay() -> None:
    text = "a:\n  image: x # of a\nb:\n  c:\n    image: y\n  image: z\n"
    assert (
        chart.pinned(text, {("b", "image"): "new"}) == 'a:\n  image: x # of a\nb:\n  c:\n    image: y\n  image: "new"\n'
    )
