"""A page that the guard serves itself: byte for byte, with its headers, to whoever asks, and nothing beside it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from tests.guard import envoys, fake_engine, rig
from vllm_operator import guard

if TYPE_CHECKING:
    from tests.guard.conftest import Start

OPERATORS = "%REQ(AUTHORIZATION)% %LOCAL_REPLY_BODY% %% 100% %ENVIRONMENT(HOME)% %"
BODY = f"<!doctype html>\n<title>ä</title>'\"\\ {{{OPERATORS}}} " + "x" * 12_000
HEADERS = {"content-security-policy": "default-src 'none'; style-src 'sha256-a+/='", "x-told": OPERATORS}


def with_page(body: str = BODY) -> guard.Access:
    page = guard.Page("/guide", body, tuple(HEADERS.items()))
    return dataclasses.replace(rig.access(), page=page)


@pytest.mark.parametrize("version", envoys.versions())
def test_page_arrives_as_it_is_written(start: Start, engine: fake_engine.Engine, version: tuple[int, int]) -> None:
    reply = start(with_page(), envoy=envoys.find(version)).ask("GET", "/guide", rig.KEY)
    assert (reply.status, reply.body.decode()) == (200, BODY)
    assert reply.headers.get_all("content-type") == ["text/html; charset=utf-8"]
    assert {name: reply.headers.get_all(name) for name in HEADERS} == {name: [text] for name, text in HEADERS.items()}
    assert not engine.seen


def test_page_needs_no_key_and_no_model(start: Start, engine: fake_engine.Engine) -> None:
    engine.stop()
    running = start(with_page())
    assert [running.ask("GET", "/guide", key).status for key in ("", "sk-wrong", rig.KEY)] == [200] * 3
    assert running.ask("GET", "/health").status == 503


def test_page_is_at_one_method_and_path(start: Start, engine: fake_engine.Engine) -> None:
    running = start(with_page())
    assert running.ask("GET", "/guide?a=%2f").status == 200
    elsewhere = ("/guide/", "//guide", "/GUIDE", "/guide/x", "/%67uide", "/guide;x", "/v1/../guide", "/./guide")
    assert {running.ask("GET", path, rig.KEY).status for path in elsewhere} == {404}
    for method in ("HEAD", "POST", "OPTIONS", "DELETE", "TRACE"):
        assert running.ask(method, "/guide", rig.KEY, rig_body(method)).status == 404
    assert "GET /guide, " in running.ask("GET", "/x").error["message"]
    assert not engine.seen


def rig_body(method: str) -> bytes | None:
    return b"{}" if method == "POST" else None


def test_page_changes_live_and_ends_live(start: Start) -> None:
    running = start(with_page())
    running.change(with_page("<p>longer " + "y" * 20_000))
    assert running.ask("GET", "/guide").body.startswith(b"<p>longer y")
    running.change(rig.access())
    assert running.ask("GET", "/guide").status == 404
    assert "/guide" not in running.ask("GET", "/x").error["message"]
