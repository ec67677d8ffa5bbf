"""What goes wrong in a run: between an operator and the API server, at one write or all the time.

`at_write(n)` faults strike at the nth write that an operator sends; all others last for as long as each step of a workload takes.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

from tests import operator_process, troubles
from vllm_operator.kube import errors

World, Connection = operator_process.World, operator_process.Connection
STEP_SECONDS = 20.0
REFUSALS: dict[str, errors.ApiError] = {
    "409": errors.Conflict(409, "Conflict", "the operation cannot be fulfilled on resourcequotas"),
    "429": errors.Throttled(429, "TooManyRequests", "try again later"),
    "500": errors.Unavailable(500, "InternalError", "failed calling webhook"),
}
TIMED_OUT = errors.Unavailable(0, "Timeout", "no answer came in time")


class Fault:
    """Nothing goes wrong; the others say what does. `standby`: a second process waits for the Lease; `struck`: it happened."""

    standby = False
    world: World

    def __init__(self) -> None:
        self.struck = False

    def meet(self, connection: Connection, when: str) -> None:
        """Do what goes wrong with a write, `before` or `after` it has an effect."""

    def through(self, stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Return what a watch shows of `stream`."""
        return stream

    async def during(self) -> None:
        """Do what goes wrong while a step is acted on."""


class AtWrite(Fault):
    """A fault at the write number `at`, counted from 0 over all processes."""

    when = "before"

    def __init__(self, at: int) -> None:
        super().__init__()
        self._left = at

    def meet(self, connection: Connection, when: str) -> None:
        """Strike once the write comes."""
        if when != self.when or self.struck:
            return
        self._left -= 1
        if self._left < 0:
            self.struck = True
            self.strike(connection)

    def strike(self, connection: Connection) -> None:
        """Let it happen; may raise what the write meets."""


class Killed(AtWrite):
    """The process is killed before the write leaves, and another is started."""

    def strike(self, connection: Connection) -> None:
        """Let nothing more leave or arrive, and start the next."""
        connection.away = True
        self.world.background(_replaced(self.world, connection, start=not self.standby))
        raise troubles.DOWN.with_traceback(None)


class KilledAfter(Killed):
    """The process is killed once the write has had its effect."""

    when = "after"


class FailedOver(Killed):
    """The process is killed before the write leaves, and one that waits takes its place."""

    standby = True


class Ended(AtWrite):
    """The process is told to end just then, and one that waits takes its place."""

    standby = True

    def strike(self, connection: Connection) -> None:
        """Begin the end."""
        self.world.background(self.world.process(connection).manager.stop())


class Suspended(AtWrite):
    """The process is stopped for a minute as the write leaves; one that waits takes its place, and it goes on after."""

    standby = True

    def strike(self, connection: Connection) -> None:
        """Stop it."""
        self.world.background(self.world.process(connection).freeze(60))


class CutOff(AtWrite):
    """The API server is away for forty seconds, and the process loses the Lease."""

    def strike(self, connection: Connection) -> None:
        """Go away."""
        connection.away = True
        self.world.cluster.cut()
        self.world.background(self._come_back(connection))
        raise troubles.DOWN.with_traceback(None)

    async def _come_back(self, connection: Connection) -> None:
        await asyncio.sleep(40)
        connection.away = False


class Refused(AtWrite):
    """The API server refuses the write."""

    def __init__(self, at: int, error: errors.ApiError) -> None:
        super().__init__(at)
        self._error = error

    def strike(self, _connection: Connection) -> None:
        """Refuse it."""
        raise self._error.with_traceback(None)


class TimedOut(Refused):
    """The write is done, and its answer does not come in time."""

    when = "after"


class Storm(Fault):
    """A fifth of all writes fail in one way or another, a few kill the process, and watches end and are rewound by chance."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random, self._rages = random.Random(seed), False  # noqa: S311 - chooses troubles, guards nothing

    def meet(self, connection: Connection, when: str) -> None:
        """Fail by chance, before or after the effect."""
        if not self._rages or self._random.random() > 0.1:
            return
        if self._random.random() < 0.3:
            connection.away = True
            self.world.background(_replaced(self.world, connection, start=True))
        met = TIMED_OUT if when == "after" else self._random.choice(list(REFUSALS.values()))
        raise met.with_traceback(None)

    async def through(self, stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Tell again what was told, or end, by chance."""
        told: list[Any] = []
        async for one in stream:
            back = self._random.choice((0, 0, 1, 3)) if self._rages else 0
            for again in (*told[len(told) - back :], one):
                yield again
            told.append(one)
            if self._rages and self._random.random() < 0.2:
                return

    async def during(self) -> None:
        """Rage for a while."""
        self._rages, self.struck = True, True
        await asyncio.sleep(STEP_SECONDS * 2)
        self._rages = False


async def _replaced(world: World, connection: Connection, *, start: bool) -> None:
    await world.process(connection).kill()
    if start:
        world.start(f"p{len(world.processes)}")
