"""The one client of guards, fetchers and Services: what each says of itself, what a model answers to one request.

Knows HTTP, and how long an answer may be and take. Pods may answer anything: it is read as it comes, not inflated, up to a limit,
no redirect is followed and no cookie kept, and nothing that they do raises here.
Must not decide when to ask, nor what an answer means for a model.
"""

from collections.abc import Mapping
from typing import NamedTuple, Self

import aiohttp

from vllm_operator import guard
from vllm_operator.children import fetch
from vllm_operator.engine import verification
from vllm_operator.kube import requests

GUARD_SECONDS = 2.0
GUARD_TRIES = 2  # one lost answer is not silence
GUARD_BYTES = 512 * 1024
"""Envoy writes counters by name: those of each client and code, up to 350 KB, stand before what is read of a guard."""
FETCHER_BYTES = 4096
MODEL_BYTES = 1_000_000  # a vector for each part of a word is the longest right answer
MODEL_SECONDS = 60.0
CONNECT_SECONDS = 5.0  # with the name's look-up
OK = 200
BROKEN = (aiohttp.ClientError, OSError, ValueError)  # ValueError: what is no URL or no header


class Answer(NamedTuple):
    """`status` 0 where the server was reached and did not answer; `text` is the body, or says what happened."""

    reached: bool
    status: int = 0
    text: str = ""


class _Found(NamedTuple):
    """What a GET brought."""

    text: str
    headers: Mapping[str, str]


class Probe:
    """Asks; use as an asynchronous context manager."""

    def __init__(self, guard_port: int = guard.PRIVATE_PORT) -> None:
        self._guard_port = guard_port

    async def __aenter__(self) -> Self:
        """Open. Each question has its connection, so that a Service may give it to any server; no proxy is asked."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            headers={"User-Agent": "vllm-operator", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self._session.close()

    async def ask_guard(self, address: str) -> guard.State | None:
        """Return what the guard of the pod with that IP says of itself; None where it does not answer."""
        url = f"http://{_host(address)}:{self._guard_port}{guard.STATS_PATH}"
        for _ in range(GUARD_TRIES):
            if found := await self._get(url, GUARD_BYTES):
                return guard.state(found.text, found.headers.get(guard.STALLS_HEADER, ""))
        return None

    async def ask_fetcher(self, address: str) -> str | None:
        """Return what the fetcher in the pod with that IP says of itself, as JSON; None where it does not answer."""
        found = await self._get(f"http://{_host(address)}:{fetch.PORT}{fetch.PROGRESS_PATH}", FETCHER_BYTES)
        return found.text if found else None

    async def ask_model(self, base: str, key: str, request: verification.Request) -> Answer:
        """Send `request` with a client's key to the model at the URL `base`; the key is never in what comes back."""
        timeout = aiohttp.ClientTimeout(total=MODEL_SECONDS, connect=CONNECT_SECONDS)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": request.content_type}
        try:
            async with self._session.request(
                request.method, base + request.path, data=request.content or None, headers=headers, timeout=timeout,
                allow_redirects=False,
            ) as response:  # fmt: skip
                text = await requests.beginning(response.content.iter_any(), MODEL_BYTES)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return Answer(reached=False)
        except TimeoutError:
            return Answer(reached=True, text=f"none came within {MODEL_SECONDS:g} s")
        except aiohttp.ClientResponseError:
            return Answer(reached=True, text="what came back is not HTTP")
        except BROKEN:
            return Answer(reached=True, text="the connection was cut")
        return Answer(reached=True, status=response.status, text=text.replace(key, "sk-..."))

    async def _get(self, url: str, limit: int) -> _Found | None:
        timeout = aiohttp.ClientTimeout(total=GUARD_SECONDS)
        try:
            async with self._session.get(url, timeout=timeout, allow_redirects=False) as response:
                if response.status != OK:
                    return None
                return _Found(await requests.beginning(response.content.iter_any(), limit), response.headers)
        except BROKEN:
            return None


def guard_url(address: str) -> str:
    """Return the base URL of the server in the pod with that IP, as clients have the Service's."""
    return f"http://{_host(address)}:{guard.PUBLIC_PORT}"


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
