"""The status as a whole: what serves, of which generation each condition speaks, when it changed, and that all of it fits."""

from typing import Any

import pytest

from tests import observations
from tests.golden import render
from tests.observations import rolled_out, serving
from tests.unit.status.rows import RUNNING, engine, starting
from vllm_operator import api
from vllm_operator.kube import errors, kinds
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import observed, summary

LATER = "2026-01-01T01:00:00Z"
LATEST = "2026-01-01T02:00:00Z"
LONG = "many words " * 1000
UNREADABLE = api.SpecNotUnderstood("spec.replicas: no")


def model(generation: int, status: kinds.Object | None = None, **spec: Any) -> kinds.Object:
    return {**observations.model(spec, generation=generation), **({"status": status} if status else {})}


def of_generation(generation: int, described: dict[str, Any]) -> dict[str, int]:
    """Return of which generation each condition of a model speaks, and the status as a whole."""
    body = observations.status(observations.state(model(generation), described))
    found = {one["type"]: one["observedGeneration"] for one in body["conditions"]}
    return {**found, "": body["observedGeneration"]}


def test_every_condition_speaks_of_the_generation_that_was_looked_at() -> None:
    shown = observations.VERIFIED._replace(generation=4)
    found = of_generation(5, serving(verified=shown))
    assert found.pop("Verified") == 4
    assert set(found.values()) == {5}


def test_what_guards_say_of_an_expired_client_keeps_its_generation() -> None:
    late = {"access": {"clients": [{"name": "team-a", "expiresAt": "2025-12-31T23:59:59Z"}, {"name": "team-b"}]}}
    told = {
        "type": "GuardConfigured",
        "status": "True",
        "reason": "Configured",
        "message": "",
        "observedGeneration": 4,
        "lastTransitionTime": LATER,
    }
    found = observations.state(model(5, {"conditions": [told]}, **late), serving(guards={}))
    said = observations.condition(observations.status(found), "GuardConfigured")
    assert (said["reason"], said["observedGeneration"]) == ("ClientExpired", 4)


def test_a_transition_is_dated_and_nothing_else_is() -> None:
    """Loading, loading differently, serving: the second changes words alone."""
    times = []
    before: kinds.Object = {}
    steps = [(starting(engine(RUNNING)), render.NOW), (starting(), LATER), (serving(), LATEST)]
    for described, now in steps:
        found = observations.state(model(1, before), described)
        before = observations.status(found, now=now)
        ready = observations.condition(before, "Ready")
        times.append((ready["reason"], ready["lastTransitionTime"]))
    assert times == [("Loading", render.NOW), ("RollingOut", render.NOW), ("Serving", LATEST)]


def test_a_condition_that_was_never_told_begins_now() -> None:
    found = observations.status(observations.state(model(1, {"conditions": []}), serving()), now=LATER)
    assert {one["lastTransitionTime"] for one in found["conditions"]} == {LATER}


def test_a_message_that_is_too_long_is_cut_between_two_words() -> None:
    refusal = errors.Denied(403, "Forbidden", LONG)
    body = observations.status(observations.state(model(1), serving(failures={"Deployment": refusal})))
    message = observations.condition(body, "Ready")["message"]
    assert 4080 < len(message) <= 4096
    assert message.endswith((" many…", " words…"))
    api.Status.model_validate(body)


def test_no_field_is_longer_than_the_schema_allows() -> None:
    """The API server would refuse the status as a whole."""
    limits = {f"nvidia.com/mig-{number}g.{'x' * 40}": 1 for number in range(10)}
    settings = render.SETTINGS.model_copy(update={"engine_images": {"nvidia.com/gpu": "x" * 600}})
    found = observations.state(model(1, resources={"limits": limits}), {"absent": ["Deployment", "ControllerRevision"]})
    body = observations.status(found, settings)
    assert (len(body["image"]), len(body["accelerators"]) <= 256) == (512, True)
    assert body["accelerators"].endswith("…")
    api.Status.model_validate(body)


OLD = {
    "model": {"source": "file:///models/a/old"},
    "resources": {"limits": {"nvidia.com/gpu": 1}},
    "engine": {"image": "registry.example/old:1"},
    "expose": {"host": "old.example", "ingress": {"tls": {"secretName": "tls"}}},
}
NEW = {
    "model": {"source": "file:///models/a/new"},
    "resources": {"limits": {"nvidia.com/gpu": 2}},
    "engine": {"image": "registry.example/new:2"},
    "expose": {"host": "new.example"},
}


def told(spec: dict[str, Any], described: dict[str, Any]) -> list[str]:
    body = observations.status(observations.state(model(1, **spec), described))
    return [body[field] for field in ("url", "model", "image", "accelerators")]


