"""A visitor of the guide: a real browser that has the page of a real guard open, and an engine that streams."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from tests.guard import fake_engine, rig
from vllm_operator import guard, guide

if TYPE_CHECKING:
    import http.server
    import threading

    from tests import browser
    from tests.guard.conftest import Start

MODEL = 'it\'s <b>"50%"</b> & more'
KEPT = "JSON.stringify([localStorage.length, sessionStorage.length, document.cookie, location.href, document.referrer])"


def access(limit: guard.RateLimit = rig.MINUTE) -> guard.Access:
    facts = guide.Facts("https://vllm11.byteshop.in", MODEL, 4096, [one[:2] for one in rig.ENDPOINTS])
    page = guard.Page(guide.PATH, guide.document(facts), tuple(guide.HEADERS.items()))
    return dataclasses.replace(rig.access(limit=limit), page=page)


class Visit:
    """A visitor's page and what stands behind it."""

    def __init__(
        self, chromium: browser.Chromium, start: Start, limit: guard.RateLimit = rig.MINUTE, path: str = ""
    ) -> None:
        self.guard = start(dataclasses.replace(access(limit), path=path))
        self.origin = f"http://127.0.0.1:{self.guard.site.public_port}"
        self.address = f"{self.origin}{path}{guide.PATH}"
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
        assert {url for url in self.page.requests if not url.startswith((self.origin, "data:,"))} == set()
        assert not [url for url in self.page.requests if "sk-" in url]
        assert json.loads(self.page.run(KEPT)) == [0, 0, "", self.address, ""]
        assert self.page.send("Network.getCookies")["cookies"] == []
        assert "sk-" not in self.page.run("document.documentElement.outerHTML")


def stream(*pieces: str, gate: threading.Event | None = None, field: str = "text") -> fake_engine.Script:
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
