"""lightkube, with objects as mappings: its generic resources."""

from typing import Any, Self

from lightkube import core, generic_resource

PACKAGE = "lightkube"
LACKS = "bookmarks, field validation, leader election, informer"
KIND = generic_resource.create_namespaced_resource("batch", "v1", "CronJob", "cronjobs")


class Client:
    async def __aenter__(self) -> Self:
        self._client = core.async_client.AsyncClient(field_manager="bench")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def list(self, namespace: str, page: int) -> int:
        return len([one async for one in self._client.list(KIND, namespace=namespace, chunk_size=page)])

    async def watch(self, namespace: str, count: int) -> None:
        async for _ in self._client.watch(KIND, namespace=namespace, resource_version="0"):
            count -= 1
            if not count:
                return

    async def create(self, body: dict[str, Any]) -> None:
        await self._client.create(KIND(body))
