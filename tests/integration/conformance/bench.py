"""Both clusters, the one in memory and the real one, with everybody else in them: what the conformance tests ask alike."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from tests import samples
from vllm_operator.kube import apply, cache, client, credentials, errors, kinds, naming, requests

NAMESPACE = kinds.Kind("v1", "Namespace", "namespaces", namespaced=False)
OTHER_UID = "11111111-1111-1111-1111-111111111111"
SELECTOR = naming.MODEL_LABEL
WRITES = {"create", "patch", "update", "delete"}


class Bench(NamedTuple):
    """A cluster, everybody else in it, and a model to own things."""

    api: Any
    others: Any
    owner: naming.Owner
    model: kinds.Object

    def writer(self) -> "Writer":
        """Return a writer that has seen nothing."""
        return Writer(self)


class RealCluster(client.ApiClient):
    """The real API server; `done` as the cluster in memory has it."""

    def __init__(self, who: credentials.Login) -> None:
        self.done: list[tuple[str, str]] = []
        super().__init__(who, self._observed)

    def _observed(self, verb: str, resource: str, code: int) -> None:
        if code and code < 300:
            self.done.append((verb, resource))


class Writer:
    """An Applier with a cache of its own."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._applier = apply.Applier(bench.api, cache.Cache())

    async def ensure(self, wanted: kinds.Object) -> list[str]:
        """Ensure as the queue does, again where something changed meanwhile; return the writes that were done."""
        self._bench.api.done.clear()
        for _ in range(20):
            with contextlib.suppress(errors.Conflict):
                await self._applier.ensure(wanted, self._bench.owner)
                return [verb for verb, _ in self._bench.api.done if verb in WRITES]
        raise AssertionError(f"{kinds.ref(wanted)} was never left alone")


class Others:
    """Everybody else, on the real API server."""

    def __init__(self, real: client.ApiClient) -> None:
        self._connection = real._connection

    async def create_by(self, manager: str, obj: kinds.Object) -> kinds.Object:
        target = requests.all_of(kinds.BY_NAME[obj["kind"]], obj["metadata"]["namespace"])
        return await self._connection.call("create", target, query={"fieldManager": manager}, body=obj)

    async def edit_by(self, manager: str, ref: kinds.Ref, patch: kinds.Object) -> kinds.Object:
        query = {"fieldManager": manager}
        return await self._connection.call(
            "patch", requests.one(ref), query=query, body=patch, content=requests.MERGE_PATCH
        )

    async def delete_by(self, _manager: str, ref: kinds.Ref) -> None:
        await self._connection.call("delete", requests.one(ref))


async def bench(api: Any, others: Any, namespace: str) -> Bench:
    """Return a cluster with a model in it."""
    model = await others.create_by("kubectl", samples.model(namespace))
    return Bench(api, others, naming.owner(model), model)


async def create_namespace(real: client.ApiClient, name: str) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await real._connection.call("create", requests.all_of(NAMESPACE), body=body)


def version(obj: kinds.Object) -> str:
    return str(obj["metadata"]["resourceVersion"])


def uid(obj: kinds.Object) -> str:
    return str(obj["metadata"]["uid"])


def managers(obj: kinds.Object) -> list[tuple[str, str]]:
    """Return who owns fields of `obj`, and by which operation."""
    entries = [entry for entry in obj["metadata"]["managedFields"] if not entry.get("subresource")]
    return sorted((entry["manager"], entry["operation"]) for entry in entries)


async def everything(pages: AsyncIterator[client.Page]) -> list[client.Page]:
    return [page async for page in pages]


async def pod(bench: Bench) -> kinds.Object:
    """Create a pod as soon as its namespace has the service account that every pod needs."""
    labels, annotations = naming.selector(bench.owner.name), {"theirs": "yes"}
    metadata = {"name": "vllm11-0", "namespace": bench.owner.namespace, "labels": labels, "annotations": annotations}
    spec = {"containers": [{"name": "vllm", "image": "engine:1"}], "automountServiceAccountToken": False}
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(errors.Denied):
                made: kinds.Object = await bench.others.create_by(
                    "kubectl", {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
                )
                return made
            await asyncio.sleep(0.05)
