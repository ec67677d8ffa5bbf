"""What an older Kubernetes lacks, and what is said of it: both ways of each test run, one on each version."""

import pathlib
from collections.abc import Iterator

import pytest

from tests import kubectl, waiting
from tests.integration import conftest, versions

NAME = "packed"


@pytest.fixture
def admin(served: pathlib.Path, operator: conftest.Operator) -> Iterator[kubectl.Admin]:
    """An admin whose model has its weights in an image."""
    del operator
    admin = kubectl.Admin(served)
    admin.apply(kubectl.model(NAME, model={"source": "oci://registry.example/opt:1/opt"}))
    yield admin
    admin.kubectl("delete", "vllm", NAME)


def test_weights_as_an_image_are_mounted_or_said_to_be_dropped(admin: kubectl.Admin) -> None:
    expected = "Starting" if versions.has("1.35") else "ImageVolumesDisabled"
    waiting.until(expected, lambda: admin.condition(NAME).get("reason") == expected, admin.world)
    volumes = admin.get("deployment", NAME)["spec"]["template"]["spec"]["volumes"]
    assert any("image" in volume for volume in volumes) is versions.has("1.35")
