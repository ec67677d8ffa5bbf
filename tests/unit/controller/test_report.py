"""What is told of a run: the status where it changed, an Event where Ready's reason did, and no Event that costs anything."""

import logging
from typing import Any

import pytest

from tests import fake_apiserver, observations
from tests.golden import render
from tests.observations import rolled_out, serving
from tests.unit.status import restart_rows
from tests.unit.status.rows import RUNNING, WAITING, engine, starting
from vllm_operator import api
from vllm_operator.controller import report
from vllm_operator.kube import apply, cache, errors, kinds
from vllm_operator.kube.conditions import ConditionValue

MODEL = kinds.Ref("ModelDeployment", "models", "vllm11")
LOADING = starting(engine(RUNNING))
UNSCHEDULABLE = starting(
    observations.pod("a", conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}])
)
UNREADABLE = api.SpecNotUnderstood("spec.replicas: no")


class Story:
    """One model that is reported again and again, as its states and the time go on."""

    def __init__(self) -> None:
        self.api, self.now = fake_apiserver.FakeCluster(), api.unix(render.NOW)
        model = observations.model(resourceVersion="1")
        self.api.objects[MODEL] = model
        applier = apply.Applier(self.api, cache.Cache())
        self.reporter = report.Reporter(self.api, applier, lambda: self.now)

    async def is_seen(self, described: dict[str, Any], after: float = 0.0) -> None:
        self.now += after
        found = observations.state(self.api.objects[MODEL], described)
        await self.reporter.report(found, observations.plan(found))

    def refuse_events(self, refusal: Exception) -> None:
        def interrupt(_verb: str, ref: kinds.Ref, when: str) -> None:
            if ref.kind == "Event" and when == "before":
                raise refusal

        self.api.interrupt = interrupt

    @property
    def statuses(self) -> int:
        """Return how often the status was written."""
        return sum(ref == MODEL for _, ref in self.api.calls)

    @property
    def events(self) -> list[tuple[str, str]]:
        """Return what was told: type and reason, and the note."""
        told = [obj for obj in self.api.objects.values() if obj["kind"] == "Event"]
        return [(f"{one['type']} {one['reason']}", one["note"]) for one in told]

    @property
    def reasons(self) -> list[str]:
        return [reason for reason, _ in self.events]


async def test_an_event_tells_each_change_of_readys_reason() -> None:
    story = Story()
    for described in (LOADING, UNSCHEDULABLE, serving()):
        await story.is_seen(described)
    assert story.reasons == ["Normal Loading", "Warning Unschedulable", "Normal Serving"]
    assert story.events[1][1].startswith("no node takes the pod a: 0/1 nodes: see `kubectl describe pod`")


async def test_what_did_not_change_is_not_told_again() -> None:
    story = Story()
    for _ in range(3):
        await story.is_seen(serving(), after=700)
    assert (story.statuses, story.reasons) == (1, ["Normal Serving"])


async def test_other_words_for_the_same_reason_are_a_new_status_and_no_event() -> None:
    story = Story()
    for name in ("a", "b"):
        await story.is_seen(starting(observations.pod(name, phase="Pending")))
    assert (story.statuses, story.reasons) == (2, ["Normal Starting"])


async def test_the_same_words_make_one_event_in_ten_minutes() -> None:
    """A model that flaps writes its status each time, and Events like a clock that was slowed down."""
    story = Story()
    for _ in range(4):
        await story.is_seen(LOADING, after=60)
        await story.is_seen(UNSCHEDULABLE, after=60)
    assert story.statuses == 8
    assert story.reasons == ["Normal Loading", "Warning Unschedulable"]
    await story.is_seen(LOADING, after=600)
    assert story.reasons[2:] == ["Normal Loading"]


async def test_each_model_has_its_own_events() -> None:
    story = Story()
    await story.is_seen(LOADING)
    story.reporter.forget(kinds.Key("models", "vllm11"))
    del story.api.objects[MODEL]["status"]
    await story.is_seen(LOADING)
    assert story.reasons == ["Normal Loading", "Normal Loading"], "one that was deleted and made anew begins anew"


async def test_a_restart_costs_no_write_beside_those_of_ready() -> None:
    story, said = Story(), list[tuple[str, str]]()
    for count in range(1, 5):
        at = api.moment(story.now)
        down = serving(pods=[restart_rows.down(count, at)], deployment=rolled_out(readyReplicas=0), guards={})
        for described in (down, serving(pods=[restart_rows.back(count=count, at=at)])):
            await story.is_seen(described, after=300)
            ready = observations.condition(story.api.objects[MODEL]["status"], "Ready")
            said += [(ready["reason"], ready["message"])]
    changes = [one for one, before in zip(said, [("", ""), *said], strict=False) if one != before]
    assert story.statuses == len(changes) == 8
    assert [reason for reason, _ in said[-2:]] == ["EngineDied", "CrashLoop"]


