"""The keyed queue: wakes of one key become one run, one key is worked on once at a time, failures wait longer each time.

Two priorities: a key that changed goes before those that are only due for their periodic check. After CHANGED_IN_A_ROW runs of
changed keys one idle key has its turn, so that constant change never ends the checks. A key that waits as idle and changes moves
to the changed ones. Within a priority namespaces take turns, and each has its share of the workers (seats.py): one whose ten
thousand keys change, or whose runs hang, holds up nobody else's.

A run says in how many seconds something is due for its key; that replaces what was planned before. A run that fails leaves the
plan as it was and is repeated after a pause; a wake repeats it at once. Must not know what the work is.
"""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from vllm_operator.kube import backoff, errors, kinds, seats

CHANGED_IN_A_ROW = 8
FAILED = backoff.Backoff(first=0.2, longest=300.0)
NEVER = float("inf")
LOG = logging.getLogger(__name__)

Work = Callable[[kinds.Key], Awaitable[float | None]]
"""Works on one key; returns the seconds until it is due again, None where only a wake makes it so."""


class Depth(NamedTuple):
    """How many keys wait for a worker, by priority."""

    changed: int
    idle: int


class Queue:
    """Runs `work`. What it says is due in `idle_from` seconds or later is a periodic check.

    `workers`: how many keys of one namespace are worked on at once; of all together twice as many are. `idle_workers`: the same
    of idle keys, where these cost CPU and not time: every run under way is a part of each turn of the event loop, for which a
    changed key waits.
    """

    def __init__(
        self, work: Work, workers: int = 16, *, idle_from: float = NEVER, idle_workers: int | None = None
    ) -> None:
        self._work, self._idle_from = work, idle_from
        self._seats, self._idle_seats = seats.Seats(workers), seats.Seats(idle_workers or workers)
        self._checking = set[kinds.Key]()
        self._changed: seats.Waiting[kinds.Key] = seats.Waiting()
        self._idle: seats.Waiting[kinds.Key] = seats.Waiting()
        self._in_a_row = 0
        self._running: dict[kinds.Key, asyncio.Task[None]] = {}
        self._again: dict[kinds.Key, bool] = {}  # woken while running; the value tells whether as idle
        self._plans, self._retries = _Timers(self.add), _Timers(self.add)
        self._failing: dict[kinds.Key, float] = {}  # since when
        self._ended: asyncio.Future[None] | None = None
        self._stopping = False

    @property
    def depth(self) -> Depth:
        """Return how many keys wait; one that was woken during its run counts as well."""
        idle = sum(self._again.values())
        return Depth(len(self._changed) + len(self._again) - idle, len(self._idle) + idle)

    def add(self, key: kinds.Key, *, idle: bool = False) -> None:
        """Wake `key`: it is run soon, and once more after a run that is under way."""
        if key in self._running:
            self._again[key] = idle and self._again.get(key, True)
        elif not idle:
            self._idle.remove(key)
            self._changed.add(key)
        elif key not in self._changed:
            self._idle.add(key)
        self._begin()

    async def run(self) -> None:
        """Work until `stop`; raise `Lost` where a run does. Cancelled runs wait again, for the next call of this."""
        if self._stopping:
            return
        self._ended = asyncio.get_running_loop().create_future()
        self._begin()
        try:
            await self._ended
        finally:
            self._ended = None
            await self._cancel()

    async def stop(self, grace: float) -> bool:
        """Begin nothing more; let what runs end, and cancel it after `grace` seconds. Tell whether all ended by itself."""
        self._stopping = True
        self._plans.clear()
        self._retries.clear()
        late: set[asyncio.Task[None]] = set()
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=grace)
        await self._cancel()
        if self._ended and not self._ended.done():
            self._ended.set_result(None)
        return not late

    def _begin(self) -> None:
        """Begin as many runs as there are keys with a free worker."""
        while self._is_working():
            key = self._next()
            if key is None:
                return
            task = self._running[key] = asyncio.create_task(self._run(key))
            task.add_done_callback(functools.partial(self._finished, key))

    def _is_working(self) -> bool:
        return self._ended is not None and not self._ended.done() and not self._stopping

    def _next(self) -> kinds.Key | None:
        """Take the key whose turn it is, if any may begin."""
        if self._in_a_row >= CHANGED_IN_A_ROW:
            return self._next_idle() or self._next_changed()
        return self._next_changed() or self._next_idle()

    def _next_changed(self) -> kinds.Key | None:
        key = self._changed.seat(self._seats)
        self._in_a_row += key is not None
        return key

    def _next_idle(self) -> kinds.Key | None:
        key = self._idle.seat(self._seats, self._idle_seats)
        if key:
            self._in_a_row = 0
            self._checking.add(key)
        return key

    async def _run(self, key: kinds.Key) -> None:
        self._retries.cancel(key)
        self._again.pop(key, None)  # this run begins with all that is known by now
        try:
            due = await self._work(key)
        except errors.Lost as lost:
            self._again.setdefault(key, False)
            self._end(lost)
        except Exception as error:  # noqa: BLE001 - whatever fails for one model costs only that model
            self._failed(key, error)
        else:
            self._succeeded(key, due)

    def _finished(self, key: kinds.Key, task: asyncio.Task[None]) -> None:
        """Let the next begin; what was cancelled, perhaps before its first step, waits again."""
        del self._running[key]
        self._seats.give_back(key.namespace)
        if key in self._checking:
            self._checking.remove(key)
            self._idle_seats.give_back(key.namespace)
        if task.cancelled():
            self._again.setdefault(key, False)
        if key in self._again:
            self.add(key, idle=self._again.pop(key))
        self._begin()

    def _end(self, lost: errors.Lost) -> None:
        if self._ended and not self._ended.done():
            self._ended.set_exception(lost)

    def _succeeded(self, key: kinds.Key, due: float | None) -> None:
        self._failing.pop(key, None)
        self._plans.cancel(key)
        if due is not None:
            self._plans.set(key, due, idle=due >= self._idle_from)

    def _failed(self, key: kinds.Key, error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        lasting = now - self._failing.setdefault(key, now)
        pause = FAILED.pause(lasting)
        unexpected = None if isinstance(error, errors.ApiError) else error
        LOG.warning(
            "Work failed key=%s for=%.1fs retry=%.1fs error=%s", key, lasting, pause, error, exc_info=unexpected
        )
        self._retries.set(key, pause, idle=False)

    async def _cancel(self) -> None:
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)


class _Timers:
    """At most one timer a key; `due(key, idle=...)` is called when it ends."""

    def __init__(self, due: Callable[..., None]) -> None:
        self._due = due
        self._handles: dict[kinds.Key, asyncio.TimerHandle] = {}

    def set(self, key: kinds.Key, seconds: float, *, idle: bool) -> None:
        self.cancel(key)
        self._handles[key] = asyncio.get_running_loop().call_later(seconds, self._fire, key, idle)

    def cancel(self, key: kinds.Key) -> None:
        if handle := self._handles.pop(key, None):
            handle.cancel()

    def clear(self) -> None:
        for key in tuple(self._handles):
            self.cancel(key)

    def _fire(self, key: kinds.Key, idle: bool) -> None:
        del self._handles[key]
        self._due(key, idle=idle)
