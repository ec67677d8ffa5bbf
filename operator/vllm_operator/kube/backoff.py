"""How long to wait before what failed is tried again: as long as it has failed already, up to a limit, and never in step."""

import random
from typing import NamedTuple


class Backoff(NamedTuple):
    """The pause grows from `first` to `longest` seconds; up to `jitter` of it is taken off at random.

    It depends on the time that has passed, not on the number of tries: what is tried early, because something changed, waits no
    longer afterwards.
    """

    first: float
    longest: float
    jitter: float = 0.25

    def pause(self, lasting: float) -> float:
        """Return the seconds to wait after something has failed for `lasting` seconds; without other tries they double."""
        pause = min(self.longest, self.first + lasting)
        return pause * random.uniform(1 - self.jitter, 1)  # noqa: S311 - spreads load, guards nothing
