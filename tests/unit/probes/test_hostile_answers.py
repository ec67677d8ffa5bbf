"""Servers that answer anything but what was asked: each is bounded, and none raises. Before a small server on loopback."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import test_utils, web

from vllm_operator import guard
from vllm_operator.engine import verification
from vllm_operator.probes import http_client

KEY = "sk-" + "p" * 43
HEAD = b"HTTP/1.1 200 OK\r\n"
BOMB = gzip.compress(b"a" * 50_000_000)
ODD = {
    "nothing": b"",
    "no HTTP": b"\x00\xff" * 1000,
    "half a head": b"HTTP/1.1 200",
    "no status": b"HTTP/1.1 abc OK\r\n\r\n",
    "a long header": HEAD + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "many headers": HEAD + b"X: a\r\n" * 100_000 + b"\r\n",
    "a bad length": HEAD + b"Content-Length: -1\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "bad chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a short body": HEAD + b"Content-Length: 1000\r\n\r\nab",
    "a bomb": HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB,
    "no such encoding": HEAD + b"Content-Encoding: zz\r\nContent-Length: 1\r\n\r\na",
    "a bad redirect": b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n",
    "a switch of protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "no UTF-8": HEAD + b"Content-Length: 4\r\n\r\n\xff\xfe\xfd\xfc",
    "odd cookies": HEAD + b'Set-Cookie: a="\\\\\\\\; Domain=svc\r\nContent-Length: 1\r\n\r\na',
}


@contextlib.asynccontextmanager
async def serving(write: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[int]:
    """The port of a server that writes what it wants to each request, and hangs up."""
    tasks = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            await reader.readuntil(b"\r\n\r\n")
            await write(writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
    async with asyncio.timeout(10):
        await asyncio.gather(*tasks)


@contextlib.asynccontextmanager
async def saying(answer: bytes, *, endless: bytes = b"", pause: float = 0.0) -> AsyncIterator[http_client.Probe]:
    """A probe, and where it asks a server that says `answer`, then `endless` again and again."""

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        while endless:
            writer.write(endless)
            await writer.drain()
            await asyncio.sleep(pause)
        await writer.drain()

    async with serving(write) as port, http_client.Probe(port) as one:
        yield one


async def ask(one: http_client.Probe) -> http_client.Answer:
    return await one.ask_model(f"http://127.0.0.1:{one._guard_port}", KEY, verification.request("opt"))


@pytest.fixture(autouse=True)
def _soon_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "GUARD_SECONDS", 0.3)
    monkeypatch.setattr(http_client, "MODEL_SECONDS", 0.3)


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
async def test_an_odd_answer_is_silence_or_says_nothing(answer: bytes) -> None:
    async with saying(answer) as one:
        assert await one.ask_guard("127.0.0.1") in (None, guard.State("", 0))
        found = await ask(one)
        assert found.reached
        assert len(found.text) <= max(len(answer), 100), "nothing is inflated"


async def test_what_is_not_http_is_told_so() -> None:
    async with saying(ODD["no HTTP"]) as one:
        assert await ask(one) == http_client.Answer(reached=True, text="what came back is not HTTP")


async def test_a_name_that_is_looked_up_for_ever_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object, **__: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(http_client, "CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    async with http_client.Probe() as one:
        found = await one.ask_model("http://m.models.svc", KEY, verification.request("opt"))
        assert found == http_client.Answer(reached=False)


@pytest.mark.parametrize(
    ("answer", "endless"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        (HEAD, b"X: a\r\n" * 100),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 1000),
        (HEAD + b"\r\n", b"\n" * 60_000),
    ],
    ids=["informational answers", "headers", "chunks", "a body"],
)
async def test_an_answer_without_end_ends(answer: bytes, endless: bytes) -> None:
    async with saying(answer, endless=endless) as one, asyncio.timeout(10):
        assert await one.ask_guard("127.0.0.1") in (None, guard.State("", 0))
        assert len((await ask(one)).text) <= http_client.MODEL_BYTES


async def test_an_answer_that_drips_is_not_waited_for() -> None:
    async with saying(HEAD + b"\r\n", endless=b"a", pause=0.05) as one, asyncio.timeout(10):
        assert await one.ask_guard("127.0.0.1") is None
        assert await ask(one) == http_client.Answer(reached=True, text="none came within 0.3 s")


async def test_what_a_pod_sets_as_a_cookie_is_not_sent_to_another() -> None:
    heads = []

    async def serve(request: web.Request) -> web.Response:
        heads.append(request.headers)
        return web.Response(headers={"Set-Cookie": "a=b"})

    application = web.Application()
    application.router.add_post("/{path:.*}", serve)
    async with test_utils.TestServer(application, host="localhost") as server, http_client.Probe() as one:
        for _ in range(2):
            await one.ask_model(f"http://localhost:{server.port}", KEY, verification.request("opt"))
    assert ["Cookie" in head for head in heads] == [False, False]


@pytest.mark.parametrize("address", ["", "[", "::1%", "a b", "1.2.3.4:5", "\u2028", "x" * 500])
async def test_an_address_that_is_none_is_silent(address: str) -> None:
    async with http_client.Probe(1) as one:
        assert await one.ask_guard(address) is None


@pytest.mark.parametrize("key", ["sk-\r\nX: y", "sk-\u2028", "sk-\0"])
async def test_a_key_that_is_no_header_is_not_sent(key: str) -> None:
    async with saying(b"") as one:
        base = f"http://127.0.0.1:{one._guard_port}"
        assert (await one.ask_model(base, key, verification.request("opt"))).status == 0
