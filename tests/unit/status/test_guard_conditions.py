"""On how many servers a client's newest key holds, and what a restart of the operator leaves of it."""

from typing import Any

from tests import observations
from vllm_operator import guard
from vllm_operator.kube import conditions
from vllm_operator.status import guard_conditions, observed

CLIENTS = [{"name": "team-a"}, {"name": "team-b"}, {"name": "vault", "keySecretRef": {"name": "from-our-vault"}}]
MODEL = observations.model({"replicas": 2, "access": {"clients": CLIENTS}})


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
    assert guard_conditions.guard_configured(seen(troubles=two)) == conditions.ConditionValue(
        "False", "Reasona", "a: why; b: why"
    )
