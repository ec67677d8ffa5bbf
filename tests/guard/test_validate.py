"""Envoy itself reads what is rendered: the bootstrap, and the routes, which its check reads only where they stand inside."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.guard import envoys, rig
from vllm_operator import guard
from vllm_operator.engine import endpoints

if TYPE_CHECKING:
    import pathlib

MANY = tuple(
    guard.Client(
        f"team-{number}",
        guard.RateLimit(number + 1, "Second"),
        tuple(guard.Credential(f"sk-{number:03}{half}{'x' * 124}") for half in "ab"),
    )
    for number in range(100)
)


TABLE = (*rig.ENDPOINTS, *(endpoints.Endpoint("POST", f"/v1/some/task/number-{number}") for number in range(20)))


NAME = "model-peers.models.svc"


@pytest.mark.parametrize("version", envoys.versions())
@pytest.mark.parametrize(
    "now",
    [
        rig.access(),
        guard.Access((), NAME),
        guard.Access(MANY, NAME, origins=("https://a.example", "http://localhost:3000", "*"), model="org/100%-3.1:x"),
    ],
    ids=["one", "nobody", "many"],
)
def test_every_envoy_takes_what_is_rendered_for_it(
    tmp_path: pathlib.Path, now: guard.Access, version: tuple[int, int]
) -> None:
    files = guard.rendered(now, TABLE, version, guard.Site(directory=str(tmp_path))).files
    (tmp_path / "routes.yaml").write_text(files["routes.yaml"])
    validate(tmp_path, files["bootstrap.yaml"], version)
    validate(tmp_path, with_routes_inside(files), version)


def test_the_versions_asked_begin_with_the_oldest_supported() -> None:
    assert envoys.versions()[0] == guard.OLDEST
    assert len(envoys.versions()) == 3


def with_routes_inside(files: dict[str, str]) -> str:
    bootstrap = json.loads(files["bootstrap.yaml"])
    manager = bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["rds"]
    (routes,) = json.loads(files["routes.yaml"])["resources"]
    manager["route_config"] = {name: value for name, value in routes.items() if name != "@type"}
    return json.dumps(bootstrap)


def validate(directory: pathlib.Path, bootstrap: str, version: tuple[int, int]) -> None:
    file = directory / "bootstrap.yaml"
    file.write_text(bootstrap)
    arguments = [envoys.find(version).executable, "--mode", "validate", "-c", str(file), "--log-level", "warning"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "eprecated" not in done.stderr
