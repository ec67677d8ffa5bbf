"""How many of those that are known to fail are asked at once: so many in all, and so many of one namespace. Pure.

Each may hang for a minute. One namespace whose models all hang keeps nobody else's from being asked again.
"""

import collections
import contextlib
from collections.abc import Iterator

AT_ONCE, OF_ONE = 16, 4


class Seats:
    """The seats that are taken, by namespace."""

    def __init__(self) -> None:
        self._taken: collections.Counter[str] = collections.Counter()

    def is_free(self, namespace: str) -> bool:
        """Tell whether a model of `namespace` may be asked."""
        return self._taken.total() < AT_ONCE and self._taken[namespace] < OF_ONE

    @contextlib.contextmanager
    def taken(self, namespace: str) -> Iterator[None]:
        """Take a seat, and give it back."""
        self._taken[namespace] += 1
        try:
            yield
        finally:
            self._taken[namespace] -= 1
            if not self._taken[namespace]:
                del self._taken[namespace]
