"""kubesdk, whose objects are dataclasses."""

from typing import Any, Self

import kubesdk
from kube_models.apis_batch_v1.io.k8s.api.batch import v1

PACKAGE = "kubesdk"
LACKS = "server-side apply, leader election, informer"


class Client:
    async def __aenter__(self) -> Self:
        await kubesdk.login()
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def list(self, namespace: str, page: int) -> int:
        found, begun = 0, None
        while True:
            asked = kubesdk.K8sQueryParams(limit=page, _continue=begun)
            answer = await kubesdk.get_k8s_resource(v1.CronJob, namespace=namespace, params=asked)
            found += len(answer.items)
            begun = answer.metadata.continue_
            if not begun:
                return found

    async def watch(self, namespace: str, count: int) -> None:
        asked = kubesdk.K8sQueryParams(resourceVersion="0", allowWatchBookmarks=True)
        async for _ in kubesdk.watch_k8s_resources(v1.CronJob, namespace=namespace, params=asked):
            count -= 1
            if not count:
                return

    async def create(self, body: dict[str, Any]) -> None:
        asked = kubesdk.K8sQueryParams(fieldManager="bench", fieldValidation=kubesdk.FieldValidation.Strict)
        await kubesdk.create_k8s_resource(v1.CronJob.from_dict(body), params=asked)
