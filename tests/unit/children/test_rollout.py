"""What is decided of a rollout in one run, where the whole life of one (tests/unit/controller) does not show it."""

from typing import Any

import pytest

from tests.golden import render
from vllm_operator import api
from vllm_operator.children import rollout, rollout_record, template
from vllm_operator.children.rollout_record import GaveWay, Record
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "vllm11", "u")
BEGAN = "2026-01-01T00:00:00Z"
NOW = float(api.unix(BEGAN))
MINUTE = 60.0


def spec(*args: str, **said: Any) -> api.Spec:
    wanted = {"model": {"source": "file:///models/opt"}, "engine": {"args": list(args)}}
    return api.parse({**wanted, "rollout": {"returnAfter": "10m"}, **said})


def pinned(of: api.Spec) -> kinds.Object:
    made = template.revision(OWNER, of, render.SETTINGS, ())
    name = f"vllm11.template.{made['data']['inputs']}"
    return {**made, "metadata": {**made["metadata"], "name": name, "creationTimestamp": BEGAN}}


def inputs(of: kinds.Object) -> str:
    return str(of["data"]["inputs"])


GOOD, NEW = spec(), spec("--seed=1")
LAST, ASKED = pinned(GOOD), pinned(NEW)


def deployment(of: kinds.Object, record: Record, replicas: int = 1) -> kinds.Object:
    notes = {naming.INPUTS_ANNOTATION: inputs(of), naming.ROLLOUT_ANNOTATION: rollout_record.written(record)}
    return {"metadata": {"annotations": notes}, "spec": {"replicas": replicas}}


def decided(
    record: Record, now: float, *, at_work: kinds.Object = ASKED, of: api.Spec = NEW, **more: Any
) -> rollout.Rollout:
    """Return what is decided `now` seconds after the beginning."""
    live = rollout.Live(deployment(at_work, record, more.get("replicas", 1)), told="Loading: x", now=NOW + now)
    revisions = more.get("revisions", (LAST, ASKED))
    return rollout.rollout(ASKED, more.get("wanted", ASKED), of, revisions, live)


TRIED = Record(since=BEGAN, verified=inputs(LAST))


def test_a_version_has_its_whole_time_and_not_a_second_more() -> None:
    before, after = decided(TRIED, 10 * MINUTE - 1), decided(TRIED, 10 * MINUTE)
    assert (before.target, before.returns_at) == (ASKED, NOW + 10 * MINUTE)
    assert after.target == LAST
    assert after.record.gave_way == GaveWay(inputs(ASKED), api.moment(NOW + 10 * MINUTE), "Loading: x")
    assert after.returns_at is None


def test_weights_that_are_fetched_first_cost_a_version_none_of_its_time() -> None:
    """The Deployment keeps the old template meanwhile; the time begins with the new one."""
    waits = decided(TRIED, 60 * MINUTE, at_work=LAST, wanted=LAST)
    assert (waits.target, waits.record.since, waits.returns_at) == (LAST, BEGAN, None)
    begins = decided(waits.record, 61 * MINUTE, at_work=LAST)
    assert (begins.target, begins.record.since) == (ASKED, api.moment(NOW + 61 * MINUTE))


@pytest.mark.parametrize("changed", [{"paused": True}, {"replicas": 0}, {"rollout": {}}])
def test_no_version_gives_way_while_it_cannot_show_what_it_does(changed: dict[str, Any]) -> None:
    found = decided(TRIED, 60 * MINUTE, of=spec("--seed=1", **changed))
    assert (found.target, found.record.gave_way, found.returns_at) == (ASKED, None, None)


def test_a_model_that_is_scaled_up_from_zero_begins_anew() -> None:
    assert decided(TRIED, 60 * MINUTE, replicas=0).record.since == api.moment(NOW + 60 * MINUTE)


def test_nothing_returns_to_a_version_that_is_no_longer_there() -> None:
    assert decided(TRIED, 60 * MINUTE, revisions=(ASKED,)).target == ASKED


def test_a_version_whose_beginning_nobody_noted_began_when_it_was_pinned() -> None:
    """An earlier release of the operator has made its servers."""
    nobody = Record(verified=inputs(LAST))
    assert decided(nobody, 9 * MINUTE).target == ASKED
    assert decided(nobody, 9 * MINUTE).record.since == ""
    assert decided(nobody, 10 * MINUTE).target == LAST


def test_a_version_that_gave_way_is_remembered_for_the_spec_that_asks_for_it_alone() -> None:
    gave_way = TRIED._replace(gave_way=GaveWay(inputs(ASKED), BEGAN, "x"))
    assert decided(gave_way, 1.0, at_work=LAST).target == LAST
    other = TRIED._replace(gave_way=GaveWay("another", BEGAN, "x"))
    assert decided(other, 1.0, at_work=LAST).record.gave_way is None


def test_room_that_was_made_for_a_version_is_taken_back_at_once() -> None:
    found = decided(TRIED._replace(recreates=True), 10 * MINUTE)
    assert (found.target, found.stops_first) == (LAST, True)


@pytest.mark.parametrize(("strategy", "stops_first"), [("Auto", False), ("Surge", False), ("Recreate", True)])
def test_a_first_rollout_has_its_strategy(strategy: str, stops_first: bool) -> None:
    of = spec(rollout={"strategy": strategy})
    found = rollout.rollout(LAST, LAST, of, (), rollout.Live(now=NOW))
    assert (found.stops_first, found.record) == (stops_first, Record(since=BEGAN))


def pod(of: kinds.Object, made_from: str, **said: Any) -> kinds.Object:
    notes = of["data"]["template"]["metadata"]["annotations"]
    metadata = {"name": made_from, "annotations": notes, "labels": {"pod-template-hash": made_from}}
    return {"metadata": metadata, "status": {"conditions": [said]}}


@pytest.mark.parametrize("has_answered", [True, False])
def test_servers_that_nobody_verified_are_stopped_on_a_guess_only_if_none_ever_answered(has_answered: bool) -> None:
    """An earlier release of the operator has noted nothing of them."""
    waits = pod(
        ASKED, "new", type="PodScheduled", status="False", reason="Unschedulable", message="Insufficient memory"
    )
    away = pod(LAST, "old", type="Ready", status="False")
    live = rollout.Live(deployment(ASKED, Record()), (waits, away), has_answered=has_answered, now=NOW)
    assert rollout.rollout(ASKED, ASKED, NEW, (LAST, ASKED), live).stops_first is not has_answered
