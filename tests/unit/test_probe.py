"""What comes over the wire from guards, before a small server on loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import test_utils, web

from vllm_operator import guard, probe

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
STATS = """# TYPE envoy_http_rds_version_text text_readout
envoy_http_rds_version_text{envoy_http_conn_manager_prefix="public",text_value="0123456789abcdef"} 0
envoy_http_rds_update_rejected{envoy_http_conn_manager_prefix="public"} 2
"""


@contextlib.asynccontextmanager
async def asking(answer: Answer) -> AsyncIterator[probe.Probe]:
    """A probe, and where it asks a server that gives `answer`."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with test_utils.TestServer(application) as server, probe.Probe(server.port or 0) as one:
        yield one


async def test_a_guard_says_what_it_has_and_refused() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.path_qs == guard.STATS_PATH
        return web.Response(text=STATS)

    async with asking(answer) as one:
        assert await one.guard("127.0.0.1") == guard.State("0123456789abcdef", 2)


async def test_one_lost_answer_is_not_silence() -> None:
    asked = []

    async def answer(_: web.Request) -> web.Response:
        asked.append(1)
        return web.Response(text=STATS) if len(asked) > 1 else web.Response(status=503)

    async with asking(answer) as one:
        assert await one.guard("127.0.0.1") == guard.State("0123456789abcdef", 2)


async def test_silence_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    monkeypatch.setattr(probe, "GUARD_SECONDS", 0.05)
    async with asking(answer) as one:
        assert await one.guard("127.0.0.1") is None
        assert await one.guard("::1") is None
        assert await one.guard("no-such-host.invalid") is None


async def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(STATS.encode())
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"#" * 60_000 + b"\n")
        return response

    monkeypatch.setattr(probe, "LONGEST_ANSWER", 200_000)
    async with asking(answer) as one:
        assert await one.guard("127.0.0.1") == guard.State("0123456789abcdef", 2)


async def test_a_guard_that_points_elsewhere_is_not_followed() -> None:
    async def answer(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/")

    async with asking(answer) as one:
        assert await one.guard("127.0.0.1") is None
