"""Streams: token by token, whatever happens beside them, and ended at the engine when the caller hangs up."""

from __future__ import annotations

import contextlib
import http.server
import threading
from typing import TYPE_CHECKING

from tests.guard import fake_engine, rig

if TYPE_CHECKING:
    import http.client

    from tests.guard.conftest import Start

CHAT = ("POST", "/v1/chat/completions")


class Tokens:
    """An answer of which the test lets one token go at a time."""

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.hung_up = threading.Event()

    def __call__(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        handler.connection.settimeout(0.01)
        number = 0
        while not self._left(handler):
            if self.go.acquire(timeout=0.01):
                text = f"data: {number}\n\n".encode()
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
                number += 1
        self.hung_up.set()
        handler.close_connection = True

    def _left(self, handler: http.server.BaseHTTPRequestHandler) -> bool:
        with contextlib.suppress(TimeoutError):
            return not handler.connection.recv(1)
        return False


def _opened(running: rig.Guard) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = running.connection()
    connection.request(*CHAT, b'{"stream":true}', {"authorization": f"Bearer {rig.KEY}"})
    return connection, connection.getresponse()


def _token(reply: http.client.HTTPResponse) -> bytes:
    line = reply.readline()
    assert reply.readline() == b"\n"
    return line


def test_each_token_passes_when_it_is_made(start: Start, engine: fake_engine.Engine) -> None:
    engine.script = tokens = Tokens()
    connection, reply = _opened(start())
    with contextlib.closing(connection), contextlib.closing(reply):
        for number in range(20):
            tokens.go.release()
            assert _token(reply) == b"data: %d\n" % number
        assert not tokens.hung_up.is_set()


def test_hanging_up_ends_the_work(start: Start, engine: fake_engine.Engine) -> None:
    engine.script = tokens = Tokens()
    connection, reply = _opened(start())
    tokens.go.release()
    assert _token(reply) == b"data: 0\n"
    reply.close()
    connection.close()
    assert tokens.hung_up.wait(rig.DEADLINE)


def test_stream_outlives_the_revocation_of_its_key(start: Start, engine: fake_engine.Engine) -> None:
    running = start()
    engine.script = tokens = Tokens()
    connection, reply = _opened(running)
    with contextlib.closing(connection), contextlib.closing(reply):
        running.change(rig.access(rig.FRESH))
        tokens.go.release()
        assert _token(reply) == b"data: 0\n"
