"""What the guard costs: how much later each token comes through it, and its memory.

A server of its own process sends paced tokens, each with the time at which it was sent; 32 streams are read at a time, straight
and through a real guard, by turns. The limit, the log and the counters are as in a pod; the key is the last that the guard looks
at of as many clients as a model may have.
"""

import asyncio
import contextlib
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import NamedTuple

import aiohttp
from aiohttp import web

from tests.bench import figures
from tests.guard import fake_engine, rig
from vllm_operator import guard
from vllm_operator.api import access

STREAMS, TOKENS, PACE = 32, 100, 0.02
ROUNDS = 5
CLIENTS = access.MOST_CLIENTS
ADDED_P50_BELOW, ADDED_P99_BELOW, MEMORY_BELOW = 2.0, 10.0, 96.0  # ms, ms, MiB: what a guard asks the node for


def main() -> list[figures.Figure]:
    """Measure tokens straight and through the guard, round by round."""
    with _server() as port, _guard(port, 1) as small, _guard(port, CLIENTS) as one:
        alone, idle = _memory(small), _memory(one)
        straight: list[Late] = []
        through: list[Late] = []
        for _ in range(ROUNDS):
            straight.append(asyncio.run(_late(port)))
            through.append(asyncio.run(_late(one.site.public_port)))
        loaded = _memory(one)
    return [
        *_compared("answer begins", [late.begins for late in straight], [late.begins for late in through]),
        *_compared("token", [late.tokens for late in straight], [late.tokens for late in through]),
        figures.Figure("memory of a guard with 1 client, after start", "MiB", (alone,), MEMORY_BELOW),
        figures.Figure(f"memory of a guard with {CLIENTS} clients, after start", "MiB", (idle,), MEMORY_BELOW),
        figures.Figure(f"memory of a guard with {CLIENTS} clients, after the streams", "MiB", (loaded,), MEMORY_BELOW),
    ]


async def tokens(request: web.Request) -> web.StreamResponse:
    """Send paced events, each with the monotonic clock at which it left."""
    await request.read()
    answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await answer.prepare(request)
    for _ in range(TOKENS):
        await asyncio.sleep(PACE)
        await answer.write(b"data: %d\n\n" % time.monotonic_ns())
    return answer


def serve(port: int) -> None:
    """Be the server."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", tokens)
    web.run_app(app, host=rig.HOST, port=port, print=None, access_log=None)


class Late(NamedTuple):
    """By how many milliseconds something came later than it was sent: an answer's begin than its request, and each token."""

    begins: list[float]
    tokens: list[float]


async def _late(port: int) -> Late:
    """Read 32 streams at a time."""
    connector = aiohttp.TCPConnector(limit=STREAMS)
    async with aiohttp.ClientSession(f"http://{rig.HOST}:{port}", connector=connector) as session:
        found = await asyncio.gather(*(_stream(session, number) for number in range(STREAMS)))
    return Late([begin for begin, _ in found], [late for _, tokens in found for late in tokens])


async def _stream(session: aiohttp.ClientSession, number: int) -> tuple[float, list[float]]:
    await asyncio.sleep(number * PACE / STREAMS)  # or all tokens come at once
    headers, since = {"authorization": f"Bearer {_key(CLIENTS - 1)}"}, time.monotonic_ns()
    async with session.post("/v1/completions", json={"prompt": "x"}, headers=headers) as answer:
        begin = (time.monotonic_ns() - since) / 1e6
        answer.raise_for_status()
        lines = answer.content
        late = [(time.monotonic_ns() - int(line[6:])) / 1e6 async for line in lines if line.startswith(b"data: ")]
    assert len(late) == TOKENS
    return begin, late


def _compared(what: str, straight: list[list[float]], through: list[list[float]]) -> list[figures.Figure]:
    return [
        figure
        for percent, below in ((50, ADDED_P50_BELOW), (99, ADDED_P99_BELOW))
        for figure in (
            figures.Figure(f"{what}, straight, p{percent}", "ms", _percentiles(straight, percent)),
            figures.Figure(f"{what}, through the guard, p{percent}", "ms", _percentiles(through, percent)),
            figures.Figure(f"{what}, added by the guard, p{percent}", "ms", _added(straight, through, percent), below),
        )
    ]


def _added(straight: list[list[float]], through: list[list[float]], percent: int) -> tuple[float, ...]:
    pairs = zip(_percentiles(straight, percent), _percentiles(through, percent), strict=True)
    return tuple(later - sooner for sooner, later in pairs)


def _percentiles(rounds: list[list[float]], percent: int) -> tuple[float, ...]:
    return tuple(statistics.quantiles(one, n=100)[percent - 1] for one in rounds)


@contextlib.contextmanager
def _server() -> Iterator[int]:
    port = fake_engine.free_port()
    with subprocess.Popen([sys.executable, "-m", "tests.bench.hop", str(port)]) as process:
        rig.until(lambda: _listens(port))
        yield port
        process.terminate()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((rig.HOST, port)):
        return True
    return False


@contextlib.contextmanager
def _guard(port: int, clients: int) -> Iterator[rig.Guard]:
    engine = fake_engine.Engine()
    engine.port = port
    listed = (guard.Client(f"team-{one:03}", rig.MINUTE, (guard.Credential(_key(one)),)) for one in range(clients))
    with tempfile.TemporaryDirectory() as directory:
        one = rig.Guard(pathlib.Path(directory), engine, guard.Access(tuple(listed), "localhost"))
        one.start()
        try:
            yield one
        finally:
            one.stop()


def _key(number: int) -> str:
    return f"sk-{number:043}"


def _memory(one: rig.Guard) -> float:
    """Return what the process holds, in MiB."""
    text = pathlib.Path(f"/proc/{one.process.pid}/status").read_text()
    found = re.search(r"^VmRSS:\s*(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else float("nan")


if __name__ == "__main__":
    serve(int(sys.argv[1]))
