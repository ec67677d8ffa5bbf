"""The guide in a real browser before a real guard, with an engine that answers as each test says."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
from typing import TYPE_CHECKING

import pytest

from tests import browser
from tests.guard import rig
from vllm_operator import guard, guide

if TYPE_CHECKING:
    import http.server
    from collections.abc import Iterator

    from tests.guard.conftest import Start

MODEL = 'it\'s <b>"50%"</b> & more'
KEPT = "JSON.stringify([localStorage.length, sessionStorage.length, document.cookie, location.href, document.referrer])"


def access(limit: guard.RateLimit = rig.MINUTE) -> guard.Access:
    facts = guide.Facts("https://vllm11.byteshop.in", MODEL, 4096, [one[:2] for one in rig.ENDPOINTS])
    page = guard.Page(guide.PATH, guide.document(facts), tuple(guide.HEADERS.items()))
    return dataclasses.replace(rig.access(limit=limit), page=page)


class Visit:
    """A visitor's page and what stands behind it."""

    def __init__(self, chromium: browser.Chromium, start: Start, limit: guard.RateLimit = rig.MINUTE) -> None:
        self.guard = start(access(limit))
        self.address = f"http://127.0.0.1:{self.guard.site.public_port}{guide.PATH}"
        self.page = chromium.page()
        self.page.open(self.address)

    def send(self, key: str = rig.KEY) -> None:
        self.page.write("#key", key)
        self.page.click("#send")

    def said(self, part: str) -> str:
        self.page.until(f"said.textContent.includes({json.dumps(part)})")
        return str(self.page.run("said.textContent"))

    def is_clean(self) -> None:
        """Nothing was complained of, nothing came from elsewhere, and the key stands nowhere but in its input."""
        assert not self.page.complaints
        self.is_silent()

    def is_silent(self) -> None:
        origin = self.address.removesuffix(guide.PATH)
        assert {url for url in self.page.requests if not url.startswith((origin, "data:,"))} == set()
        assert not [url for url in self.page.requests if "sk-" in url]
        assert json.loads(self.page.run(KEPT)) == [0, 0, "", self.address, ""]
        assert self.page.send("Network.getCookies")["cookies"] == []
        assert "sk-" not in self.page.run("document.documentElement.outerHTML")


@pytest.fixture
def visit(chromium: browser.Chromium, start: Start) -> Iterator[Visit]:
    return Visit(chromium, start)


