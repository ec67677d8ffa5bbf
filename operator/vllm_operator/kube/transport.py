"""The connections to the API server: who we are, how many calls are in flight, what became of each.

Logs in anew each minute, for tokens are replaced in their files, and where the API server no longer takes the one we have.
Calls of one namespace that are answered slowly hold up no other's (seats.py).
Every call is reported to `observe(verb, resource, code)`; code 0 means that no answer came. Every write but a Lease's asks
`permit()` when its connection is in hand, immediately before its bytes leave: what was a leader, slept and woke, sends nothing.
Knows aiohttp; must not know what is written or why, and never logs a body.
"""

import asyncio
import contextlib
import math
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, Self

import aiohttp
import orjson

from vllm_operator.kube import credentials, errors, kinds, requests, seats

IN_FLIGHT = 24  # calls of one namespace; of all together twice as many
CALL_SECONDS = 30.0
CONNECT_SECONDS = 5.0
TEXT_SECONDS = 5.0  # for a log, which a kubelet has to give: one that hangs is not to hold up the others
OPEN_SECONDS = 10.0  # until a watch is answered; then it lasts
SILENCE_SECONDS = 75.0  # bookmarks come each minute
LOGIN_SECONDS = 60.0
NEVER = -math.inf
PATIENCE = 3  # refusals of one call that are waited out; a refused call was not begun
LONGEST_WAIT = 5.0
READS = {"get", "list", "watch"}
UNAUTHORIZED = 401
FAILED = 400
BROKEN = (aiohttp.ClientError, TimeoutError, OSError, orjson.JSONDecodeError)

Observe = Callable[[str, str, int], None]
Permit = Callable[[], None]


