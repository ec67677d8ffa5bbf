"""Waits before the same request again, and knows when it has lasted too long. The clock comes in; how long is retry.py's."""

import random
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from vllm_operator.fetch import failures, progress, retry


class Clock(NamedTuple):
    """The time in seconds, from any beginning, and a pause."""

    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


class Patience:
    """Pauses between tries, until there was no byte for too long."""

    def __init__(self, state: progress.Progress, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._since = clock.now()

    async def wait(self, failure: failures.Transient, attempt: int) -> None:
        """Pause before try `attempt` + 1; raise the failure where it has lasted too long."""
        now = self._clock.now()
        if now - max(self._state.last_byte, self._since) >= retry.GIVE_UP:
            raise failures.Failure(failure.reason, failure.told, failure.remedy) from failure
        self._state.held_up(failure.reason, failure.message)
        chance = random.random()  # noqa: S311 - a jitter keeps no secret
        await self._clock.sleep(retry.pause(attempt, failure.wait, chance))
