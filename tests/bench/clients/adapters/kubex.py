"""kubex, whose objects are pydantic models."""

from typing import Any, Self

from kubex import api, client
from kubex.k8s.v1_37.batch.v1 import cron_job

PACKAGE = "kubex"
LACKS = "field validation on creation, leader election, informer; beta"


class Client:
    async def __aenter__(self) -> Self:
        self._client = await (await client.create_client()).__aenter__()
        self._api = await api.create_api(cron_job.CronJob, client=self._client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.__aexit__()

    async def list(self, namespace: str, page: int) -> int:
        found, begun = 0, None
        while True:
            answer = await self._api.list(namespace=namespace, limit=page, continue_token=begun)
            found += len(answer.items)
            begun = answer.metadata.continue_
            if not begun:
                return found

    async def watch(self, namespace: str, count: int) -> None:
        async for _ in self._api.watch(namespace=namespace, resource_version="0", allow_bookmarks=True):
            count -= 1
            if not count:
                return

    async def create(self, body: dict[str, Any]) -> None:
        typed = cron_job.CronJob.model_validate(body)
        await self._api.create(typed, namespace=body["metadata"]["namespace"], field_manager="bench")