def stream(*pieces: str, gate: threading.Event | None = None, field: str = "text") -> rig.Script:
    """Return a script that answers token by token; after the first it waits for the gate."""

    def script(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream; charset=utf-8")
        handler.send_header("connection", "close")
        handler.end_headers()
        for number, piece in enumerate(pieces):
            choice = {"text": piece} if field == "text" else {"delta": {"content": piece}}
            handler.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
            if gate and not number:
                gate.wait(rig.DEADLINE)
        usage = {"choices": [], "usage": {"completion_tokens": len(pieces)}}
        handler.wfile.write(f"data: {json.dumps(usage)}\n\ndata: [DONE]\n\n".encode())
        handler.close_connection = True

    return script


def test_answer_is_shown_token_by_token(visit: Visit, engine: rig.Engine) -> None:
    gate = threading.Event()
    engine.script = stream("Once", " upon", " <b>ä</b>\n", "&amp;", gate=gate)
    visit.send()
    visit.page.until("answer.textContent === 'Once' && !stop.disabled && send.disabled")
    gate.set()
    assert visit.said("tokens").startswith("4 tokens in ")
    assert visit.page.run("answer.textContent") == "Once upon <b>ä</b>\n&amp;"
    assert visit.page.run("answer.childElementCount") == 0
    asked = engine.seen[-1]
    assert (asked.method, asked.path) == ("POST", "/v1/completions")
    assert json.loads(asked.body) == {
        "model": MODEL, "prompt": "The future of artificial intelligence is", "max_tokens": 100, "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip
    visit.is_clean()


def test_conversation_is_another_call_of_the_form(visit: Visit, engine: rig.Engine) -> None:
    engine.script = stream("Hello", field="delta")
    visit.page.run("call.value = '/v1/chat/completions'")
    visit.page.write("#prompt", 'Say "hi"')
    visit.send()
    visit.said("tokens")
    assert visit.page.run("answer.textContent") == "Hello"
    assert engine.seen[-1].path == "/v1/chat/completions"
    assert json.loads(engine.seen[-1].body)["messages"] == [{"role": "user", "content": 'Say "hi"'}]
    visit.is_clean()


def test_stop_ends_the_answer_and_the_engines_work(visit: Visit, engine: rig.Engine) -> None:
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


def test_refused_key_is_said_in_words(visit: Visit, engine: rig.Engine) -> None:
    visit.send("sk-wrong")
    assert "this key is not accepted" in visit.said("401")
    assert not engine.seen
    visit.is_silent()


def test_limit_says_for_how_long_to_wait(chromium: browser.Chromium, start: Start, engine: rig.Engine) -> None:
    visit = Visit(chromium, start, guard.RateLimit(1, "Hour"))
    engine.script = stream("a")
    visit.send()
    visit.said("tokens")
    visit.send()
    assert visit.said("429").startswith("429: the rate limit of this key is reached. Try again in 3")
    visit.is_silent()


def test_page_is_there_while_the_model_loads(chromium: browser.Chromium, start: Start, engine: rig.Engine) -> None:
    engine.stop()
    visit = Visit(chromium, start)
    visit.send()
    assert visit.said("503") == "503: the model is loading, or its queue is full. Try again in 5 s."
    visit.is_silent()


def test_other_errors_are_the_engines_own_words(visit: Visit, engine: rig.Engine) -> None:
    engine.script = rig.answer(400, json.dumps({"error": {"message": "too <long>"}}).encode())
    visit.send()
    assert visit.said("400") == "400: too <long>"
    engine.script = rig.answer(500, b"<html>not JSON")
    visit.send()
    assert visit.said("500") == "500: no answer."
    visit.is_silent()


def test_answer_that_breaks_off_is_said(visit: Visit, engine: rig.Engine) -> None:
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


def test_key_is_gone_when_the_page_is_left(visit: Visit) -> None:
    visit.page.write("#key", rig.KEY)
    visit.page.open("about:blank")
    visit.page.run("history.back()")
    visit.page.until("location.pathname === '/guide' && document.readyState === 'complete'")
    assert visit.page.run("key.value") == ""


def test_examples_are_copied_as_they_are_shown(visit: Visit) -> None:
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


def test_all_is_reached_by_keys_alone(visit: Visit, engine: rig.Engine) -> None:
    engine.script = stream("a")
    reached = []
    for _ in range(40):
        visit.page.press("Tab", 9)
        reached.append(visit.page.run("document.activeElement.id || document.activeElement.textContent.slice(0, 4)"))
    assert {"key", "call", "prompt", "send", "answer", "curl"} <= set(reached)
    visit.page.run("key.focus()")
    visit.page.write("#key", rig.KEY)
    visit.page.press("Enter", 13, "\r")
    visit.said("tokens")
    visit.page.run("document.querySelector('#curl').focus()")
    visit.page.press("ArrowRight", 39)
    assert visit.page.run("document.activeElement.id") == "Python"
    visit.is_clean()


@pytest.mark.parametrize("screen", [browser.PHONE, browser.DESKTOP, browser.Screen(320, 600, 1, mobile=True)])
def test_nothing_is_wider_than_the_screen(visit: Visit, screen: browser.Screen) -> None:
    visit.page.show(screen)
    assert visit.page.run("document.documentElement.scrollWidth <= innerWidth && innerWidth") == screen.width


CONTRAST = """(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const paint = colour => { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1) };
  const light = () => { const c = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * c[0] + .7152 * c[1] + .0722 * c[2] };
  const behind = e => e ? [...behind(e.parentElement), getComputedStyle(e).backgroundColor] : ['Canvas'];
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || !e.getClientRects().length || e.closest('header,:disabled,option,script')) continue;
    canvas.clearRect(0, 0, 1, 1); behind(e).forEach(paint); const back = light();
    paint(getComputedStyle(e).color); const front = light();
    const ratio = (Math.max(back, front) + .05) / (Math.min(back, front) + .05);
    if (ratio < 4.5) found.push(e.tagName + ' ' + e.textContent.slice(0, 30) + ' ' + ratio.toFixed(2));
  }
  return found })()"""


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out_from_its_ground(visit: Visit, dark: bool) -> None:
    visit.page.show(browser.DESKTOP, dark=dark)
    assert visit.page.run(CONTRAST) == []
