"""Those who send a guard too much or too little, and what it costs the guard."""

from __future__ import annotations

import contextlib
import pathlib
import resource
import select
import socket
import statistics
import threading
import time
from concurrent import futures
from typing import TYPE_CHECKING, Any

import pytest

from tests.guard import fake_engine, rig
from vllm_operator import guard

if TYPE_CHECKING:
    import http.client
    import http.server
    from collections.abc import Iterator

    from tests.guard.conftest import Start

HEAD = b"POST /v1/completions HTTP/1.1\r\nHost: model\r\n"
BEARER = f"Authorization: Bearer {rig.KEY}\r\n".encode()
ROOM = b"x: " + b"a" * 7000 + b"\r\n"
WIDE = b"".join(b"x%d: %s\r\n" % (number, b"a" * 7000) for number in range(4))
HELD_BACK = {
    "silent": (4096, b""),
    "idle": (4096, b"GET /nothing HTTP/1.1\r\nHost: model\r\n\r\n"),
    "wide headers and half a body": (2500, HEAD + WIDE + b"Content-Length: 65536\r\n\r\n" + b"b" * 65535),
    "half a body": (2500, HEAD + 2 * ROOM + b"Content-Length: 4096\r\n\r\n" + b"b" * 4095),
    "half the headers": (2500, HEAD + 2 * ROOM),
}
"""So many connections, each of which sends so much without a key and then waits."""
UPLOADS = {
    "with a key, a small body": HEAD + BEARER + b"Content-Length: 16384\r\n\r\n" + b"b" * 16383,
    "with a key, a large body": HEAD + BEARER + b"Content-Length: 1000000\r\n\r\n" + b"b" * 40000,
    "with a key, a body in chunks": HEAD + BEARER + b"Transfer-Encoding: chunked\r\n\r\n5\r\nbbbbb\r\n",
}
"""The same with a client's key: most of a body that the guard waits for, and some of one that it sends on as it comes."""
REFUSED = {
    ("POST", "/v1/completions"): 401,
    ("GET", "/v1/models"): 401,
    ("GET", "/nothing"): 404,
    ("GET", "/metrics"): 404,
}
"""What somebody asks with a wrong key, and what it is answered."""
MOST, MOST_CPU = 0.75, 0.0003
"""What a flood may take of a guard's memory, as a share, and a request without a key of its CPU, in seconds."""
SLOWER, SOON = 10, 0.05
"""How many times as long as before a request may take during a flood, and the seconds from which on: five times what
`make attack` takes for too slow, since the machine of a test has more to do."""
TRIES = range(8)
"""Costs are compared so often until they fit: what else the machine does makes some of them look larger."""
PATIENT = guard.Client("team-c", guard.RateLimit(1_000_000, "Minute"), (guard.Credential(f"sk-{'p' * 43}"),))
NEIGHBOUR = guard.Client("team-b", guard.RateLimit(20, "Hour"), (guard.Credential(rig.FRESH),))


def allow_files(number: int) -> None:
    """Let this process, and the guards that it starts, hold so many connections; skip the test where nobody may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < number:
        pytest.skip(f"needs {number} open files, and {most} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, most))


class Crowd:
    """Connections to one address, which are held as long as `held`."""

    def __init__(self, address: tuple[str, int], held: contextlib.ExitStack) -> None:
        self.address, self.held = address, held
        self.connections: list[socket.socket] = []

    def send(self, number: int, sent: bytes, read: int = 0) -> None:
        """Open so many connections that send this; with `read`, the kernel takes no more than so many bytes of an answer."""
        for _ in range(number):
            one = self.held.enter_context(socket.socket())
            if read:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, read)
            one.connect(self.address)
            with contextlib.suppress(ConnectionError):  # closed at once
                one.sendall(sent)
            self.connections.append(one)

    def gone(self) -> int:
        """Return how many of them the guard has closed."""
        watch = select.poll()
        for one in self.connections:
            watch.register(one, select.POLLRDHUP)
        return len(watch.poll(0))


class Flood(Crowd):
    """Connections to the public port of a guard whose model has two clients, and a stream of the one that sends none of them."""

    def __init__(self, running: rig.Guard, held: contextlib.ExitStack) -> None:
        super().__init__((rig.HOST, running.site.public_port), held)
        self.running = running

    def memory(self) -> float:
        """Return the most memory that the guard has held so far, as a share of what its container may use."""
        return memory(self.running.process.pid)

    @contextlib.contextmanager
    def answered(self) -> Iterator[None]:
        """Have a client ask all the while, over a new connection each time: it is answered, and mostly about as soon as before.

        The slowest answers say less here, where who floods is the same process.
        """
        before, meanwhile, over = [self._asked() for _ in range(30)], [self._asked()], threading.Event()

        def ask() -> None:
            while not over.wait(0.02):
                meanwhile.append(self._asked())

        with futures.ThreadPoolExecutor(1) as callers:
            asking = callers.submit(ask)
            try:
                yield
            finally:
                over.set()
            asking.result()
        assert statistics.median(meanwhile) < SLOWER * max(SOON, statistics.median(before)), sorted(meanwhile)

    def _asked(self) -> float:
        begun = time.monotonic()
        assert self.running.ask("GET", "/v1/models", PATIENT.credentials[0].key).status == 200
        return time.monotonic() - begun

    def neighbour(self) -> tuple[int, int]:
        """Ask as the other client; return the status and how many requests are left to it."""
        reply = self.running.ask("GET", "/v1/models", rig.FRESH)
        return reply.status, int(reply.headers["x-ratelimit-remaining"])


class Stream:
    """An answer that goes on for as long as the test does."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def __call__(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"3\r\n1st\r\n")
        self.over.wait(rig.DEADLINE)
        handler.wfile.write(b"3\r\nend\r\n0\r\n\r\n")


@contextlib.contextmanager
def flooded(start: Start, engine: fake_engine.Engine, **alter: Any) -> Iterator[Flood]:
    """Start a guard, and hold a stream of one client while the other one, or nobody that is known, floods it.

    Whatever happened meanwhile, the stream comes to its end, and no bucket was filled again.
    """
    allow_files(12_000)
    running = start(rig.access(limit=guard.RateLimit(1_000_000, "Minute"), more=(NEIGHBOUR, PATIENT)), **alter)
    usual, engine.script = engine.script, (stream := Stream())
    with contextlib.closing(running.connection()) as connection, contextlib.ExitStack() as held:
        reply = _opened(connection)
        engine.script = usual
        flood = Flood(running, held)
        before = flood.neighbour()[1]
        yield flood
        status, left = flood.neighbour()
        assert (status, left < before) == (200, True)
        stream.over.set()
        assert reply.read() == b"end"


def _opened(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    connection.request("POST", "/v1/completions", b"{}", {"authorization": f"Bearer {rig.FRESH}"})
    reply = connection.getresponse()
    assert reply.read(3) == b"1st"
    return reply


def memory(pid: int) -> float:
    """Return the most memory that a guard's process has held so far, as a share of what its container may use."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    most = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return most * 1024 / guard.MEMORY


def cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has had, by its own clock, which Linux numbers after it."""
    return time.clock_gettime(~pid << 3 | 2)
