"""A cluster in memory with a model, and an Applier with a cache of its own: what the tests of writes begin with."""

import copy

from tests import fake_apiserver, samples
from vllm_operator.kube import apply, cache, kinds, naming

WRITES = {"create", "patch", "update", "delete"}


class Bench:
    """A cluster in memory with a model, and a writer with a store of its own."""

    def __init__(self) -> None:
        self.api = fake_apiserver.FakeCluster()
        self.woken: list[kinds.Key] = []
        self.store = cache.Cache(self.woken.append)
        self.writer = apply.Applier(self.api, self.store, clock=lambda: self.now)
        self.now = 0.0
        self.owner = naming.Owner("models", "vllm11", "uid-1")

    def all(self, replicas: int = 1, image: str = "engine:1") -> list[kinds.Object]:
        owner = self.owner
        return [
            samples.secret(owner),
            samples.revision(owner, image=image),
            samples.deployment(owner, replicas, image),
            samples.service(owner),
        ]

    async def ensure(self, *wanted: kinds.Object) -> list[str]:
        """Return the writes that it took."""
        self.writes()
        for obj in wanted:
            await self.writer.ensure(obj, self.owner)
        return self.writes()

    def anew(self) -> None:
        """A process that knows what a list would tell."""
        self.store = cache.Cache()
        for obj in self.api.objects.values():
            self.store.put(copy.deepcopy(obj))
        self.writer = apply.Applier(self.api, self.store, clock=lambda: self.now)

    def writes(self) -> list[str]:
        found = [verb for verb, _ in self.api.calls if verb in WRITES]
        self.api.calls.clear()
        return found

    def live(self, obj: kinds.Object) -> kinds.Object:
        return self.api.objects[kinds.ref(obj)]
