"""A watch as it comes over the wire: in pieces, refused, or falling silent."""

import asyncio
import contextlib

import orjson
import pytest
from aiohttp import web

from tests import http_stub
from vllm_operator.kube import errors, kinds, transport


class TestWatch:
    async def test_lines_of_any_length_and_in_any_pieces_arrive_whole(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            big = b'{"type":"ADDED","object":{"metadata":{"name":"%s"}}}\n' % (b"x" * 1_000_000)
            for at in range(0, len(big), 300_007):
                await response.write(big[at : at + 300_007])
            await response.write(b'{"type":"BOOKMARK","object":{"metadata":{}}}\n{"type":"ADDED","obj')
            return response

        async with http_stub.Stub(answer).running() as api:
            seen = [event async for event in api.watch(kinds.SECRET, "5", "models", "label")]
        assert [happened for happened, _ in seen] == ["BOOKMARK", "ADDED", "BOOKMARK"]
        assert len(seen[1][1]["metadata"]["name"]) == 1_000_000

    async def test_what_is_asked_for(self) -> None:
        stub = http_stub.Stub(http_stub.answering(web.Response(body=b"")))
        async with stub.running() as api:
            _ = [event async for event in api.watch(kinds.INGRESS, "5", "models", "label")]
        [(_, path)] = stub.requests
        assert path.startswith(
            "/apis/networking.k8s.io/v1/namespaces/models/ingresses?watch=true&allowWatchBookmarks=true"
        )
        assert "resourceVersion=5" in path
        assert "labelSelector=label" in path

    @pytest.mark.parametrize("inside", [True, False])
    async def test_a_forgotten_version_is_gone_however_it_is_told(self, inside: bool) -> None:
        told = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
        line = web.Response(body=orjson.dumps({"type": "ERROR", "object": told}) + b"\n")
        stub = http_stub.Stub(http_stub.answering(line if inside else (410, told)))
        async with stub.running() as api:
            with pytest.raises(errors.Gone):
                _ = [event async for event in api.watch(kinds.SECRET, "5")]

    async def test_an_open_watch_says_so_before_anything_happens(self) -> None:
        ended = asyncio.Event()

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            await ended.wait()
            return response

        async with http_stub.Stub(answer).running() as api, asyncio.timeout(5):
            events = api.watch(kinds.SECRET, "5")
            assert await anext(events) == ("BOOKMARK", {"metadata": {"resourceVersion": "5"}})
            ended.set()
            await events.aclose()

    async def test_a_watch_that_is_not_answered_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport, "OPEN_SECONDS", 0.05)
        ended = asyncio.Event()

        async def answer(_: web.Request) -> web.StreamResponse:
            await ended.wait()
            return web.Response()

        async with http_stub.Stub(answer).running() as api, asyncio.timeout(5):
            with pytest.raises(errors.Unavailable):
                await anext(api.watch(kinds.SECRET, "5"))
            ended.set()

    async def test_silence_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.05)
        ended = asyncio.Event()

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), 20)
            return response

        async with http_stub.Stub(answer).running() as api:
            with pytest.raises(errors.Unavailable):
                _ = [event async for event in api.watch(kinds.SECRET, "5")]
            ended.set()
