"""A stand-in for vLLM: it remembers what reached it, and answers as a test says."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import email.message

Script = Callable[[http.server.BaseHTTPRequestHandler], None]

HOST = "127.0.0.1"


class Request(NamedTuple):
    method: str
    path: str
    headers: email.message.Message
    body: bytes


def answer(status: int = 200, body: bytes = b'{"ok":true}', **headers: str) -> Script:
    """Return a script that gives one whole answer."""

    def script(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"content-length": str(len(body)), "content-type": "application/json", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return script


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 2048  # as uvicorn's


class Engine:
    """vLLM's place: a server that can be absent (as while a model loads), and that does as `script` says."""

    def __init__(self) -> None:
        self.port = free_port()
        self.seen: list[Request] = []
        self.script: Script = answer()
        self._server: http.server.ThreadingHTTPServer | None = None

    def start(self) -> None:
        engine = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                engine.seen.append(Request(self.command, self.path, self.headers, read_body(self)))
                engine.script(self)

            def __getattr__(self, name: str) -> Callable[[], None]:
                """Answer every method as GET."""
                if name.startswith("do_"):
                    return self.do_GET
                raise AttributeError(name)

            def log_message(self, *_: object) -> None:
                pass

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError, TimeoutError):
                    super().handle()

        self._server = Server((HOST, self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def read_body(handler: http.server.BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("transfer-encoding") != "chunked":
        return handler.rfile.read(int(handler.headers.get("content-length", 0)))
    parts = []
    while size := int(handler.rfile.readline(), 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
