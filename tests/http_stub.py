"""A small HTTP server that answers as it is told, and the real client of the API server before it."""

import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from tests import logins
from vllm_operator.kube import client, credentials

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Stub:
    """A server, a client that calls it, and what both saw. `token` is what a login gives."""

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
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
        """Serve; yield the URL."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.serve)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        yield site.name.replace(":0", f":{runner.addresses[0][1]}")
        await runner.cleanup()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[client.ApiClient]:
        """Serve; yield a client."""
        async with self.serving() as url, self.client(lambda: logins.Plain(url, self.token)) as api:
            yield api

    def client(self, login: credentials.Login) -> client.ApiClient:
        """Return a client whose calls are noted."""
        return client.ApiClient(login, lambda *seen: self.observed.append(seen))


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
