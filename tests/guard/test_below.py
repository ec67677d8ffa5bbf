"""A model below a path of a host that it shares: the guard takes the path off, and opens nothing else by it."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

import pytest

from tests.guard import fake_engine, rig, visitor

if TYPE_CHECKING:
    from tests import browser
    from tests.guard.conftest import Start
    from vllm_operator import guard

BELOW = "/team/opt-1.3b"
ORIGIN = "https://app.example"


def below(now: guard.Access | None = None, path: str = BELOW) -> guard.Access:
    return dataclasses.replace(now or rig.access(), path=path)


def test_each_endpoint_answers_below_the_path_and_without_it(start: Start, engine: fake_engine.Engine) -> None:
    """Callers inside the cluster reach the Service, which has no path; the engine knows none either."""
    running = start(below())
    for method, path in ((one.method, one.path) for one in rig.ENDPOINTS if one.keyed):
        for before in (BELOW, ""):
            reply = running.ask(method, before + path, rig.KEY, b"{}" if method == "POST" else None)
            assert (reply.status, engine.seen[-1].path) == (200, path)
            assert "x-envoy-original-path" not in engine.seen[-1].headers


@pytest.mark.parametrize("path", ["/ab", "/v1-bcde", "/abcdefg", "/v1.bcdefghi", "/abcdefghijk"])
def test_a_path_as_long_as_the_beginning_of_an_endpoint_is_not_taken_for_it(
    start: Start, engine: fake_engine.Engine, path: str
) -> None:
    """These are as long as /v1, /v1/chat and /v1/messages: what is taken off is told by its length too."""
    running = start(below(path=path))
    for one in rig.ENDPOINTS:
        if one.keyed:
            for before in (path, ""):
                running.ask(one.method, before + one.path, rig.KEY, b"{}" if one.method == "POST" else None)
                assert engine.seen[-1].path == one.path


def test_a_key_is_asked_for_below_the_path_as_without_it(start: Start, engine: fake_engine.Engine) -> None:
    running = start(below())
    for path in ("/v1/models", "/v1/unknown"):
        assert [running.ask("GET", before + path).status for before in (BELOW, "")] == [401, 401]
    assert running.ask("GET", f"{BELOW}/v1/unknown", rig.KEY).status == 404
    assert not engine.seen


@pytest.mark.parametrize(
    "path",
    [f"{BELOW}{BELOW}/v1/models", f"{BELOW}x/v1/models", f"{BELOW}//v1/models", f"/{BELOW}/v1/models",
     f"{BELOW}/../v1/models", "/team/v1/models", "/team/opt-1x3b/v1/models", f"{BELOW}/health/", "/team", f"{BELOW}//"],
)  # fmt: skip
def test_nothing_is_open_that_only_looks_like_the_path(start: Start, engine: fake_engine.Engine, path: str) -> None:
    assert start(below()).ask("GET", path, rig.KEY).status == 404
    assert not engine.seen


def test_a_query_is_dropped_and_what_is_unknown_is_told_with_the_path(start: Start, engine: fake_engine.Engine) -> None:
    running = start(below())
    assert running.ask("GET", f"{BELOW}/v1/models?x={BELOW}/v1/", rig.KEY).status == 200
    assert engine.seen[-1].path == "/v1/models"
    told = running.ask("GET", "/nothing").error["message"]
    assert f"Below {BELOW}, this model answers: POST /detokenize, GET /health" in told


def test_a_load_balancer_may_ask_the_path_itself(start: Start, engine: fake_engine.Engine) -> None:
    running = start(below())
    assert [running.ask("GET", path).status for path in ("/", BELOW, f"{BELOW}/")] == [200] * 3
    assert {seen.path for seen in engine.seen} == {"/health"}


def test_pages_of_other_origins_may_call_below_the_path(start: Start) -> None:
    running = start(dataclasses.replace(below(), origins=(ORIGIN,)))
    asked = {"origin": ORIGIN, "access_control_request_method": "POST"}
    assert running.ask("OPTIONS", f"{BELOW}/v1/completions", **asked).status == 200
    assert running.ask("OPTIONS", f"{BELOW}/v1/models", **asked).status != 200


def test_a_path_is_changed_while_a_connection_is_open(start: Start) -> None:
    running = start(below())
    with contextlib.closing(running.connection()) as connection:
        assert rig.ask(connection, "GET", f"{BELOW}/v1/models", rig.KEY).status == 200
        running.change(below(path="/other"))
        paths = (f"{BELOW}/v1/models", "/other/v1/models", "/v1/models")
        assert [rig.ask(connection, "GET", path, rig.KEY).status for path in paths] == [404, 200, 200]
    assert running.state().rejected == 0


def test_the_guide_calls_the_model_below_its_path(
    chromium: browser.Chromium, start: Start, engine: fake_engine.Engine
) -> None:
    """The page's own calls stay below the path, whatever that is: the edge sends no others to this model."""
    visit = visitor.Visit(chromium, start, path=BELOW)
    assert visit.address.endswith(f"{BELOW}/guide")
    engine.script = visitor.stream("Once")
    visit.send()
    visit.said("tokens")
    assert engine.seen[-1].path == "/v1/completions"
    assert f"{visit.origin}{BELOW}/v1/completions" in visit.page.requests
    visit.is_clean()
