"""What an admin is told of a model, one row for each thing that can be true of it: spec and state in, six conditions out."""

import json
from typing import Any

import pytest

from tests import observations
from tests.golden import render
from tests.unit.status import failing_rows, precedence_rows, restart_rows, rollout_rows, serving_rows, stalled_rows
from tests.unit.status.rows import Row
from vllm_operator import config
from vllm_operator.status import observed

ROWS = [*serving_rows.ROWS, *failing_rows.ROWS, *precedence_rows.ROWS, *rollout_rows.ROWS, *stalled_rows.ROWS,
        *restart_rows.ROWS]  # fmt: skip
TYPES = ["Available", "Ready", "Progressing", "Exposed", "GuardConfigured", "Verified"]
LATER = "2026-01-01T01:00:00Z"


def settings(row: Row) -> config.Config:
    changed: dict[str, Any] = dict(row.settings)
    if "allow" in changed:
        changed["allow"] = render.ALLOW.model_copy(update=changed["allow"])
    return render.SETTINGS.model_copy(update=changed)


def state(row: Row) -> observed.ObservedState:
    return observations.state(observations.model(row.spec), row.described, settings(row))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.promise)
def test_the_admin_is_told(row: Row) -> None:
    body = observations.status(state(row), settings(row))
    messages = observations.messages(body)
    assert observations.signs(body) == row.conditions
    assert messages["Ready"] == row.says
    assert {kind: messages[kind] for kind in row.also} == row.also
    assert [kind for kind in messages if kind != observations.IMAGES_ALONE] == TYPES
    assert not any(key in json.dumps(body) for key in render.KEYS.values())


STEADY = [row for row in ROWS if row.promise not in (*rollout_rows.SOON, *restart_rows.SOON)]


@pytest.mark.parametrize("row", STEADY, ids=lambda row: row.promise)
def test_a_restart_an_hour_later_writes_nothing(row: Row) -> None:
    """A new process has asked no guard and no model yet: what the status says of them stays, word for word."""
    before = state(row)
    body = observations.status(before, settings(row))
    after = before._replace(model={**before.model, "status": body}, guards={}, verified=None)
    assert observations.status(after, settings(row), LATER) == body
