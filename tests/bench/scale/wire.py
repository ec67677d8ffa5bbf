"""The barest asynchronous client of an API server: bytes out, bytes in, nothing decoded that nobody asked for."""

import pathlib
from typing import Any, Self

import aiohttp
import orjson

from tests.bench import kubeconfig

JSON = "application/json"
MERGE = "application/merge-patch+json"
FAILED = 400
SECONDS = 120.0  # that one request may take


class Api:
    """One user of an API server, by a light cluster's kubeconfig."""

    def __init__(self, path: pathlib.Path) -> None:
        self._who = kubeconfig.Login(path)

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, ssl=self._who.as_ssl_context())
        self._session = aiohttp.ClientSession(
            self._who.server,
            connector=connector,
            headers=self._who.as_http_headers(),
            timeout=aiohttp.ClientTimeout(total=SECONDS),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(self, method: str, path: str, body: bytes | None = None, content: str = JSON) -> bytes:
        """Return the answer's body; raises RuntimeError where it is an error."""
        headers = {} if body is None else {"Content-Type": content}
        async with self._session.request(method, path, data=body, headers=headers) as answer:
            said = await answer.read()
            if answer.status >= FAILED:
                raise RuntimeError(f"{method} {path}: {answer.status} {said[:500].decode()}")
            return said

    async def ask(self, method: str, path: str, body: object = None, content: str = JSON) -> Any:
        """Return the decoded answer to one request."""
        return orjson.loads(await self.send(method, path, None if body is None else orjson.dumps(body), content))
