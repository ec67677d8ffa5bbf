"""Models that serve, on a cluster in memory with controllers, and operators that come and go; in virtual time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from tests import operator_process
from tests.chaos import machinery
from vllm_operator.children import rollout
from vllm_operator.kube import conditions, kinds


class ServedModels(operator_process.World):
    """Models that serve, on a cluster with controllers."""

    def __init__(self) -> None:
        super().__init__()
        self.works = machinery.Machinery(self.cluster)
        self.servers = lambda: machinery.Servers(self.cluster)
        self.keys: list[kinds.Key] = []

    @contextlib.asynccontextmanager
    async def serving(self, models: int) -> AsyncIterator["ServedModels"]:
        """Let so many models serve, each with two clients, and then no operator run."""
        working = asyncio.create_task(self.works.run())
        async with self.running("old") as old:
            self.keys = [await self.create(f"vllm{number}", "alice", "bob") for number in range(models)]
            await asyncio.sleep(60)
            await old.manager.stop()
            yield self
        working.cancel()

    async def run(self, name: str, seconds: float, **settings: Any) -> None:
        """Let an operator work for a while, and end."""
        one = self.start(name, **settings)
        await asyncio.sleep(seconds)
        await one.manager.stop()

    def upgrades(self) -> set[str]:
        """Return what the statuses tell of an upgrade."""
        return {self.cluster.objects[operator_process.model(key)]["status"].get("upgrade", "") for key in self.keys}

    def ready(self) -> set[str]:
        found = [self.cluster.objects[operator_process.model(key)] for key in self.keys]
        return {(conditions.condition(one, "Ready") or {})["reason"] for one in found}

    def busy(self) -> int:
        """Return how many models have not all of their servers."""
        deployments = [self.cluster.objects[kinds.Ref("Deployment", *key)] for key in self.keys]
        return sum(not rollout.is_over(one, one["spec"]["replicas"]) for one in deployments)

    def touchable(self) -> dict[str, Any]:
        """Return what an upgrade may not touch."""
        kept = {"Deployment": "generation", "Pod": "uid", "Secret": "resourceVersion", "ControllerRevision": "uid"}
        objects = self.cluster.objects.items()
        return {str(ref): obj["metadata"][kept[ref.kind]] for ref, obj in objects if ref.kind in kept}
