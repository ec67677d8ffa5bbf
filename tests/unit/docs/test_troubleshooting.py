"""docs/troubleshooting.md has every reason of every condition, with the words of the code's own tables."""

import re

import pytest

from tests.reference import troubles
from tests.unit.status import reasons, test_status_table

PAGE = troubles.page()
ALL = sorted(reasons.of_tables() | reasons.of_code())
TOLD = re.compile(r"[+?-](\w+)")


@pytest.mark.parametrize("reason", ALL)
def test_a_reason_has_a_section(reason: str) -> None:
    section = PAGE.partition(f"\n## {reason}\n")[2].partition("\n## ")[0]
    assert "**It means**" in section
    assert "**What to do**" in section


def test_a_condition_tells_no_reason_that_the_page_does_not_know_of_it() -> None:
    """What each row of the table of statuses sees is what the page says."""
    shown = troubles.where()
    told = {
        (kind, reason)
        for row in test_status_table.ROWS
        for kind, reason in zip(test_status_table.TYPES, TOLD.findall(row.conditions), strict=True)
    }
    assert sorted(pair for pair in told if pair[0] not in shown[pair[1]]) == []


def test_the_remedies_of_the_tables_are_there() -> None:
    """One of the engine's words, one of the kubelet's, one of a rule."""
    for words in (
        "lower --max-num-seqs or --gpu-memory-utilization",
        "have the nodes trust",
        "spec.replicas is 0: scale up",
    ):
        assert words in PAGE
