"""One request over HTTP: redirects, ranges, proxies, time-outs, and whose ears a token is for.

Knows HTTP; must not know what an answer means for a fetch, beyond what is the same for every server: trouble that may pass.
A token goes to the server that it was meant for and to no other: a redirect to another scheme, host or port takes it away.
"""

import contextlib
import json
import re
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

import aiohttp
import yarl

from vllm_operator.fetch import failures, plan, retry

CONNECT_SECONDS = 20.0
READ_SECONDS = 60.0
"""A server that sends nothing for that long is as good as cut."""
READ_BUFFER = 1 << 20
MOST_REDIRECTS = 5
MOST_JSON = 32 << 20
REDIRECTS = (301, 302, 303, 307, 308)
PASSING = (408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524)
RATE_LIMITED = 429
OK, PARTIAL = 200, 206
SIZE = re.compile("[0-9]{1,18}")
CHECK = "check the network, or the chart's mirror, proxy or egress"
GOES_ON = "the fetch goes on by itself"


class Answer(NamedTuple):
    """What a server answered, after redirects; `moved`: whether another server than the asked one did."""

    status: int
    headers: Mapping[str, str]
    url: str
    moved: bool
    content: aiohttp.StreamReader


class Client:
    """Asks; use as an asynchronous context manager."""

    async def __aenter__(self) -> Self:
        """Open; proxies and certificate authorities are those of the environment."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS),
            headers={"User-Agent": "vllm-operator", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=True,
            read_bufsize=READ_BUFFER,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self._session.close()

    @contextlib.asynccontextmanager
    async def get(self, url: str, token: str = "", asked: plan.Range | None = None) -> AsyncIterator[Answer]:
        """Yield what the URL answers. Raises `failures.Transient` where the network fails or a server asks to come later."""
        headers = {"Range": f"bytes={asked.start}-{asked.end - 1}"} if asked else {}
        async with contextlib.AsyncExitStack() as stack:
            with _network(url):
                response = await self._follow(stack, url, token, headers)
            if response.status in PASSING:
                raise _passing(response)
            moved = response.url.origin() != yarl.URL(url, encoded=True).origin()
            yield Answer(response.status, response.headers, str(response.url), moved, response.content)

    async def json(self, url: str, token: str = "") -> tuple[Answer, Any]:
        """Return an answer and its body, read as JSON; None where it is none, or is too long."""
        async with self.get(url, token) as answer:
            body = bytearray()
            with _network(url):
                async for block in answer.content.iter_any():
                    body += block
                    if len(body) > MOST_JSON:
                        return answer, None
        with contextlib.suppress(ValueError):
            return answer, json.loads(body)
        return answer, None

    async def _follow(
        self, stack: contextlib.AsyncExitStack, url: str, token: str, headers: dict[str, str]
    ) -> aiohttp.ClientResponse:
        first = target = yarl.URL(url, encoded=True)
        for _ in range(MOST_REDIRECTS):
            own = {"Authorization": f"Bearer {token}"} if token and target.origin() == first.origin() else {}
            asked = self._session.get(target, headers=headers | own, allow_redirects=False)
            response = await stack.enter_async_context(asked)
            if response.status not in REDIRECTS or not (location := response.headers.get("Location")):
                return response
            target = target.join(yarl.URL(location, encoded=True))
            response.release()
        told = f"{host(url)} redirects in a circle"
        raise failures.Failure(failures.REFUSED, told, "look at the mirror, or at the source")


async def blocks(answer: Answer, size: int, asked: plan.Range) -> AsyncIterator[bytes]:
    """Yield the asked bytes of a file of `size` bytes, and no more; raise where the answer holds others."""
    said = answer.headers.get("Content-Range", "").replace(" ", "")
    whole = (
        answer.status == OK
        and asked == plan.Range(0, size)
        and answer.headers.get("Content-Length", str(size)) == str(size)
    )
    if not whole and said != f"bytes{asked.start}-{asked.end - 1}/{size}":
        raise _other(answer, size)
    count = asked.end - asked.start
    content = answer.content.iter_any()
    while count:
        with _network(answer.url):
            block = await anext(content, b"")
        if not block:
            break
        yield block[:count]
        count -= min(len(block), count)
    if not count:
        return
    raise _unreachable(f"{host(answer.url)} cut the connection", GOES_ON)


def _other(answer: Answer, size: int) -> failures.Failure:
    said = answer.headers.get("Content-Range", "").rpartition("/")[2] or answer.headers.get("Content-Length", "")
    if SIZE.fullmatch(said) and int(said) != size:
        told = f"{host(answer.url)} has {said} bytes of a file that is listed with {size}"
        return failures.Failure(failures.WRONG_DIGEST, told, "ask for the source anew, or look at the mirror")
    told = f"{host(answer.url)} does not answer ranges of a file"
    return failures.Failure(failures.REFUSED, told, "use a mirror that knows the header Range")


@contextlib.contextmanager
def _network(url: str) -> Iterator[None]:
    """Turn what the network does into failures."""
    name = host(url)
    try:
        yield
    except aiohttp.InvalidURL as error:
        raise _no_url(name) from error
    except aiohttp.ClientConnectorCertificateError as error:
        told = f"The certificate of {name} is signed by nobody who is trusted"
        raise _unreachable(told, "add its authority to the chart") from error
    except aiohttp.ClientConnectorDNSError as error:
        remedy = "check the cluster's DNS, or the chart's mirror or proxy"
        raise _unreachable(f"The name {name} is not found", remedy) from error
    except aiohttp.ClientConnectorError as error:
        raise _unreachable(f"{_host_of(error, name)} takes no connection", CHECK) from error
    except TimeoutError as error:
        raise _unreachable(f"{name} did not answer in time", CHECK) from error
    except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
        raise _unreachable(f"{name} cut the connection ({type(error).__name__})", GOES_ON) from error
    except ValueError as error:  # last, since errors of certificates are values too
        raise _no_url(name) from error


def _passing(response: aiohttp.ClientResponse) -> failures.Transient:
    wait = retry.asked(response.headers, datetime.now(UTC))
    name = host(str(response.url))
    if response.status == RATE_LIMITED:
        told = f"{name} answers that there are too many requests (429)"
        return failures.Transient(failures.RATE_LIMITED, told, "wait, or use a token or a mirror", wait)
    told = f"{name} answers {response.status}"
    return failures.Transient(failures.UNREACHABLE, told, "the fetch goes on when the server works again", wait)


def _no_url(name: str) -> failures.Failure:
    return failures.Failure(failures.REFUSED, f"{name} sends to a URL that is none", "look at the mirror")


def _unreachable(told: str, remedy: str) -> failures.Transient:
    return failures.Transient(failures.UNREACHABLE, told, remedy)


def host(url: str) -> str:
    """Return the name of a URL's server as messages show it, without a password that may stand before it."""
    with contextlib.suppress(ValueError):
        return failures.shown(yarl.URL(url, encoded=True).host or "the server")
    return "the server"


def _host_of(error: aiohttp.ClientConnectorError, name: str) -> str:
    return failures.shown(str(getattr(error, "host", "") or name))
