"""A small HTTP server that answers as it is told, and the real client of the API server before it."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import test_utils, web

from vllm_operator.kube import client, credentials

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Stub:
    """A server, a client that calls it, and what both saw."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[tuple[str, str]] = []
        self.tokens: list[str] = []
        self.observed: list[tuple[str, str, int]] = []
        self.token = "first"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.requests.append((request.method, request.path_qs))
        self.tokens.append(request.headers.get("Authorization", ""))
        return await self.answer(request)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[client.ApiClient]:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.serve)
        async with test_utils.TestServer(application) as server:
            who = credentials.Credentials(str(server.make_url("")).rstrip("/"), None, lambda: self.token)
            async with client.ApiClient(who, lambda *seen: self.observed.append(seen)) as api:
                yield api


def answering(*answers: web.StreamResponse | tuple[int, object] | tuple[int, object, dict[str, str]]) -> Answer:
    left = list(answers)

    async def answer(_: web.Request) -> web.StreamResponse:
        one = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(one, web.StreamResponse):
            return one
        return web.json_response(one[1], status=one[0], headers=one[2] if len(one) > 2 else None)  # type: ignore[arg-type]

    return answer


def status(reason: str, message: str = "no") -> dict[str, object]:
    return {"kind": "Status", "reason": reason, "message": message, "details": {"name": "x"}}
