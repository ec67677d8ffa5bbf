"""What an attack is, and what is seen of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.attack import site


class Seen(NamedTuple):
    """What came of an attack.

    `held`: nothing happened that the claim excludes; `figure`: what was seen, in numbers; `ratio`: how many times as long as in
    quiet the slowest of a hundred requests with a key took meanwhile, 0 where that was not measured; `idle`: the share of the
    machine's processors that had nothing to do before, 0 where that was not measured.
    """

    held: bool
    figure: str
    ratio: float = 0.0
    idle: float = 0.0


class Attack(NamedTuple):
    """One thing that somebody tries.

    `claim`: its name in `claims`; `tried`: what is done, for the table; `is_quick`: it is part of `make test`, since it takes
    seconds and has no test of its own there.
    """

    claim: str
    tried: str
    run: Callable[[site.Site], Seen]
    is_quick: bool = True