class Transport:
    """A pool of connections; use as an asynchronous context manager. `permit` may be set later."""

    def __init__(self, login: credentials.Login, observe: Observe, permit: Permit) -> None:
        self.permit = permit
        self._login = login
        self._observe = observe
        self._watching = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
        self._calling = aiohttp.ClientTimeout(total=CALL_SECONDS, sock_connect=CONNECT_SECONDS)
        self._reading = aiohttp.ClientTimeout(total=TEXT_SECONDS, sock_connect=CONNECT_SECONDS)
        self._server, self._headers, self._logged_in = "", dict[str, str](), NEVER
        self._in_flight = seats.Turns(IN_FLIGHT)

    async def __aenter__(self) -> Self:
        """Log in and open the pool. Answers are not compressed: that costs the API server more than it saves in a cluster."""
        who = self._login()
        self._server = who.server.rstrip("/")
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(self._check_permit)
        trace.on_connection_create_end.append(self._check_permit)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=credentials.tls(who) or True, keepalive_timeout=60),
            headers={"Accept-Encoding": "identity", "User-Agent": "vllm-operator"},
            trace_configs=[trace],
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        await self._session.close()

    async def call(self, verb: str, target: requests.Target, **request: Any) -> kinds.Object:
        """Return the answer to one call. Waits where the server says for how long; logs in anew where it refuses who we are.

        `among`: the seats that it takes beside those of all calls, while it is under way.
        """
        for _ in range(PATIENCE):
            who = self._authorization()
            try:
                return await self._in_turn(verb, target, **request)
            except errors.Throttled as error:
                await asyncio.sleep(min(error.retry_after or 1.0, LONGEST_WAIT))
            except errors.Denied as error:
                if error.status != UNAUTHORIZED or self._authorization() == who:
                    raise
        return await self._in_turn(verb, target, **request)

    async def text(self, verb: str, target: requests.Target, most: int, **request: Any) -> str:
        """Return the first `most` bytes of an answer that is no JSON; what is no UTF-8 in it is replaced.

        It has to come within TEXT_SECONDS.
        """
        async with (
            self._in_flight.taken(target.namespace),
            self._open(verb, target, self._reading, accept="*/*", **request) as response,
        ):
            return await requests.beginning(response.content.iter_any(), most)

    async def stream(self, target: requests.Target, query: dict[str, str]) -> AsyncGenerator[bytes]:
        """Yield the lines of a watch until the server ends it; a longer silence than that of bookmarks is an error.

        The first line is a bookmark of the version that was asked for: it says that the watch is open.
        """
        async with self._open("watch", target, self._watching, query=query) as response:
            try:
                yield _bookmark(query["resourceVersion"])
                async for line in requests.lines(response.content.iter_any()):
                    yield line
            finally:
                if response.connection and response.connection.transport:
                    response.connection.transport.abort()  # nobody waits for a farewell to the rest of a watch

    async def _in_turn(
        self, verb: str, target: requests.Target, *, among: seats.Turns | None = None, **request: Any
    ) -> kinds.Object:
        """Make a call among the others; a Lease's renewal waits for none of them, for without it they are all void."""
        if target.kind == kinds.LEASE:
            return await self._once(verb, target, **request)
        async with (
            among.taken(target.namespace) if among else contextlib.nullcontext(),
            self._in_flight.taken(target.namespace),
        ):
            return await self._once(verb, target, **request)

    async def _once(self, verb: str, target: requests.Target, most: int = sys.maxsize, **request: Any) -> kinds.Object:
        """Make a call; raise TooLarge as soon as its answer is longer than `most` bytes."""
        async with self._open(verb, target, self._calling, **request) as response:
            answer: kinds.Object = orjson.loads(await _body(response, most))
            return answer

    @contextlib.asynccontextmanager
    async def _open(
        self,
        verb: str,
        target: requests.Target,
        limits: aiohttp.ClientTimeout,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        content: str = requests.JSON,
        accept: str = requests.JSON,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        code, who = 0, self._authorization()
        sending = self._session.request(
            METHODS[verb],
            self._server + target.path,
            params=query,
            data=None if body is None else requests.encode(body),
            headers={"Accept": accept, **who, **({} if body is None else {"Content-Type": content})},
            timeout=limits,
            trace_request_ctx=verb not in READS and target.kind != kinds.LEASE,
        )
        try:
            async with asyncio.timeout(OPEN_SECONDS if verb == "watch" else None):
                response = await sending
            async with response:
                code = response.status
                if code == UNAUTHORIZED and who is self._headers:
                    self._logged_in = NEVER
                if code >= FAILED:
                    raise await _error(response, target.kind)
                yield response
        except BROKEN as error:
            words = error if isinstance(error, aiohttp.ClientConnectorError) else type(error).__name__
            raise errors.Unavailable(0, "NoAnswer", f"no answer to {verb} {target}: {words}") from None
        finally:
            self._observe(verb, target.resource, code)

    async def _check_permit(self, _: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        """Ask for permission now that a connection is in hand: a call may wait for one, and the Lease may end meanwhile.

        `trace_request_ctx` says whether the call needs it. What is raised here ends the call before its first byte.
        """
        if context.trace_request_ctx:
            self.permit()

    def _authorization(self) -> dict[str, str]:
        if time.monotonic() >= self._logged_in + LOGIN_SECONDS:
            self._headers, self._logged_in = self._login().as_http_headers(), time.monotonic()
        return self._headers


METHODS = {
    "get": "GET", "list": "GET", "watch": "GET", "create": "POST", "update": "PUT", "patch": "PATCH",
    "delete": "DELETE",
}  # fmt: skip


async def _body(response: aiohttp.ClientResponse, most: int) -> bytearray:
    read = bytearray()
    async for chunk in response.content.iter_any():
        read += chunk
        if len(read) > most:
            raise errors.TooLarge(response.status, "TooLarge", f"an answer is longer than {most} bytes")
    return read


def _bookmark(version: str) -> bytes:
    return orjson.dumps({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}})


async def _error(response: aiohttp.ClientResponse, kind: kinds.Kind) -> errors.ApiError:
    """Return the error that `response` is; what is no Status, a proxy's page for example, is left out."""
    try:
        status = orjson.loads(await response.read())
    except orjson.JSONDecodeError:
        status = {}
    return errors.of(
        response.status, status if isinstance(status, dict) else {}, kind, response.headers.get("Retry-After")
    )
