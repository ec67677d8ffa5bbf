"""The static part of a guard: what holds for every listener and cluster, whatever the model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.guard import shapes
from vllm_operator import guard
from vllm_operator.children import quantity
from vllm_operator.guard import bounds


@pytest.fixture
def rendered() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shapes.rendered(shapes.access()).files["bootstrap.yaml"])
    return found


@pytest.fixture
def listeners(rendered: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one for one in rendered["static_resources"]["listeners"]}


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


def test_each_port_counts_its_own_connections(rendered: dict[str, Any], listeners: dict[str, Any]) -> None:
    """A limit for both would leak, since the ends of connections count that were spared at their beginning."""
    limits = rendered["layered_runtime"]["layers"][0]["static_layer"]
    assert limits["envoy.resource_limits.listener.public.connection_limit"] > 4096 + 256
    assert limits["envoy.resource_limits.listener.private.connection_limit"] == bounds.PRIVATE_CONNECTIONS
    assert not [one for one in listeners.values() if "ignore_global_conn_limit" in one]


def test_probes_pass_whatever_the_public_port_is_under(listeners: dict[str, Any]) -> None:
    assert listeners["private"]["bypass_overload_manager"]
    assert "bypass_overload_manager" not in listeners["public"]


def test_whether_an_engine_lives_is_told_to_who_asks_for_that_alone(listeners: dict[str, Any]) -> None:
    """The readiness path with the header of a liveness probe, of guards before, and the liveness path itself."""
    found = manager(listeners["private"])["route_config"]["virtual_hosts"][0]["routes"]
    alive = [one["match"] for one in found if told(one).get("probe") == "alive"]
    ready = [one["match"] for one in found if told(one).get("probe") == "ready"]
    header = {"name": guard.ALIVE_HEADER[0], "string_match": {"exact": guard.ALIVE_HEADER[1]}}
    assert [(one["path"], header in one["headers"]) for one in alive] == [
        (guard.ALIVE_PATH, False),
        (guard.READY_PATH, True),
    ]
    assert [(one["path"], header in one["headers"]) for one in ready] == [(guard.READY_PATH, False)]


def told(route: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = next(iter(route.get("metadata", {}).get("filter_metadata", {}).values()), {})
    return facts


@pytest.mark.parametrize("memory", ["64Mi", "128Mi", "256Mi", "512Mi", "2Gi"])
def test_connections_and_heap_fit_into_the_containers_memory(memory: str) -> None:
    limit = int(quantity.number(memory))
    heap = bounds.overload_manager(limit)["resource_monitors"][0]["typed_config"]["max_heap_size_bytes"]
    assert 0 < heap < 0.75 * limit
    assert bounds.connections(limit) * 27 * 1024 < max(limit, 8 * 2**20)


def test_nothing_that_sheds_load_cuts_an_answer() -> None:
    actions = {one["name"].rpartition(".")[2] for one in bounds.overload_manager(guard.MEMORY)["actions"]}
    assert actions == {
        "shrink_heap",
        "disable_http_keepalive",
        "close_idle_http_connections",
        "stop_accepting_requests",
        "reject_incoming_connections",
    }
