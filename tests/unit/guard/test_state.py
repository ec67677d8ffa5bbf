"""What is read of a guard's statistics, and what it costs to read whatever a pod sends instead."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllm_operator import guard

NAME = "envoy_http_rds_"
SPEAKING = f"""# TYPE {NAME}update_failure counter
{NAME}update_failure{{envoy_http_conn_manager_prefix="public"}} 1
{NAME}update_rejected{{envoy_http_conn_manager_prefix="public"}} 2
{NAME}version_text{{envoy_http_conn_manager_prefix="public",text_value="0123456789abcdef"}} 0
"""
PIECES = (
    f"{NAME}version_text{{", f"{NAME}update_rejected{{", "}", "} 1", '"', 'text_value="', "\n", "\r", "9" * 40, "é", "\0",
)  # fmt: skip
HOSTILE = (
    f"{NAME}version_text{{\n",  # what each line once searched the whole text for
    f"{NAME}version_text{{",
    f'{NAME}version_text{{text_value="',
    f"{NAME}update_rejected{{}} 1\n",
    'text_value="',
    "\n",
    "}",
    "} 1",
)


def test_a_guard_says_its_version_and_all_that_it_refused() -> None:
    assert guard.state(SPEAKING) == guard.State("0123456789abcdef", 3)


@pytest.mark.parametrize(
    "text", ["", "no statistics", f"{NAME}version_text{{}} 0", f'{NAME}version_text{{text_value=""}} 0']
)
def test_a_guard_without_a_configuration_has_none(text: str) -> None:
    assert guard.state(text) == guard.State("", 0)


def test_what_does_not_fit_a_line_of_a_guard_is_passed_over() -> None:
    long = f'{NAME}version_text{{text_value="{"a" * 100_000}"}} 0\n'
    many = f"{NAME}update_rejected{{}} {'9' * 5000}\n"
    assert guard.state(long + many + SPEAKING) == guard.State("0123456789abcdef", 3)


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_whatever_a_pod_says_is_read(text: str) -> None:
    found = guard.state(text)
    assert len(found.version) <= 64
    assert found.rejected >= 0
    assert guard.state(f"{text}\n{SPEAKING}").rejected == found.rejected + 3


@pytest.mark.parametrize("piece", HOSTILE)
def test_eight_times_the_text_costs_about_eight_times_as_much(piece: str) -> None:
    """The last size is the most that is taken of a guard: 512 KB."""
    small, large = (_seconds((piece * size)[:size]) for size in (64 * 1024, 512 * 1024))
    assert large < 24 * small + 0.005


def _seconds(text: str) -> float:
    """Return the least CPU time of some tries, which another process does not make longer."""
    least = math.inf
    for _ in range(5):
        began = time.thread_time()
        guard.state(text)
        least = min(least, time.thread_time() - began)
        if least > 1:
            break
    return least
