"""Whatever goes wrong, the end is that of a run in which nothing does: some of the runs of `make chaos`, always the same."""

import random

import pytest

from tests.chaos import runs, workloads

STORMS, AT_WRITES = 2, 20


@pytest.mark.parametrize("workload", workloads.WORKLOADS)
def test_whatever_goes_wrong_the_end_is_that_of_an_undisturbed_run(workload: str) -> None:
    assert {run.name: found for run in _chosen(workload) if (found := runs.wrong(run))} == {}


def test_there_is_a_run_for_each_write_of_each_workload_and_each_fault() -> None:
    names = {run.name for workload in ("create", "rotate") for run in runs.every(workload)}
    assert {"create: killed before write 0", "create: killed after write 8", "rotate: suspended at write 31"} <= names
    assert len(names) > 240


def _chosen(workload: str) -> list[runs.Run]:
    every = list(runs.every(workload))
    at_writes = [run for run in every if " write " in run.name]
    lasting = [run for run in every if run not in at_writes and "storm" not in run.name]
    storms = [run for run in every if "storm" in run.name][:STORMS]
    chosen = random.Random(workload).sample(at_writes, AT_WRITES)  # noqa: S311 - chooses runs, guards nothing
    return [*lasting, *storms, *chosen]
