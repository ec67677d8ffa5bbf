"""What is kept of a container's end once it is back: how often, when, where, why, and whether it ends again and again."""

from typing import Any

import pytest

from tests import observations
from tests.observations import pod, rolled_out, serving
from tests.unit.status.restart_rows import DIED, LAST, back, down
from vllm_operator import api
from vllm_operator.engine.causes import Cause
from vllm_operator.kube import kinds
from vllm_operator.status import restarts
from vllm_operator.status.pod_view import Evidence

NOW, HOUR_ON, DAY_ON = "2026-01-01T00:00:00Z", "2026-01-01T00:50:00Z", "2026-01-01T23:50:00Z"
TOLD = {"count": 3, "together": 3, "last": LAST, "pod": "a", "cause": f"EngineDied: {DIED}"}


def body(*pods: kinds.Object, now: str = NOW, evidence: Evidence | None = None, **known: Any) -> kinds.Object:
    """Return the status of a model with these servers, of which the status said what is `known`."""
    names = [one["metadata"]["name"] for one in pods]
    answers = sum(
        any(each == {"type": "Ready", "status": "True"} for each in one["status"]["conditions"]) for one in pods
    )
    described = serving(*names, pods=[*pods], deployment=rolled_out(len(pods), readyReplicas=answers))
    model = {**observations.model({"replicas": len(pods)}), "status": known}
    found = observations.state(model, described)
    return observations.status(found._replace(evidence={"": evidence} if evidence else {}), now=now)


def ready(found: kinds.Object) -> tuple[str, str]:
    value = observations.condition(found, "Ready")
    return value["reason"], value["message"]


def test_what_ready_said_of_the_end_is_kept_when_the_server_is_back() -> None:
    before = body(down(3))
    assert before["restarts"] == TOLD
    after = body(back(count=3), **before)
    assert after["restarts"] == TOLD
    assert f"the last at {LAST} in the pod a: EngineDied: {DIED}" in ready(after)[1]


def test_a_new_operator_goes_on_with_the_cause_that_a_log_had() -> None:
    cause = Evidence(ended="vllm/" + LAST, cause=Cause("AcceleratorFailed", "an accelerator failed"))
    before = body(down(3), evidence=cause)
    assert before["restarts"]["cause"].startswith("AcceleratorFailed: ")
    assert body(down(3), **before)["restarts"] == before["restarts"]


def test_a_server_without_an_end_has_no_restarts() -> None:
    assert "restarts" not in body(pod("a"), restarts=TOLD)


def test_a_restart_is_told_for_a_day() -> None:
    first = body(back())
    assert "restarts: 1" in ready(first)[1]
    assert "restarts: 1" in ready(body(back(), now=HOUR_ON, **first))[1]
    assert ready(body(back(), now=DAY_ON, **first)) == ("Serving", "servers that answer: 1 of 1")
    assert body(back(), now=DAY_ON, **first)["restarts"]["count"] == 1


def test_a_crash_loop_is_over_after_an_hour_without_an_end() -> None:
    first = body(back(count=3))
    assert ready(first)[0] == "CrashLoop"
    assert ready(body(back(count=3), now="2026-01-01T00:49:59Z", **first))[0] == "CrashLoop"
    reason, message = ready(body(back(count=3), now=HOUR_ON, **first))
    assert reason == "Serving"
    assert "restarts: 3" in message


def test_a_loop_is_told_once_in_a_message_that_is_told_again() -> None:
    """Ready of a server whose log a new operator has not read stays as it was."""
    before = body(down(3))
    for now in (NOW, HOUR_ON):
        told = body(down(3), now=now, **before)
        assert ready(told)[1].count("crash loop") == (now == NOW)


@pytest.mark.parametrize(
    ("known", "count", "together"),
    [
        ({}, 2, 2),
        ({}, 400, 400),
        ({"count": 1, "together": 1, "last": "2025-12-31T22:50:01Z"}, 2, 2),
        ({"count": 1, "together": 1, "last": "2025-12-31T22:50:00Z"}, 2, 1),
        ({"count": 1, "together": 1, "last": "2025-12-31T12:00:00Z"}, 21, 21),
        ({"count": 9, "together": 4, "last": "2025-12-30T00:00:00Z"}, 10, 1),
        ({"count": 9, "together": 4, "last": "2026-01-01T00:00:00Z"}, 2, 2),
        ({"count": 9, "together": 4, "last": "2025-12-31T23:40:00Z", "pod": "b"}, 1, 1),
    ],
)
def test_ends_belong_together_that_are_no_hour_apart(known: dict[str, Any], count: int, together: int) -> None:
    """Ends that no operator saw are spread evenly, and a server that is gone takes its ends with it."""
    told = {"restarts": {"pod": "a", "cause": "x", **known}} if known else {}
    assert body(back(count=count), **told)["restarts"]["together"] == together


def test_a_node_that_restarts_ends_both_containers_of_a_server_once() -> None:
    both, guard = back(count=2), back(count=2, container="guard")
    both["status"]["initContainerStatuses"] = guard["status"]["initContainerStatuses"]
    assert body(both)["restarts"]["count"] == 2


def test_a_model_is_looked_at_again_when_it_is_told_otherwise() -> None:
    found = observations.state(observations.model(), serving(pods=[back()]))
    last = api.unix(LAST)
    moments = (last, last + 3599, last + 3600, last + 86399, last + 86400)
    due = (last + 3600, last + 3600, last + 86400, last + 86400, float("inf"))
    assert tuple(restarts.due(found, now) for now in moments) == due
    whole = observations.state(observations.model(), serving())
    assert restarts.due(whole, last) == float("inf")
