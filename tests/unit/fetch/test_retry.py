"""How long a pause is, and what a server asks for."""

from datetime import UTC, datetime

import hypothesis
import pytest
from hypothesis import strategies

from vllm_operator.fetch import retry

NOW = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "Sat, 28 Nov 2026 12:00:30 GMT"}, 30),
        ({"Retry-After": "Sat, 28 Nov 2026 11:00:00 GMT"}, 0),
        ({"Retry-After": "999999999999999999999"}, retry.LONGEST_ASKED),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": "²"}, 0),
        ({"RateLimit": '"resolvers";r=0;t=55'}, 56),
        ({"RateLimit": '"resolvers";r=12;t=55'}, 0),
    ],
)
def test_what_a_server_asks_for_is_understood(headers: dict[str, str], seconds: float) -> None:
    assert retry.asked(headers, NOW) == seconds


@hypothesis.given(strategies.integers(1, 1000), strategies.floats(0, 600), strategies.floats(0, 1))
def test_nobody_comes_sooner_than_was_asked_and_none_waits_for_ever(attempt: int, asked: float, chance: float) -> None:
    pause = retry.pause(attempt, asked, chance)
    assert pause >= asked
    assert pause <= 1.25 * retry.LONGEST_ASKED


def test_pauses_grow_and_are_spread() -> None:
    assert [retry.pause(attempt, 0, 1.0) for attempt in (1, 2, 3, 4, 20)] == [1, 2, 4, 8, retry.LONGEST]
    assert retry.pause(4, 0, 0.0) < retry.pause(4, 0, 1.0)
