"""kubeconform over all that is rendered: the chart under several values, the goldens' children and models, the examples."""

import json
import pathlib
import subprocess
from typing import Any

import pytest
import yaml

from dev import binaries
from tests import schemas
from tests.golden import render
from tests.integration import rendered


@pytest.fixture(scope="module")
def location(served: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Schemas of everything that is rendered, from the API server."""
    binaries.directory("kubeconform")
    every = [one for objects in rendered.ALL.values() for one in objects()]
    return schemas.write(served, [one["apiVersion"] for one in every], tmp_path_factory.mktemp("schemas"))


def findings(location: str, objects: list[dict[str, Any]]) -> list[str]:
    """Return what kubeconform says of `objects`, an entry for each that is not valid, also where it knows no schema."""
    command = [binaries.find("kubeconform"), "-strict", "-verbose", "-output=json", f"-schema-location={location}"]
    done = subprocess.run(command, input=yaml.safe_dump_all(objects), capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["resources"]
    assert len(found) == len(objects), done.stderr
    return [f"{one['kind']} {one['name']}: {one['msg']}" for one in found if one["status"] != "statusValid"]


@pytest.mark.parametrize("name", rendered.ALL)
def test_everything_that_is_rendered_conforms(location: str, name: str) -> None:
    assert findings(location, rendered.ALL[name]()) == []


def test_a_field_that_no_schema_names_is_a_finding(location: str) -> None:
    child = yaml.safe_load((render.CASES[0] / "model.yaml").read_text())
    child["spec"]["modle"] = {}
    assert "additional properties 'modle' not allowed" in findings(location, [child])[0]
