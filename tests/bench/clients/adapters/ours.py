"""The operator's own client."""

from typing import Any, Self

from tests.bench import kubeconfig
from vllm_operator.kube import client, kinds

PACKAGE = ""
LACKS = "-"
KIND = kinds.Kind("batch/v1", "CronJob", "cronjobs")
kinds.BY_NAME[KIND.kind] = KIND


class Client:
    async def __aenter__(self) -> Self:
        self._api = await client.ApiClient(kubeconfig.login).__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._api.__aexit__()

    async def list(self, namespace: str, page: int) -> int:
        client.PAGE = page
        return sum([len(one.items) async for one in self._api.list(KIND, namespace)])

    async def watch(self, namespace: str, count: int) -> None:
        async for _ in self._api.watch(KIND, "0", namespace):
            count -= 1
            if not count:
                return

    async def create(self, body: dict[str, Any]) -> None:
        await self._api.create(body)
