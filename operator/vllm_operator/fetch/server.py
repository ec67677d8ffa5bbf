"""GET /progress: how far the fetch is, as JSON. Read-only, and of nothing else."""

import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import web

LOG = logging.getLogger(__name__)
CLOSE_SECONDS = 1.0


@contextlib.asynccontextmanager
async def serving(port: int, report: Callable[[], dict[str, Any]]) -> AsyncIterator[int]:
    """Serve on all addresses; yield the port. A port that is taken costs the progress, and not the fetch."""

    async def progress(_: web.Request) -> web.Response:
        return web.json_response(report())

    application = web.Application()
    application.router.add_get("/progress", progress)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=CLOSE_SECONDS)
    await runner.setup()
    try:
        yield await _listen(runner, port)
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, port: int) -> int:
    try:
        listening = _socket(port)
        await web.SockSite(runner, listening).start()
    except OSError as error:
        LOG.warning("progress is not served port=%d error=%s", port, error)
        return 0
    found: int = listening.getsockname()[1]
    return found


def _socket(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):  # a kernel may know IPv6 and have it switched off
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
