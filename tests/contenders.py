"""Contenders for one Lease, and an API server that is slow or down."""

import asyncio
import contextlib
from collections.abc import Callable

from tests import clock, fake_apiserver
from vllm_operator.controller import leader_election
from vllm_operator.kube import errors, kinds

Seconds = Callable[[], float]
LEASE = kinds.Ref("Lease", "operators", "vllm-operator")


class Slow(fake_apiserver.FakeCluster):
    """A cluster whose every call takes `seconds`, and fails while `down`."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: Seconds = lambda: 0.0
        self.down = False

    async def get(self, ref: kinds.Ref) -> kinds.Object:
        await self._reach()
        return await super().get(ref)

    async def replace(self, obj: kinds.Object) -> kinds.Object:
        await self._reach()
        answer = await super().replace(obj)
        await self._reach()
        return answer

    async def create(self, obj: kinds.Object) -> kinds.Object:
        await self._reach()
        return await super().create(obj)

    async def _reach(self) -> None:
        await asyncio.sleep(self.seconds())
        if self.down:
            raise errors.Unavailable(0, "NoAnswer", "nobody answers")


def contender(api: fake_apiserver.FakeCluster, name: str = "a") -> leader_election.Leader:
    return leader_election.Leader(api, LEASE.namespace, LEASE.name, name, clock=clock.now)


async def until_lost(one: leader_election.Leader) -> None:
    with contextlib.suppress(errors.Lost):
        await one.keep()


async def end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def sleep_through(seconds: float) -> None:
    """Let time pass in which this process does not run."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, clock.Loop)
    loop.now += seconds