POD = "vllm11-7d9f8b6c5-{}"


@pytest.mark.parametrize(
    ("exit_code", "ran", "reason"), [(137, 5, "KilledBySignal"), (1, 5, "ContainerEnded"), (1, 7200, "StartTimedOut")]
)
async def test_a_crash_loop_is_no_new_event_at_each_restart(exit_code: int, ran: int, reason: str) -> None:
    story = Story()
    for count, name in enumerate(("x2x9z", "bcdfg", "bcdfg", "4k7mn"), 1):
        begun = story.now - 60 * count - ran
        end = {
            "exitCode": exit_code,
            "startedAt": api.moment(begun),
            "finishedAt": api.moment(begun + ran + 60 * count),
        }
        one = engine(WAITING, end, restartCount=count)
        one["metadata"]["name"] = POD.format(name)
        one["spec"] = {"containers": [{"name": "vllm", "startupProbe": {"failureThreshold": 720}}]}
        await story.is_seen(starting(one), after=60)
        await story.is_seen(UNSCHEDULABLE, after=60)
    assert story.reasons == [f"Warning {reason}", "Warning Unschedulable"]


@pytest.mark.parametrize("by_the_way", [[], [serving(guards={"a": {"version": "older"}})]])
async def test_keys_that_a_guard_lacks_are_told_and_their_end_too(by_the_way: list[dict[str, Any]]) -> None:
    """New keys reach the guards a moment later, which is told by no Event."""
    trouble = serving(troubles={"vault": ("ClientKeyNotFound", "no Secret")})
    story = Story()
    for described in (serving(), *by_the_way, trouble, trouble, *by_the_way, serving()):
        await story.is_seen(described)
    assert story.reasons == ["Normal Serving", "Warning ClientKeyNotFound", "Normal Configured"]


async def test_each_client_that_is_revoked_is_told() -> None:
    story = Story()
    for client in ("team-1", "team-2", "team-2"):
        await story.reporter.revoked(story.api.objects[MODEL], [client])
    assert [note.rpartition(" ")[2] for _, note in story.events] == ["team-1", "team-2"]


async def test_what_ready_tells_is_not_told_of_another_condition_as_well() -> None:
    wrong = serving(verified=ConditionValue("False", "AnswerWrong", "the answer was wrong"))
    story = Story()
    for described in (serving(), wrong, serving()):
        await story.is_seen(described, after=600)
    assert story.reasons == ["Normal Serving", "Warning VerificationFailed", "Normal Serving", "Normal Verified"]


async def test_a_condition_that_was_never_true_is_told_once_it_is() -> None:
    story = Story()
    for described in (serving(troubles={"vault": ("ClientKeyNotFound", "no Secret")}), serving()):
        await story.is_seen(described)
    assert story.reasons == ["Normal Serving", "Normal Configured"]


@pytest.mark.parametrize(
    "refusal",
    [
        errors.Denied(403, "Forbidden", "quota"),
        errors.Unavailable(0, "", "away"),
        errors.NotFound(404, "NotFound", "gone"),
    ],
)
async def test_a_refused_event_costs_nothing(refusal: errors.ApiError) -> None:
    story = Story()
    story.refuse_events(refusal)
    await story.is_seen(LOADING)
    await story.reporter.revoked(story.api.objects[MODEL], ["team-a"])
    assert (story.statuses, story.reasons) == (1, [])


async def test_a_lost_lease_ends_a_report() -> None:
    story = Story()
    story.refuse_events(errors.Lost())
    with pytest.raises(errors.Lost):
        await story.is_seen(LOADING)


async def test_a_spec_that_is_not_understood_is_told_as_a_warning() -> None:
    story = Story()
    await story.is_seen(serving())
    for _ in range(2):
        await story.reporter.unreadable(story.api.objects[MODEL], UNREADABLE)
    assert story.reasons == ["Normal Serving", "Warning SpecNotUnderstood"]


async def test_whose_keys_were_revoked_is_told_by_name() -> None:
    story = Story()
    for _ in range(2):
        await story.reporter.revoked(story.api.objects[MODEL], ["team-a", "team-b"])
    note = "no longer listed in spec.access.clients, so their keys are revoked: team-a, team-b"
    assert story.events == [("Normal ClientRevoked", note)]


@pytest.mark.parametrize(
    ("described", "kind"),
    [
        (serving(), "Normal"),
        ({"deployment": rolled_out(0)}, "Normal"),
        (serving(failures={"Service": "nobody"}), "Warning"),
    ],
)
async def test_what_nobody_needs_to_act_on_is_no_warning(described: dict[str, Any], kind: str) -> None:
    story = Story()
    await story.is_seen(described)
    assert [told.split()[0] for told in story.reasons] == [kind]


async def test_the_log_names_the_model_and_its_new_reason(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await Story().is_seen(serving())
    assert "ModelDeployment changed key=models/vllm11 ready=True reason=Serving" in caplog.text
