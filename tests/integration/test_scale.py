"""What sixty models cost the API server, counted in its audit log: counts alone, for times say nothing on a loaded machine.

`make bench ONLY=scale` measures the same, times and memory too, with up to 10,000 models (docs/performance.md).
"""

import pytest
import uvloop

from tests.bench.scale import load, scenarios

MODELS = 60
CHILDREN = 8
SLACK = 0.05  # a model in twenty may be looked at twice


@pytest.fixture(scope="module")
def measured() -> scenarios.Phases:
    return uvloop.run(scenarios.crowd(MODELS, MODELS))


def test_a_new_model_costs_a_write_for_each_child_its_status_and_an_event(measured: scenarios.Phases) -> None:
    assert measured["create"]["writes per model"] <= CHILDREN + 2 + SLACK, measured["create"]["calls per model"]


def test_a_new_model_is_written_without_a_read(measured: scenarios.Phases) -> None:
    calls = measured["create"]["calls per model"]
    reads = {name: count for name, count in calls.items() if name.startswith("get ")}
    assert sum(reads.values()) <= SLACK, reads


def test_no_write_is_refused(measured: scenarios.Phases) -> None:
    assert [measured[phase]["refused"] for phase in ("create", *load.EDITS)] == [{}] * 3


@pytest.mark.parametrize("field", load.EDITS)
def test_one_changed_field_costs_four_calls_at_most(measured: scenarios.Phases, field: str) -> None:
    calls = measured[field]["calls per model"]
    assert sum(calls.values()) <= 4 + SLACK, calls


def test_a_wake_for_nothing_calls_nobody(measured: scenarios.Phases) -> None:
    assert measured["wake"]["runs"] >= MODELS
    assert measured["wake"]["writes"] == 0
    assert measured["wake"]["calls per model"] == {}


def test_a_look_at_models_of_which_nothing_changed_writes_nothing(measured: scenarios.Phases) -> None:
    assert measured["look"]["writes"] == 0


def test_a_restart_checks_every_model_and_writes_nothing(measured: scenarios.Phases) -> None:
    assert measured["restart"]["runs"] >= MODELS
    assert measured["restart"]["writes"] == 0
    assert measured["restart"]["calls per model"] == {}


def test_at_rest_nothing_is_written(measured: scenarios.Phases) -> None:
    assert measured["rest"]["writes"] == 0


def test_deleted_models_leave_nothing(measured: scenarios.Phases) -> None:
    assert measured["delete"]["left"] == []
    assert measured["delete"]["writes"] == 0
