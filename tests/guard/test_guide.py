"""The guide in a real browser before a real guard, with an engine that answers as each test says."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING

from tests.guard import fake_engine, rig, visitor
from vllm_operator import guard

if TYPE_CHECKING:
    import http.server

    from tests import browser
    from tests.guard.conftest import Start


def test_answer_is_shown_token_by_token(visit: visitor.Visit, engine: fake_engine.Engine) -> None:
    gate = threading.Event()
    engine.script = visitor.stream("Once", " upon", " <b>ä</b>\n", "&amp;", gate=gate)
    visit.send()
    visit.page.until("answer.textContent === 'Once' && !stop.disabled && send.disabled")
    gate.set()
    assert visit.said("tokens").startswith("4 tokens in ")
    assert visit.page.run("answer.textContent") == "Once upon <b>ä</b>\n&amp;"
    assert visit.page.run("answer.childElementCount") == 0
    asked = engine.seen[-1]
    assert (asked.method, asked.path) == ("POST", "/v1/completions")
    assert json.loads(asked.body) == {
        "model": visitor.MODEL, "prompt": "The future of artificial intelligence is", "max_tokens": 100, "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip
    visit.is_clean()


def test_conversation_is_another_call_of_the_form(visit: visitor.Visit, engine: fake_engine.Engine) -> None:
    engine.script = visitor.stream("Hello", field="delta")
    visit.page.run("call.value = '/v1/chat/completions'")
    visit.page.write("#prompt", 'Say "hi"')
    visit.send()
    visit.said("tokens")
    assert visit.page.run("answer.textContent") == "Hello"
    assert engine.seen[-1].path == "/v1/chat/completions"
    assert json.loads(engine.seen[-1].body)["messages"] == [{"role": "user", "content": 'Say "hi"'}]
    visit.is_clean()


def test_stop_ends_the_answer_and_the_engines_work(visit: visitor.Visit, engine: fake_engine.Engine) -> None:
    ended = threading.Event()

    def endless(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(b'data: {"choices": [{"text": "again "}]}\n\n')
                handler.wfile.flush()
                ended.wait(0.02)
        ended.set()
        handler.close_connection = True

    engine.script = endless
    visit.send()
    visit.page.until("answer.textContent.length > 20")
    visit.page.click("#stop")
    assert visit.said("Stop") == "Stopped"
    assert ended.wait(rig.DEADLINE)
    assert visit.page.run("stop.disabled && !send.disabled")
    visit.is_clean()


def test_refused_key_is_said_in_words(visit: visitor.Visit, engine: fake_engine.Engine) -> None:
    visit.send("sk-wrong")
    assert "this key is not accepted" in visit.said("401")
    assert not engine.seen
    visit.is_silent()


def test_limit_says_for_how_long_to_wait(chromium: browser.Chromium, start: Start, engine: fake_engine.Engine) -> None:
    visit = visitor.Visit(chromium, start, guard.RateLimit(1, "Hour"))
    engine.script = visitor.stream("a")
    visit.send()
    visit.said("tokens")
    visit.send()
    assert visit.said("429").startswith("429: the rate limit of this key is reached. Try again in 3")
    visit.is_silent()


def test_page_is_there_while_the_model_loads(
    chromium: browser.Chromium, start: Start, engine: fake_engine.Engine
) -> None:
    engine.stop()
    visit = visitor.Visit(chromium, start)
    visit.send()
    assert visit.said("503") == "503: the model is loading, or its queue is full. Try again in 5 s."
    visit.is_silent()


def test_other_errors_are_the_engines_own_words(visit: visitor.Visit, engine: fake_engine.Engine) -> None:
    engine.script = fake_engine.answer(400, json.dumps({"error": {"message": "too <long>"}}).encode())
    visit.send()
    assert visit.said("400") == "400: too <long>"
    engine.script = fake_engine.answer(500, b"<html>not JSON")
    visit.send()
    assert visit.said("500") == "500: no answer."
    visit.is_silent()


def test_answer_that_breaks_off_is_said(visit: visitor.Visit, engine: fake_engine.Engine) -> None:
    def broken(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("content-length", "100")
        handler.end_headers()
        handler.wfile.write(b'data: {"error": {"message": "engine died"}}\n\n'.ljust(100))

    engine.script = broken
    visit.send()
    assert visit.said("Broken") == "Broken off: engine died"
    visit.is_clean()


def test_key_is_gone_when_the_page_is_left(visit: visitor.Visit) -> None:
    visit.page.write("#key", rig.KEY)
    visit.page.open("about:blank")
    visit.page.run("history.back()")
    visit.page.until("location.pathname === '/guide' && document.readyState === 'complete'")
    assert visit.page.run("key.value") == ""


def test_examples_are_copied_as_they_are_shown(visit: visitor.Visit) -> None:
    page = visit.page
    page.click("label[for=PHP]")
    page.until("getComputedStyle(document.querySelector('[data-copy=PHP]').parentNode).display === 'block'")
    page.run("navigator.clipboard.writeText = text => { window.copied = text }")
    page.click("[data-copy=PHP] + button")
    page.until("window.copied === document.querySelector('[data-copy=PHP]').textContent")
    assert page.run("document.querySelector('[data-copy=PHP] + button').ariaLabel") == "Copied PHP"
    page.run("navigator.clipboard.writeText = () => { throw Error() }")
    page.click("[data-copy=PHP] + button")
    page.until("getSelection().toString().startsWith('<?php')")
    visit.is_clean()