@pytest.mark.parametrize("held", [{"paused": True}, {"serviceAccountName": "admin"}], ids=["paused", "refused"])
def test_what_is_told_is_what_serves_while_a_spec_is_held_back(held: dict[str, Any]) -> None:
    served = ["https://old.example/", "a/old", "registry.example/old:1", "1 nvidia.com/gpu"]
    asked = ["http://new.example/", "a/new", "registry.example/new:2", "2 nvidia.com/gpu"]
    assert told({**NEW, **held}, serving(made_of={**observations.PLAIN["spec"], **OLD})) == served
    assert told(NEW, {"absent": ["Deployment", "ControllerRevision", "Ingress"]}) == asked


def test_counters_are_those_of_the_deployment() -> None:
    deployment = rolled_out(3, replicas=4, updatedReplicas=2, readyReplicas=1)
    body = observations.status(observations.state(model(1, replicas=3), serving(deployment=deployment)))
    assert (body["replicas"], body["updatedReplicas"], body["readyReplicas"]) == (4, 2, 1)
    assert body["selector"] == "serving.byteshop.in/model=vllm11"


def test_a_client_is_told_where_its_key_lies_and_which_it_is() -> None:
    clients = [{"name": "team-a", "keyVersion": 3}, {"name": "team-b", "expiresAt": "2027-01-01T00:00:00Z"}]
    body = observations.status(observations.state(model(1, access={"clients": clients}), serving()))
    assert body["clients"] == [
        {"name": "team-a", "secretName": "vllm11.key.team-a", "keyVersion": 3, "appliedOn": 1},
        {"name": "team-b", "secretName": "vllm11.key.team-b", "keyVersion": 1, "appliedOn": 1,
         "expiresAt": "2027-01-01T00:00:00Z"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("refused", "earlier"),
    [("2026-01-01T00:00:00Z", True), ("2026-01-02T00:00:00Z", False), ("2026-01-03T00:00:00Z", False)],
)
def test_a_refusal_of_pods_that_is_older_than_the_template_is_said_to_be(refused: str, earlier: bool) -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota", "lastUpdateTime": refused}
    found = observations.state(model(1), {"deployment": rolled_out(0, conditions=[condition])})
    said = observations.messages(observations.status(_pinned(found, "2026-01-02T00:00:00Z")))["Ready"]
    suffix = " (said of an earlier spec)" if earlier else ""
    assert said == f"the pods cannot be made: exceeded quota{suffix}: raise the ResourceQuota, or free what it counts"


def test_a_refusal_of_earlier_pods_does_not_hide_what_the_newest_do() -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    deployment = rolled_out(readyReplicas=0, conditions=[condition])
    body = observations.status(observations.state(model(1), starting(engine(RUNNING), deployment=deployment)))
    assert observations.condition(body, "Ready")["reason"] == "Loading"


def test_a_spec_that_is_not_understood_is_told_and_all_else_stays() -> None:
    body = observations.status(observations.state(model(1), serving()))
    after = summary.unreadable(model(2, body), UNREADABLE, LATER)
    ready = observations.condition(after, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "SpecNotUnderstood")
    assert ready["message"] == "the spec cannot be understood: spec.replicas: no"
    assert (ready["observedGeneration"], ready["lastTransitionTime"]) == (2, LATER)
    assert after == {**body, "observedGeneration": 2, "conditions": [
        ready if one["type"] == "Ready" else one for one in body["conditions"]]}  # fmt: skip


def test_a_spec_that_is_not_understood_from_the_first_on_is_told_too() -> None:
    after = summary.unreadable(model(1), UNREADABLE, LATER)
    assert after["observedGeneration"] == 1
    assert observations.messages(after) == {"Ready": "the spec cannot be understood: spec.replicas: no"}


def test_a_spec_that_is_understood_again_is_told_as_ever() -> None:
    body = observations.status(observations.state(model(1), serving()))
    refused = summary.unreadable(model(2, body), UNREADABLE, LATER)
    found = observations.state(model(3, refused), serving(verified=observations.VERIFIED))
    assert observations.signs(observations.status(found)) == observations.signs(body)


def test_what_was_asked_last_is_told_until_it_is_asked_again() -> None:
    shown = ConditionValue("True", "Verified", "an embedding came back", 4)
    written = observations.status(observations.state(model(4), serving(verified=shown)))
    after = observations.status(observations.state(model(5, written), serving(verified=None)))
    found = observations.condition(after, "Verified")
    assert (found["message"], found["observedGeneration"]) == ("an embedding came back", 4)


def _pinned(found: observed.ObservedState, at: str) -> observed.ObservedState:
    """Return the state with its template pinned at that time."""
    objects = {
        ref: {**obj, "metadata": {**obj["metadata"], "creationTimestamp": at}}
        if ref.kind == "ControllerRevision"
        else obj
        for ref, obj in found.objects.items()
    }
    return found._replace(objects=objects)
