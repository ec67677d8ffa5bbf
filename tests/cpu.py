"""CPU time as tests compare it: the least of some tries, which another process does not make longer."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
TRIES = 3


def least(read: Callable[[T], object], what: T) -> float:
    """Return the least CPU seconds that `read(what)` took."""
    spent = []
    for _ in range(TRIES):
        begun = time.thread_time()
        read(what)
        spent.append(time.thread_time() - begun)
    return min(spent)
