"""A proxy in front of a real API server, which lets calls of one client fail as a test says, and streams what is watched.

`Proxy.fault(method, path)` is asked before each write but a Lease's; it names what happens to it. Its answer is one of

    None               it passes
    "before", "after"  the client is killed before the API server hears of it, or once it has done it
    "lost"             it is done, and the connection ends without an answer
    409, 429, 500      it is refused with that code, and the API server does not hear of it
"""

import asyncio
import base64
import contextlib
import json
import logging
import os
import pathlib
import signal
import ssl
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import yarl
from aiohttp import web

Fault = Callable[[str, str], str | int | None]
WRITES = {"POST", "PUT", "PATCH", "DELETE"}
SENT = ("Authorization", "Content-Type", "Accept", "User-Agent")
QUIET = logging.Logger("a cut connection is no error here", logging.CRITICAL)  # noqa: LOG001 - it writes nothing
REASONS = {409: "Conflict", 429: "TooManyRequests", 500: "InternalError"}


class Proxy:
    """`writes` are the calls that came to it; `process()` is the client's process id."""

    def __init__(self, kubeconfig: pathlib.Path) -> None:
        cluster = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]
        self._server = cluster["server"]
        self._trust = _trust(cluster)
        self.fault: Fault = lambda _method, _path: None
        self.writes: list[str] = []
        self.process: Callable[[], int] = os.getpid
        self.port = 0

    @contextlib.contextmanager
    def running(self) -> Iterator["Proxy"]:
        """Serve in a thread of its own."""
        loop, ready = asyncio.new_event_loop(), threading.Event()
        thread = threading.Thread(target=self._run, args=(loop, ready), daemon=True)
        thread.start()
        assert ready.wait(10)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(self._end.set)
            thread.join(10)

    def kubeconfig(self, of: pathlib.Path, into: pathlib.Path) -> pathlib.Path:
        """Write the kubeconfig `of` a client with this proxy as its API server."""
        config = json.loads(of.read_text())
        config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{self.port}"}
        into.write_text(json.dumps(config))
        return into

    def _run(self, loop: asyncio.AbstractEventLoop, ready: threading.Event) -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(self._serve(ready))
        loop.close()

    async def _serve(self, ready: threading.Event) -> None:
        self._end = asyncio.Event()
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0, access_log=None, logger=QUIET)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        connector = aiohttp.TCPConnector(limit=0, ssl=self._trust)
        endless = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=endless, auto_decompress=False) as self._session:
            ready.set()
            await self._end.wait()
            await runner.cleanup()
        await asyncio.sleep(0.1)  # connections with TLS close within the next turns of the loop

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        is_write = request.method in WRITES and "/leases" not in request.path
        met = self._met(request) if is_write else None
        if met == "before":
            raise self._killed(request)
        if isinstance(met, int):
            return _refusal(met)
        async with self._upstream(request) as answer:
            if request.query.get("watch"):
                return await self._stream(request, answer)
            body = await answer.read()
        if met == "after":
            raise self._killed(request)
        if met == "lost":
            raise _cut(request)
        return web.Response(status=answer.status, body=body, headers={"Content-Type": answer.headers["Content-Type"]})

    def _met(self, request: web.Request) -> str | int | None:
        self.writes.append(f"{request.method} {request.path}")
        return self.fault(request.method, request.path)

    @contextlib.asynccontextmanager
    async def _upstream(self, request: web.Request) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {name: request.headers[name] for name in SENT if name in request.headers}
        url = yarl.URL(f"{self._server}{request.raw_path}", encoded=True)
        body = await request.read() or None
        async with self._session.request(request.method, url, headers=headers, data=body) as got:
            yield got

    async def _stream(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.headers["Content-Type"]})
        await response.prepare(request)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        return response

    def _killed(self, request: web.Request) -> Exception:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process(), signal.SIGKILL)
        return _cut(request)


def _cut(request: web.Request) -> Exception:
    if request.transport:
        request.transport.abort()
    return ConnectionResetError("cut")


def _refusal(code: int) -> web.Response:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": REASONS[code]}
    headers = {"Retry-After": "1"} if code == 429 else {}
    return web.json_response({**status, "message": "a test refuses it"}, status=code, headers=headers)


def _trust(cluster: dict[str, Any]) -> ssl.SSLContext:
    if "certificate-authority" in cluster:
        return ssl.create_default_context(cafile=cluster["certificate-authority"])
    with tempfile.NamedTemporaryFile() as file:
        file.write(base64.b64decode(cluster["certificate-authority-data"]))
        file.flush()
        return ssl.create_default_context(cafile=file.name)
