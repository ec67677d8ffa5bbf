"""A wrong key costs a guard the same, however many clients a model has."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.guard import flood, rig
from vllm_operator import guard

if TYPE_CHECKING:
    from tests.guard.conftest import Start

REQUESTS = 500
CLIENTS, KEYS = 128, 3


def key(number: int, head: str = "", tail: str = "") -> str:
    """Return a key that looks random, but for its beginning and its end."""
    random = base64.urlsafe_b64encode(hashlib.sha256(str(number).encode()).digest()).decode().rstrip("=")
    return f"sk-{head}{random}{tail}"


def many(head: str = "", tail: str = "") -> guard.Access:
    """Return the most clients with the most keys, all of which begin and end like this."""
    keys = [guard.Credential(key(number, head, tail)) for number in range(CLIENTS * KEYS)]
    clients = [guard.Client(f"team-{at}", rig.MINUTE, tuple(keys[at::CLIENTS])) for at in range(CLIENTS)]
    return dataclasses.replace(rig.access(), clients=tuple(clients), path="/opt")


def cost(running: rig.Guard, wrong: str, method: str, path: str) -> float:
    """Return the seconds of CPU of many refusals."""
    with contextlib.closing(running.connection()) as connection:
        before = flood.cpu(running.process.pid)
        statuses = {rig.ask(connection, method, path, wrong, b"{}").status for _ in range(REQUESTS)}
        assert statuses == {flood.REFUSED[method, path]}
    return flood.cpu(running.process.pid) - before


@pytest.mark.parametrize(("head", "tail"), [("", ""), ("our-team-", ""), ("", "-of-our-team")])
def test_a_wrong_key_costs_the_same_with_one_client_and_with_the_most(start: Start, head: str, tail: str) -> None:
    """Whatever is asked for. Compared with each key in turn, it would cost three to five times as much."""
    few, most = start(dataclasses.replace(rig.access(), path="/opt")), start(many(head, tail))
    wrong = key(-1, head, tail)
    for method, path in flood.REFUSED:
        costs = ((cost(most, wrong, method, path), cost(few, wrong, method, path)) for _ in flood.TRIES)
        assert any(ours < 1.5 * least for ours, least in costs), path


def test_a_key_that_begins_and_ends_as_others_do_is_still_none(start: Start) -> None:
    running, known = start(many()), key(0)
    assert running.ask("GET", "/v1/models", known).status == 200
    mixed = known[:20] + key(1)[20:]
    for near in (known[:-1] + "~", known + "x", known[:-1], known.upper(), f"x{known}", mixed, known + known):
        for path in ("/v1/models", "/opt/v1/models", "/v1/unknown", "/tokenize"):
            assert (near, path, running.ask("GET", path, near).status) == (near, path, 401)
    assert running.ask("GET", "/tokenize", known).status == 404
    assert running.ask("GET", "/metrics", known).status == 404
