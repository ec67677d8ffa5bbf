"""What the benchmark of scale counts, times and writes down, without a cluster."""

import json
import pathlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.scale import audit, load, measure, plot, recording, report, tables

VALUES = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=2), VALUES, max_size=4)


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_leads_from_what_was_to_what_is(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert _merged(before, recording.difference(before, after)) == after


@given(OBJECTS)
def test_nothing_is_written_where_nothing_changed(same: dict[str, Any]) -> None:
    assert recording.difference(same, same) == {}


def test_the_log_is_read_as_it_grows_and_a_line_that_is_being_written_waits(tmp_path: pathlib.Path) -> None:
    log, path = audit.Log(tmp_path), tmp_path / "audit.log"
    first, second = _line("create", "secrets", "m-00001.guard"), _line("patch", "modeldeployments", "m-00001", "status")
    path.write_text(first + second[:40])
    assert [call.name for call in log.fresh()] == ["m-00001.guard"]
    path.write_text(first + second)
    assert [call.resource for call in log.fresh()] == [audit.STATUS]
    assert log.fresh() == []


def test_only_calls_on_a_models_objects_are_counted_for_it() -> None:
    named = {
        ("get", "secrets"): "m-00000.guard",
        ("create", "events"): "m-00000.1",
        ("get", "ingressclasses"): "contour",
    }
    calls = [_call(verb, resource, name) for (verb, resource), name in named.items()]
    calls += [_call("list", "secrets", ""), _call("watch", "secrets", ""), _call("update", "leases", "vllm-operator")]
    assert audit.counts(calls) == {"create events": 1, "get secrets": 1}
    assert [call.resource for call in audit.writes(calls)] == ["events"]


@pytest.mark.parametrize("name", ["m-00001", "m-00001-peers", "m-00001.guard", "m-00001.key.default"])
def test_a_child_is_counted_for_its_model(name: str) -> None:
    assert _call("create", "services", name).model == "m-00001"


def test_a_creation_is_timed_from_the_request_to_the_last_child() -> None:
    calls = [
        _call("create", audit.MODELS, "m-00000", audit.ADMIN, at=10.0, until=10.5),
        _call("create", audit.MODELS, "m-00001", audit.ADMIN, at=11.0, until=11.5),
        _call("create", "secrets", "m-00000.guard", at=12.0, until=13.0),
        _call("create", "secrets", "m-00001.guard", at=13.0, until=15.0),
        _call("create", "events", "m-00001.1", at=20.0, until=21.0),
        _call("patch", audit.STATUS, "m-00000", at=20.0, until=22.0),
    ]
    found = measure.summary(measure.Followed(calls, {}), 2, created=True)
    assert (found["seconds"], found["p50"], found["p99"]) == (5.0, 3.5, 4.0)
    assert found["writes per model"] == 2.0
    assert measure.summary(measure.Followed(calls, {}), 2, created=False)["seconds"] == 12.0


def test_a_refused_write_is_told() -> None:
    calls = [
        _call("create", audit.MODELS, "m-00000", audit.ADMIN),
        _call("create", "secrets", "m-00000.guard")._replace(code=409),
    ]
    assert measure.summary(measure.Followed(calls, {}), 1, created=True)["refused"] == {"create secrets 409": 1}


def test_a_figure_is_a_ratio_to_the_floor_of_the_same_run() -> None:
    runs = [report.Run(0, 100, _phases(2.0), _phases(3.0)), report.Run(1, 100, _phases(4.0), _phases(4.0))]
    found = {figure.name: figure for figure in report.figures(runs)}
    ratio = found["100 models: all created at once: time, of the floor's"]
    assert ratio.runs == (1.5, 1.0)
    assert ratio.below == 1.25


def test_the_page_says_the_medians_and_their_spread() -> None:
    runs = [report.Run(number, 100, _phases(2.0), _phases(seconds)) for number, seconds in enumerate((3.0, 4.0, 2.0))]
    table = tables.many(runs)
    assert "| all created at once: time | 3 s (2 to 4) |" in table
    assert "| all created at once: time, of the floor's | 1.5 x (1 to 2) | 1.25 |" in table


def test_the_page_on_sizing_says_what_each_further_model_takes() -> None:
    measured = {0: (60.0,), 100: (80.0,), 1000: (125.0, 126.0, 140.0)}
    runs = [
        report.Run(number, count, {}, {"rest": {"resident MB": megabytes}})
        for count, found in measured.items()
        for number, megabytes in enumerate(found)
    ]
    table = tables.memory(runs)
    assert "| at rest with 1000 models | 126 MB |" in table
    assert "| each further model, from 100 to 1000 | 51 kB |" in table
    assert "each further" not in tables.memory(runs[:1])


def test_the_drawing_holds_each_line_once() -> None:
    drawn = plot.svg(
        "a < b", "s", [plot.Line("one", ((100, 1.0), (1000, 12.0))), plot.Line("two", ((100, 3.0), (1000, 3.0)))]
    )
    assert drawn.count("<polyline") == 2
    assert "a &lt; b" in drawn


def _phases(seconds: float) -> dict[str, Any]:
    phase = {"seconds": seconds, "p50": 1.0, "p99": 1.0, "calls per model": {}, "writes per model": 9.0, "cpu": {}}
    return dict.fromkeys(("create", *load.EDITS), phase)


def _merged(target: Any, patch: Any) -> Any:
    """Apply a merge patch as RFC 7396 has it."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        found[name] = _merged(found.get(name), value)
    return {name: value for name, value in found.items() if not (name in patch and patch[name] is None)}


def _call(
    verb: str, resource: str, name: str, user: str = audit.OPERATOR, *, at: float = 0.0, until: float = 1.0
) -> audit.Call:
    return audit.Call(user, verb, resource, name, 200, at, until)


def _line(verb: str, resource: str, name: str, subresource: str = "") -> str:
    moment = "2026-01-01T00:00:00.000000Z"
    event = {
        "stage": "ResponseComplete", "verb": verb, "user": {"username": audit.OPERATOR},
        "objectRef": {"resource": resource, "name": name, "subresource": subresource},
        "responseStatus": {"code": 200}, "requestReceivedTimestamp": moment, "stageTimestamp": moment,
    }  # fmt: skip
    return json.dumps(event) + "\n"
