"""Two real processes on a real API server: one writes, and the other takes its place; the audit log says that never both did.

`make bench ONLY=takeover` does the same many times, with figures.
"""

import pathlib
import signal
import time
from collections.abc import Iterator

import pytest

from tests import pair, waiting
from tests.integration import conftest


@pytest.fixture(scope="module")
def two(served: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[pair.Pair]:
    found = pair.Pair(served, tmp_path_factory.mktemp(conftest.PAIR), conftest.PAIR, "integration")
    yield found
    found.stop()
    found.admin.kubectl("delete", "namespace", conftest.PAIR, "--ignore-not-found", "--wait=false")


def test_who_is_told_to_end_is_succeeded_within_two_seconds(two: pair.Pair) -> None:
    assert two.end(signal.SIGTERM) < 2


def test_who_is_killed_is_succeeded_within_twenty_seconds(two: pair.Pair) -> None:
    assert two.end(signal.SIGKILL) < 20


def test_who_was_stopped_and_wakes_writes_nothing(two: pair.Pair) -> None:
    stopped = two.holder()
    assert two.suspend(20) < 20
    two.acted()
    waiting.until("its Lease to be lost", lambda: stopped.metric("vllm_operator_leader") == 0, stopped.log.read_text)
    assert two.strays() == []


@pytest.mark.parametrize("how", ["deleted", "emptied", "usurped"])
def test_a_lease_that_is_taken_away_makes_no_second_writer(two: pair.Pair, how: str) -> None:
    for _ in range(3):
        two.take_away(how)
        two.acted()
        time.sleep(0.5)
    assert len({write.token for write in two.writes()}) == 2
    assert two.strays() == []


def test_with_no_operator_left_a_namespace_with_its_models_is_deleted_within_a_minute(two: pair.Pair) -> None:
    """The last test of these: no finalizer of ours holds anything, and every child ends with its model."""
    two.stop()
    begun = time.monotonic()
    two.admin.kubectl("delete", "namespace", conftest.PAIR, "--timeout=60s")
    assert time.monotonic() - begun < 60
