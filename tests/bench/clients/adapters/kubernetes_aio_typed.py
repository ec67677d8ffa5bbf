"""The official client's asynchronous half, with its typed objects."""

from typing import Any, Self

from kubernetes.aio import client, config, watch

PACKAGE = "kubernetes"
LACKS = "informer (synchronous only)"


class Client:
    async def __aenter__(self) -> Self:
        await config.load_kube_config()
        self._client = client.ApiClient()
        self._api = client.BatchV1Api(self._client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def list(self, namespace: str, page: int) -> int:
        found, begun = 0, {}
        while True:
            answer = await self._api.list_namespaced_cron_job(namespace, limit=page, **begun)
            found += len(answer.items)
            begun = {"_continue": answer.metadata.var_continue or ""}
            if not begun["_continue"]:
                return found

    async def watch(self, namespace: str, count: int) -> None:
        about = {"namespace": namespace, "resource_version": "0", "allow_watch_bookmarks": True}
        async with watch.Watch() as watching:
            async for _ in watching.stream(self._api.list_namespaced_cron_job, **about):
                count -= 1
                if not count:
                    return

    async def create(self, body: dict[str, Any]) -> None:
        typed = client.V1CronJob.from_dict(body)
        namespace = body["metadata"]["namespace"]
        await self._api.create_namespaced_cron_job(namespace, typed, field_manager="bench", field_validation="Strict")
