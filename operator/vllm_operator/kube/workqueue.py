"""The keyed queue: wakes of one key become one run, one key is worked on once at a time, failures wait longer each time.

A run begins with all that is known, so it makes void what was planned for its key: each run says anew when it wants to be
called again. A wake comes at once, also for a key that waits after failures. First come, first served.
Must not know what the work is.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from vllm_operator.kube import errors, kinds

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 300.0
LOG = logging.getLogger(__name__)


Work = Callable[[kinds.Key], Awaitable[float | None]]


class Queue:
    """Runs `work(key)`, `workers` at once; what it returns is in how many seconds it wants to be called again, if at all."""

    def __init__(self, work: Work, workers: int = 16) -> None:
        self._work = work
        self._workers = workers
        self._queue: asyncio.Queue[kinds.Key | None] = asyncio.Queue()
        self._waiting: set[kinds.Key] = set()
        self._running: set[kinds.Key] = set()
        self._again: set[kinds.Key] = set()
        self._timers: dict[kinds.Key, tuple[float, asyncio.TimerHandle]] = {}
        self._failures: dict[kinds.Key, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def depth(self) -> int:
        """Return how many keys wait for a worker."""
        return len(self._waiting) + len(self._again)

    def add(self, key: kinds.Key) -> None:
        """Wake `key`: it is run soon, and after a run that is under way."""
        if key in self._running:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._queue.put_nowait(key)

    def add_after(self, key: kinds.Key, seconds: float) -> None:
        """Wake `key` after `seconds`, unless it is to be woken sooner."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        planned = self._timers.get(key)
        if planned and planned[0] <= due:
            return
        self._unplan(key)
        self._timers[key] = (due, loop.call_later(seconds, self._due, key))

    async def run(self) -> None:
        """Work until `stop`; what was added before waits for this."""
        if self._stopping:
            return
        self._tasks = {asyncio.create_task(self._serve()) for _ in range(self._workers)}
        try:
            await asyncio.gather(*self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()

    async def stop(self, grace: float) -> None:
        """Begin nothing more; let what runs end, and cancel it after `grace` seconds."""
        self._stopping = True
        for key in tuple(self._timers):
            self._unplan(key)
        for _ in range(self._workers):
            self._queue.put_nowait(None)
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _serve(self) -> None:
        while True:
            key = await self._queue.get()
            if key is None or self._stopping:
                return
            await self._run(key)

    async def _run(self, key: kinds.Key) -> None:
        self._waiting.discard(key)
        self._unplan(key)
        self._running.add(key)
        try:
            again = await self._work(key)
        except Exception as error:  # noqa: BLE001 - whatever fails for one model costs only that model
            self._failed(key, error)
        else:
            self._failures.pop(key, None)
            if again is not None:
                self.add_after(key, again)
        finally:
            self._running.discard(key)
            if key in self._again:
                self._again.discard(key)
                self.add(key)

    def _failed(self, key: kinds.Key, error: Exception) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 20))
        pause *= random.uniform(0.75, 1)  # noqa: S311 - spreads load, guards nothing
        unexpected = None if isinstance(error, errors.ApiError) else error
        LOG.warning(
            "Work failed key=%s failures=%d retry=%.1fs error=%s", key, failures, pause, error, exc_info=unexpected
        )
        self.add_after(key, pause)

    def _due(self, key: kinds.Key) -> None:
        del self._timers[key]
        self.add(key)

    def _unplan(self, key: kinds.Key) -> None:
        if planned := self._timers.pop(key, None):
            planned[1].cancel()
