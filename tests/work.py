"""Work for a queue that notes what it does, and is slow, fails or is held as a test says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from tests import clock
from vllm_operator.kube import errors, kinds, workqueue


class Work:
    """`seconds`: how long each run takes; `held`: whose runs wait for an event; `failing`, `lost`: whose runs fail, and how.

    `begun` and `ended` note the runs, `again` is what they return.
    """

    def __init__(self, seconds: float = 0) -> None:
        self.seconds = seconds
        self.held: dict[kinds.Key, asyncio.Event] = {}
        self.failing: set[kinds.Key] = set()
        self.lost: set[kinds.Key] = set()
        self.again: dict[kinds.Key, float] = {}
        self.begun: list[tuple[float, kinds.Key]] = []
        self.ended: list[kinds.Key] = []
        self.running: list[kinds.Key] = []
        self.overlapped = False

    async def __call__(self, key: kinds.Key) -> float | None:
        self.begun.append((clock.now(), key))
        self.overlapped |= key in self.running
        self.running.append(key)
        try:
            await asyncio.sleep(self.seconds)
            if key in self.held:
                await self.held[key].wait()
        finally:
            self.running.remove(key)
        if key in self.failing:
            raise errors.Unavailable(503, "Down", "no answer")
        if key in self.lost:
            raise errors.Lost
        self.ended.append(key)
        return self.again.get(key)

    def order(self) -> list[kinds.Key]:
        return [key for _, key in self.begun]

    def times(self, key: kinds.Key) -> list[float]:
        return [at for at, one in self.begun if one == key]

    def ran(self, key: kinds.Key, times: int = 1) -> Callable[[], bool]:
        return lambda: len(self.times(key)) >= times and key not in self.running


@contextlib.asynccontextmanager
async def working(
    work: Work, workers: int = 2, idle_from: float = workqueue.NEVER, idle_workers: int | None = None
) -> AsyncIterator[workqueue.Queue]:
    """Run a queue that does `work`."""
    queue = workqueue.Queue(work, workers, idle_from=idle_from, idle_workers=idle_workers)
    task = asyncio.create_task(queue.run())
    await asyncio.sleep(0)
    yield queue
    await queue.stop(1)
    await task
