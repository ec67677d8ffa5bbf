"""A wrong key costs a guard the same, however many clients a model has."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

from tests.guard import flood, rig
from vllm_operator import guard

if TYPE_CHECKING:
    from tests.guard.conftest import Start

REQUESTS = 2000
CLIENTS, KEYS = 128, 3


def many() -> guard.Access:
    """Return the most clients with the most keys, none of which is the rig's."""
    clients = [
        guard.Client(
            f"team-{number}",
            rig.MINUTE,
            tuple(guard.Credential(f"sk-{number:03}{turn:03}{'x' * 40}") for turn in range(KEYS)),
        )
        for number in range(CLIENTS)
    ]
    return dataclasses.replace(rig.access(), clients=tuple(clients), path="/opt")


def cost(running: rig.Guard, key: str) -> float:
    """Return the seconds of CPU of many refusals."""
    before = flood.cpu(running.process.pid)
    with contextlib.closing(running.connection()) as connection:
        statuses = {rig.ask(connection, "POST", "/v1/completions", key, b"{}").status for _ in range(REQUESTS)}
    assert statuses == {401}
    return flood.cpu(running.process.pid) - before


def test_a_wrong_key_costs_the_same_with_one_client_and_with_the_most(start: Start) -> None:
    """Compared with each key in turn, it would cost three to five times as much."""
    few, most = start(dataclasses.replace(rig.access(), path="/opt")), start(many())
    cost(few, rig.OTHER), cost(most, rig.OTHER)
    assert cost(most, rig.OTHER) < 1.5 * cost(few, rig.OTHER) + 0.02


def test_a_key_that_begins_as_another_does_is_still_none(start: Start) -> None:
    running, known = start(many()), f"sk-000000{'x' * 40}"
    assert running.ask("GET", "/v1/models", known).status == 200
    for near in (known[:-1] + "y", known + "x", known[:-1], known.upper(), f"x{known}"):
        for path in ("/v1/models", "/opt/v1/models", "/v1/unknown", "/tokenize"):
            assert (near, path, running.ask("GET", path, near).status) == (near, path, 401)
    assert running.ask("GET", "/tokenize", known).status == 404
    assert running.ask("GET", "/metrics", known).status == 404
