"""What goes wrong with watches for as long as each step of a workload takes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from tests.chaos.faults import STEP_SECONDS, Fault


class Duplicated(Fault):
    """Every event of a watch comes twice."""

    async def through(self, stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Tell all twice."""
        async for one in stream:
            yield one
            yield one


class Rewound(Fault):
    """After every event a watch tells again of those before it, as one on an API server that lags behind."""

    async def through(self, stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Go back by three events each time."""
        told: list[Any] = []
        async for one in stream:
            for again in (*told[-3:], one):
                yield again
            told.append(one)


class Dropped(Fault):
    """Every watch ends with its second event."""

    async def through(self, stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """End soon; the first that is told is that the watch is open."""
        told = 0
        async for one in stream:
            yield one
            told += 1
            if told > 1:
                return


class Frozen(Fault):
    """No watch tells anything for a while; then all at once."""

    async def during(self) -> None:
        """Hold the events back."""
        self.world.cluster.frozen = True
        await asyncio.sleep(STEP_SECONDS)
        self.world.cluster.resume()


class Relisted(Fault):
    """No watch tells anything for a while, and then it is too late to: all is listed, and what has vanished is in no list."""

    async def during(self) -> None:
        """Forget the events."""
        self.world.cluster.frozen = True
        await asyncio.sleep(STEP_SECONDS)
        self.world.cluster.compact()
        self.world.cluster.resume()


class Forgotten(Fault):
    """Every two seconds all watches are too old."""

    async def during(self) -> None:
        """Forget the events, again and again."""
        for _ in range(int(STEP_SECONDS / 2)):
            await asyncio.sleep(2)
            self.world.cluster.compact()


class Late(Fault):
    """The events of one kind come three seconds late."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    async def during(self) -> None:
        """Hold the events of that kind up."""
        self.world.cluster.latency[self._kind] = 3
        await asyncio.sleep(STEP_SECONDS)
        self.world.cluster.latency.clear()
