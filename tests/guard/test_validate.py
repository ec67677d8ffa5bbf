"""Envoy itself reads what is rendered: the bootstrap, and the routes, which its check reads only where they stand inside."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.guard import rig
from vllm_operator import guard

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


TABLE = (*rig.ENDPOINTS, *(rig.Endpoint("POST", f"/v1/some/task/number-{number}") for number in range(20)))


@pytest.mark.parametrize(
    "now", [rig.access(), guard.Access(MANY, "peers.models.svc"), guard.Access((), "peers.models.svc")]
)
def test_envoy_takes_it(tmp_path: pathlib.Path, now: guard.Access) -> None:
    files = guard.files(now, TABLE, (1, 40), guard.Site(directory=str(tmp_path)))
    (tmp_path / "routes.yaml").write_text(files["routes.yaml"])
    validate(tmp_path, files["bootstrap.yaml"])
    validate(tmp_path, with_routes_inside(files))


def with_routes_inside(files: dict[str, str]) -> str:
    bootstrap = json.loads(files["bootstrap.yaml"])
    manager = bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["rds"]
    (routes,) = json.loads(files["routes.yaml"])["resources"]
    manager["route_config"] = {name: value for name, value in routes.items() if name != "@type"}
    return json.dumps(bootstrap)


def validate(directory: pathlib.Path, bootstrap: str) -> None:
    file = directory / "bootstrap.yaml"
    file.write_text(bootstrap)
    arguments = [rig.executable(), "--mode", "validate", "-c", str(file), "--log-level", "warning"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "eprecated" not in done.stderr
