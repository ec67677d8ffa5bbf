"""On how many servers a client's newest key holds, and what a restart of the operator leaves of it."""

from typing import Any

from tests import observations
from vllm_operator import guard
from vllm_operator.kube import conditions, kinds, naming
from vllm_operator.status import guard_conditions, observed

CLIENTS = [{"name": "team-a"}, {"name": "team-b"}, {"name": "vault", "keySecretRef": {"name": "from-our-vault"}}]
MODEL = observations.model({"replicas": 2, "access": {"clients": CLIENTS}})

CONDITIONS = {"GuardConfigured": guard_conditions.guard_configured, "Verified": guard_conditions.verified}


def seen(**changed: Any) -> observed.ObservedState:
    """Two servers, of which one has taken up the newest configuration; one client has no key."""
    said = observations.serving("a", "b", guards={"a": {}, "b": {"version": "older"}})
    return observations.state(MODEL, {**said, "troubles": {"vault": ["ClientKeyNotFound", "why"]}})._replace(**changed)


def written(found: observed.ObservedState) -> list[dict[str, Any]]:
    clients: list[dict[str, Any]] = observations.status(found)["clients"]
    return clients


def test_a_server_counts_once_its_guard_has_what_was_last_written() -> None:
    assert [one["appliedOn"] for one in written(seen())] == [1, 1, 1]
    newest = {pod: guard.State(guard_conditions.wanted(seen()), 0) for pod in ("a", "b")}
    assert [one["appliedOn"] for one in written(seen(guards=newest))] == [2, 2, 2]
    assert [one["appliedOn"] for one in written(seen(guards={**newest, "b": None}))] == [1, 1, 1]


def test_until_the_guards_were_asked_anew_what_is_written_stays() -> None:
    before = {"clients": [{"name": "team-a", "appliedOn": 2}]}
    asleep = seen(guards={}, model={**seen().model, "status": before})
    assert [one["appliedOn"] for one in written(asleep)] == [2, 0, 0]


def test_a_guard_that_rejects_comes_before_a_client_without_a_key() -> None:
    rejecting = {"a": guard.State("older", 1), "b": guard.State("older", 0)}
    assert guard_conditions.guard_configured(seen(guards=rejecting)).reason == guard_conditions.REJECTED
    assert guard_conditions.guard_configured(seen()).reason == "ClientKeyNotFound"
    two = {name: conditions.ConditionValue("False", f"Reason{name}", f"{name}: why") for name in ("b", "a")}
    said = guard_conditions.guard_configured(seen(troubles=two))
    assert said[:3] == ("False", "Reasona", "a: why; b: why")


def test_before_the_first_answer_the_conditions_stay_as_they_are() -> None:
    told = {"status": "True", "reason": "Told", "message": "before", "observedGeneration": 4}
    for kind, said in CONDITIONS.items():
        found = of_generation(5, {"type": kind, **told}, guards={})
        assert said(found) == conditions.ConditionValue("True", "Told", "before", 4)
        assert said(found._replace(model=MODEL)).reason == "NotAsked"


def test_guards_are_compared_with_the_spec_that_their_secret_was_written_for() -> None:
    told = {"type": "GuardConfigured", "status": "True", "reason": "Told", "message": "", "observedGeneration": 4}
    found = of_generation(5, told)
    secret = kinds.Ref("Secret", "models", naming.guard_secret("vllm11"))
    assert guard_conditions.guard_configured(found).generation == 5
    failures = {secret: conditions.ConditionValue("False", "WriteRefused", "no")}
    assert guard_conditions.guard_configured(found._replace(failures=failures)).generation == 4
    assert guard_conditions.guard_configured(of_generation(5, failures=failures)).generation == 5, "no other is known"


def test_what_a_request_has_shown_names_the_spec_it_was_of() -> None:
    shown = conditions.ConditionValue("True", "Verified", "a token", 4)
    assert guard_conditions.verified(of_generation(5, verified=shown)) == shown


def of_generation(generation: int, *told: kinds.Object, **changed: Any) -> observed.ObservedState:
    """A model of that generation, its servers and its conditions; every client has a key."""
    metadata = {**MODEL["metadata"], "generation": generation}
    model = {**MODEL, "metadata": metadata, "status": {"conditions": list(told)}}
    return seen(model=model, troubles={}, verified=None)._replace(**changed)
