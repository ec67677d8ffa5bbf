"""What comes over the wire from guards and Services, before a small server on loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import test_utils, web

from vllm_operator import guard
from vllm_operator.engine import verification
from vllm_operator.probes import http_client

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
KEY = "sk-" + "p" * 43
STATS = """# TYPE envoy_http_rds_version_text text_readout
envoy_http_rds_version_text{envoy_http_conn_manager_prefix="public",text_value="0123456789abcdef"} 0
envoy_http_rds_update_rejected{envoy_http_conn_manager_prefix="public"} 2
"""


@contextlib.asynccontextmanager
async def asking(answer: Answer) -> AsyncIterator[http_client.Probe]:
    """A probe, and where it asks a server that gives `answer`."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with test_utils.TestServer(application) as server, http_client.Probe(server.port or 0) as one:
        yield one


async def test_a_guard_says_what_it_has_and_refused() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.path_qs == guard.STATS_PATH
        return web.Response(text=STATS)

    async with asking(answer) as one:
        assert await one.ask_guard("127.0.0.1") == guard.State("0123456789abcdef", 2)


async def test_a_guard_says_how_its_engine_stalled() -> None:
    async def answer(_: web.Request) -> web.Response:
        said = "count=2 at=1767225600 waiting=3 seconds=75 now=1"
        return web.Response(text=STATS, headers={guard.STALLS_HEADER: said})

    async with asking(answer) as one:
        stalls = guard.Stalls(2, 1767225600, 3, 75, is_now=True)
        assert await one.ask_guard("127.0.0.1") == guard.State("0123456789abcdef", 2, stalls)


async def test_one_lost_answer_is_not_silence() -> None:
    asked = []

    async def answer(_: web.Request) -> web.Response:
        asked.append(1)
        return web.Response(text=STATS) if len(asked) > 1 else web.Response(status=503)

    async with asking(answer) as one:
        assert await one.ask_guard("127.0.0.1") == guard.State("0123456789abcdef", 2)


async def test_silence_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    monkeypatch.setattr(http_client, "GUARD_SECONDS", 0.05)
    async with asking(answer) as one:
        assert await one.ask_guard("127.0.0.1") is None
        assert await one.ask_guard("::1") is None
        assert await one.ask_guard("no-such-host.invalid") is None


async def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(STATS.encode())
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"#" * 60_000 + b"\n")
        return response

    monkeypatch.setattr(http_client, "GUARD_BYTES", 200_000)
    async with asking(answer) as one:
        assert await one.ask_guard("127.0.0.1") == guard.State("0123456789abcdef", 2)


async def test_a_guard_that_points_elsewhere_is_not_followed() -> None:
    async def answer(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/")

    async with asking(answer) as one:
        assert await one.ask_guard("127.0.0.1") is None


@contextlib.asynccontextmanager
async def completing(answer: Answer) -> AsyncIterator[Callable[[], Awaitable[http_client.Answer]]]:
    """One keyed request to a server that gives `answer`."""
    async with asking(answer) as one:
        base = f"http://127.0.0.1:{one._guard_port}"
        yield lambda: one.ask_model(base, KEY, verification.request("opt"))


async def test_a_request_is_keyed_and_for_one_token() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert (request.method, request.path) == ("POST", "/v1/completions")
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        body = await request.json()
        assert (body["model"], body["max_tokens"]) == ("opt", 1)
        return web.Response(text="right")

    async with completing(answer) as ask:
        assert await ask() == http_client.Answer(reached=True, status=200, text="right")


async def test_a_key_that_is_sent_back_is_not_told() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=400, text=f"what is {request.headers['Authorization']}?")

    async with completing(answer) as ask:
        assert await ask() == http_client.Answer(reached=True, status=400, text="what is Bearer sk-...?")


async def test_a_redirect_gets_no_key() -> None:
    async def answer(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/")

    async with completing(answer) as ask:
        assert (await ask()).status == 302


async def test_a_model_that_hangs_or_hangs_up_was_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport
        request.transport.abort()
        return web.Response()

    monkeypatch.setattr(http_client, "MODEL_SECONDS", 0.2)
    async with completing(hang) as ask:
        assert await ask() == http_client.Answer(reached=True, text="none came within 0.2 s")
    async with completing(hang_up) as ask:
        assert await ask() == http_client.Answer(reached=True, text="the connection was cut")


async def test_what_cannot_be_reached_says_so() -> None:
    async with http_client.Probe() as one:
        for base in ("http://127.0.0.1:1", "http://no-such-model.models.svc.invalid"):
            assert await one.ask_model(base, KEY, verification.request("opt")) == http_client.Answer(reached=False)
