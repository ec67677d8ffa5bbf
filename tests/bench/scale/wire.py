"""The barest asynchronous client of an API server: bytes out, bytes in, nothing decoded that nobody asked for."""

import pathlib
from typing import Any, Self

import aiohttp
import orjson

from vllm_operator.kube import credentials

JSON = "application/json"
MERGE = "application/merge-patch+json"
FAILED = 400


class Api:
    """One user of an API server, by the kubeconfig's certificate or token."""

    def __init__(self, kubeconfig: pathlib.Path) -> None:
        self._who = credentials.kubeconfig(kubeconfig)

    async def __aenter__(self) -> Self:
        token = self._who.token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connector = aiohttp.TCPConnector(limit=0, ssl=self._who.tls or True)
        timeout = aiohttp.ClientTimeout(total=120)
        self._session = aiohttp.ClientSession(self._who.server, connector=connector, headers=headers, timeout=timeout)
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
