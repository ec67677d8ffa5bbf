"""The static part of a guard: what holds for every listener, cluster and file, whatever the model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vllm_operator import guard


@pytest.fixture
def static() -> dict[str, Any]:
    text = guard.files(guard.Access((), "peers.models.svc"), (), (1, 40))["bootstrap.yaml"]
    found: dict[str, Any] = json.loads(text)["static_resources"]
    return found


def test_no_listener_shares_its_port_with_another_process(static: dict[str, Any]) -> None:
    """Envoy's default is to share: a process of the engine's container could then take requests, and read keys."""
    assert {one["name"]: one["enable_reuse_port"] for one in static["listeners"]} == {"public": False, "private": False}
