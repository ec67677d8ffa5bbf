"""Changes while a model serves: open connections follow, nobody's bucket is refilled, a refused file changes nothing."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.guard import rig
from vllm_operator import guard

if TYPE_CHECKING:
    import http.client

    from tests.guard.conftest import Start

HOUR = guard.RateLimit(6, "Hour")


def test_open_connection_follows_a_rotation(start: Start) -> None:
    running = start(rig.access(rig.STALE))
    with contextlib.closing(running.connection()) as connection:
        assert _models(connection, rig.STALE) == 200
        port = connection.sock.getsockname()
        running.change(rig.access(rig.STALE, rig.FRESH))
        assert [_models(connection, key) for key in (rig.STALE, rig.FRESH)] == [200, 200]
        running.change(rig.access(rig.FRESH))
        assert [_models(connection, key) for key in (rig.STALE, rig.FRESH)] == [401, 200]
        assert connection.sock.getsockname() == port


def test_anothers_key_and_anothers_limit_refill_no_bucket(start: Start) -> None:
    def others(key: str, limit: guard.RateLimit) -> tuple[guard.Client, ...]:
        return (guard.Client("team-o", limit, (guard.Credential(key),)),)

    running = start(rig.access(limit=HOUR, more=others(rig.OTHER, HOUR)))
    assert [_ask(running, rig.KEY) for _ in range(7)] == [200] * 6 + [429]
    running.change(rig.access(limit=HOUR, more=others(rig.FRESH, HOUR)))
    assert [_ask(running, rig.KEY), _ask(running, rig.FRESH)] == [429, 200]
    running.change(rig.access(limit=HOUR, more=others(rig.FRESH, guard.RateLimit(99, "Minute"))))
    assert [_ask(running, rig.KEY), _ask(running, rig.FRESH)] == [429, 200]
    running.change(rig.access(limit=HOUR))
    assert [_ask(running, rig.KEY), _ask(running, rig.FRESH)] == [429, 401]


def test_own_new_key_does_not_refill_either(start: Start) -> None:
    running = start(rig.access(limit=HOUR))
    assert [_ask(running, rig.KEY) for _ in range(7)] == [200] * 6 + [429]
    running.change(rig.access(rig.FRESH, limit=HOUR))
    assert _ask(running, rig.FRESH) == 429


def test_changed_limit_holds_at_once_and_keeps_the_share_that_is_left(start: Start) -> None:
    running = start(rig.access(limit=HOUR))
    assert [_ask(running, rig.KEY) for _ in range(3)] == [200] * 3
    running.change(rig.access(limit=guard.RateLimit(60, "Hour")))
    assert [_ask(running, rig.KEY) for _ in range(31)] == [200] * 30 + [429]


BROKEN: dict[str, dict[str, Any]] = {
    "what is wrong": {"match": {"safe_regex": {"regex": "("}}},
    "a field of tomorrow": {"keys_are_cheese": True},
    "a type of tomorrow": {"typed_per_filter_config": {"new": {"@type": "type.googleapis.com/envoy.tomorrow.v3.New"}}},
}


@pytest.mark.parametrize("broken", BROKEN)
def test_refused_file_is_seen_and_changes_nothing(start: Start, broken: str) -> None:
    running = start()
    before = running.state()
    assert before == guard.State(rig.rendered(rig.access()).version, 0)
    refused = json.loads(rig.rendered(rig.access(rig.FRESH)).files["routes.yaml"])
    refused["resources"][0]["virtual_hosts"][0]["routes"][0] |= BROKEN[broken]
    running.mount.swap({"routes.yaml": json.dumps(refused)})
    rig.until(lambda: running.state().rejected > 0)
    assert running.state().version == before.version
    assert _ask(running, rig.KEY) == 200
    assert rig.FRESH not in running.log.read_text()
    running.change(rig.access(rig.FRESH))
    assert [_ask(running, key) for key in (rig.KEY, rig.FRESH)] == [401, 200]


def _ask(running: rig.Guard, key: str) -> int:
    return running.ask("GET", "/v1/models", key).status


def _models(connection: http.client.HTTPConnection, key: str) -> int:
    return rig.ask(connection, "GET", "/v1/models", key).status
