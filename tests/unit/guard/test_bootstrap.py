"""The static part of a guard: what holds for every listener and cluster, whatever the model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.guard import shapes


@pytest.fixture
def static() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shapes.rendered(shapes.access()).files["bootstrap.yaml"])["static_resources"]
    return found


@pytest.fixture
def listeners(static: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one for one in static["listeners"]}


def manager(listener: dict[str, Any]) -> dict[str, Any]:
    """Return the HTTP connection manager, which is the last of a listener's network filters."""
    found: dict[str, Any] = listener["filter_chains"][0]["filters"][-1]["typed_config"]
    return found


def test_no_listener_shares_its_port_with_another_process(listeners: dict[str, Any]) -> None:
    """Envoy's default is to share: a process of the engine's container could then take requests, and read keys."""
    assert {name: one["enable_reuse_port"] for name, one in listeners.items()} == {"public": False, "private": False}


def test_a_path_is_taken_as_it_was_sent(listeners: dict[str, Any]) -> None:
    """What the engine is asked is what the routes were asked: no slash is unescaped, no path is mended on the way."""
    for one in listeners.values():
        assert manager(one)["path_with_escaped_slashes_action"] == "REJECT_REQUEST"
        assert (manager(one)["normalize_path"], manager(one)["merge_slashes"]) == (False, False)


def test_connections_to_the_private_port_are_counted_by_themselves(listeners: dict[str, Any]) -> None:
    limit = listeners["private"]["filter_chains"][0]["filters"][0]["typed_config"]
    assert limit["max_connections"] == 256
    assert listeners["private"]["ignore_global_conn_limit"]
    assert "ignore_global_conn_limit" not in listeners["public"]
