"""Virtual time: where everything waits, the clock jumps to the next thing due. A minute takes no time, and nothing sleeps."""

import asyncio
import functools
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any


class _Selector(selectors.SelectSelector):
    def __init__(self, loop: "Loop") -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return at once what is there; `timeout` is 0 where something runs, and None where nothing is ever due."""
        if timeout != 0 and not self._loop.tell_idle():
            self._loop.jump(timeout)
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose clock is `now`. `progress`: how often it has jumped, or somebody who waited has gone on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.progress = 0
        self._waiters: list[tuple[asyncio.Future[None], int]] = []
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now

    async def idle(self, since: int = -1) -> None:
        """Wait until everything else waits, and there was progress since `since`."""
        waiter = self.create_future()
        self._waiters.append((waiter, since))
        await waiter

    def tell_idle(self) -> bool:
        """Let those go on who wait for it; False where there are none."""
        told = [waiter for waiter, since in self._waiters if since != self.progress and not waiter.done()]
        self._waiters = [(waiter, since) for waiter, since in self._waiters if waiter not in told and not waiter.done()]
        for waiter in told:
            waiter.set_result(None)
        return bool(told)

    def jump(self, seconds: float | None) -> None:
        """Put the clock forward."""
        if seconds is None:
            raise RuntimeError("everything waits, and nothing is ever due")
        self.progress += 1
        self.now += max(seconds, 0)


def now() -> float:
    """Return the virtual time in seconds."""
    return asyncio.get_running_loop().time()


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run the asynchronous `test` in virtual time."""

    @functools.wraps(test)
    def run(*args: Any, **named: Any) -> None:
        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(test(*args, **named))

    return run


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 30.0) -> None:
    """Wait until `condition` holds; fail after `seconds` of whatever clock the loop has."""
    loop, since = asyncio.get_running_loop(), -1
    async with asyncio.timeout(seconds):
        while not await _holds(condition):
            if isinstance(loop, Loop):
                await loop.idle(since)
                since = loop.progress
            else:
                await asyncio.sleep(0.01)
    if isinstance(loop, Loop):
        loop.progress += 1


async def _holds(condition: Callable[[], bool | Awaitable[bool]]) -> bool:
    found = condition()
    return found if isinstance(found, bool) else await found
