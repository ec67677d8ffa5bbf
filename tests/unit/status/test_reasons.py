"""Every reason that an admin can meet is in a table of tests, and docs/status.md says what it means and what to do."""

import pathlib
import re

import pytest

from tests import observations
from tests.unit.engine import test_cause_rows, test_causes, test_recorded_logs
from tests.unit.status import (
    reasons,
    test_engine_version,
    test_evictions,
    test_fetching,
    test_kubelet_words,
    test_pod_causes,
    test_pod_diagnosis,
    test_starts,
    test_status_table,
)

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs/status.md"
IN_A_TEST_OF_ITS_OWN = {"SpecNotUnderstood", "OperatorFailed"}
"""test_summary.py, controller/test_faults.py: no state has it, since nothing of the model is looked at."""
EXPLAINED = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \| (.+) \| (.+) \|$", re.MULTILINE)
ALL = sorted(reasons.of_tables() | reasons.of_code())


def explained() -> dict[str, tuple[str, str]]:
    """Return what the page says of each reason: what it means and what to do."""
    rows = EXPLAINED.findall(_after_conditions())
    return {reason: (meaning, remedy) for names, meaning, remedy in rows for reason in re.findall(r"\w+", names)}


def _after_conditions() -> str:
    return PAGE.read_text().partition("## Nobody needs to act")[2]


def told() -> set[str]:
    """Return the reasons that the rows of all tables expect."""
    conditions = " ".join(row.conditions for row in test_status_table.ROWS)
    diagnoses = (
        says.partition(":")[0]
        for _, says in (
            *test_pod_diagnosis.DIAGNOSES.values(),
            *test_fetching.DIAGNOSES.values(),
            *test_starts.PHASES.values(),
        )
    )
    causes = (cause.reason for cause in test_causes.RECORDED.values())
    rows = {**test_cause_rows.RECORDED, **test_cause_rows.QUOTED, **test_kubelet_words.WORDS}.values()
    said = (text.partition(":")[0] for text in (*rows, *(case.says for case in test_pod_causes.TOLD.values())))
    logs = (log.reason for log in test_recorded_logs.LOGS)
    images = (one.reason for one in test_engine_version.IMAGES.values())
    return {*re.findall(r"[A-Z]\w+", conditions), *diagnoses, *causes, *said, *logs, *images, *test_evictions.REASONS}


def test_the_reasons_are_found() -> None:
    """Some of each kind: of a row, of a generated row, of a value that code makes, of one that it changes."""
    assert {"Serving", "SecretNotFound", "NameTaken", "ClientExpired", "ClientKeyRefused", "Rejected"} <= set(ALL)
    assert len(ALL) > 50


@pytest.mark.parametrize("reason", ALL)
def test_a_reason_is_in_a_table_of_tests(reason: str) -> None:
    assert reason in told() | IN_A_TEST_OF_ITS_OWN


@pytest.mark.parametrize("reason", ALL)
def test_a_reason_is_explained(reason: str) -> None:
    meaning, remedy = explained()[reason]
    assert meaning.endswith(".")
    assert remedy.endswith((".", "?", "`."))


def test_nothing_is_explained_that_there_is_not() -> None:
    assert sorted(explained()) == ALL


def test_every_condition_is_explained() -> None:
    body = observations.status(observations.state(observations.model(), observations.serving()))
    page = PAGE.read_text()
    assert [one["type"] for one in body["conditions"] if f"| `{one['type']}` |" not in page] == []
