"""How long to wait after failures: ever longer, up to a limit, and never in step with others."""

import random
from typing import NamedTuple

MOST_DOUBLINGS = 30  # a float grows no further than it has to


class Backoff(NamedTuple):
    """The pause doubles from `first` to `longest` seconds; up to `jitter` of it is taken off at random."""

    first: float
    longest: float
    jitter: float = 0.25

    def pause(self, failures: int) -> float:
        """Return the seconds to wait after that many failures in a row, 1 being the first."""
        doublings = min(failures - 1, MOST_DOUBLINGS)
        pause = min(self.longest, self.first * 2.0**doublings)
        return pause * random.uniform(1 - self.jitter, 1)  # noqa: S311 - spreads load, guards nothing
