"""Whatever people do to a model's clients and Secrets, and wherever the operator ends: what was revoked stays revoked."""

import asyncio

import hypothesis
from hypothesis import strategies

from tests.unit.keys.life import ACTS, AWAY, NAMES, Life, Step

STEPS: strategies.SearchStrategy[list[Step]] = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(ACTS),
        strategies.sampled_from(NAMES),
        strategies.one_of(strategies.none(), strategies.just(AWAY), strategies.integers(0, 8)),
    ),
    min_size=1,
    max_size=15,
)
SAVED, RESTORED = ("backup", "a", None), ("backup", "a", None)


@hypothesis.given(STEPS)
@hypothesis.example([("strip", "a", AWAY), ("drop", "a", None), ("list", "a", None)])
@hypothesis.example([("strip", "a", AWAY), ("backup", "a", None)])
@hypothesis.example([SAVED, ("drop", "a", None), ("list", "a", None), RESTORED])
@hypothesis.example([SAVED, ("drop", "a", None), ("behind", "b", AWAY), ("list", "a", None), RESTORED])
@hypothesis.example([SAVED, ("drop", "a", None), ("list", "a", AWAY), RESTORED])
@hypothesis.example(
    [("backup", "b", None), ("rotate", "b", None), ("wait", "vault", None), ("lose", "a", AWAY), ("backup", "b", None)]
)
@hypothesis.example([("strip", "a", AWAY), ("lose", "a", AWAY), ("drop", "a", None)])
@hypothesis.example([("regress", "a", None), ("lose", "a", AWAY), ("delete", "a", None), ("regress", "a", None)])
@hypothesis.example([("rotate", "a", None), SAVED, ("overlap", "a", None), RESTORED])
def test_what_was_revoked_stays_revoked(steps: list[Step]) -> None:
    asyncio.run(Life().run(steps))
