"""The client that the official one's asynchronous half came from, with objects as mappings."""

from typing import Any, Self

from kubernetes_asyncio import client, config, watch

PACKAGE = "kubernetes-asyncio"
LACKS = "informer"
WHAT = {"group": "batch", "version": "v1", "plural": "cronjobs"}


class Client:
    async def __aenter__(self) -> Self:
        await config.load_kube_config()
        self._client = client.ApiClient()
        self._api = client.CustomObjectsApi(self._client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def list(self, namespace: str, page: int) -> int:
        found, begun = 0, {}
        while True:
            answer = await self._api.list_namespaced_custom_object(**WHAT, namespace=namespace, limit=page, **begun)
            found += len(answer["items"])
            if not answer["metadata"].get("continue"):
                return found
            begun = {"_continue": answer["metadata"]["continue"]}

    async def watch(self, namespace: str, count: int) -> None:
        about = {**WHAT, "namespace": namespace, "resource_version": "0", "allow_watch_bookmarks": True}
        async with watch.Watch(return_type="object") as watching:
            async for _ in watching.stream(self._api.list_namespaced_custom_object, **about):
                count -= 1
                if not count:
                    return

    async def create(self, body: dict[str, Any]) -> None:
        await self._api.create_namespaced_custom_object(
            **WHAT, namespace=body["metadata"]["namespace"], body=body, field_manager="bench"
        )
