"""A version counts as verified when all its servers answered, and one of them a request; whatever else was seen is no proof."""

from typing import Any

import pytest

from tests import observations, samples
from tests.observations import pod, rolled_out
from vllm_operator.kube import kinds
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import rollout

MODEL = observations.model()
WRONG = ConditionValue("False", "AnswerWrong", "x")


def server(name: str, made_from: str = "1", **metadata: Any) -> kinds.Object:
    found = pod(name)
    return {**found, "metadata": {**found["metadata"], **samples.made_by_deployment("vllm11", made_from), **metadata}}


def is_proven(asked: tuple[str, ...] = ("1",), **described: Any) -> bool:
    whole = {"deployment": rolled_out(1), "pods": [server("a")], "verified": observations.VERIFIED, **described}
    found = observations.state(MODEL, whole)._replace(asked=frozenset(asked))
    return rollout.live(found, 0.0).is_proven


def test_all_servers_answer_and_a_request_was_answered_rightly() -> None:
    assert is_proven()


@pytest.mark.parametrize("reason", ["NoClientKey", "NoSpareLimit", "NoService", "Unreachable"])
def test_where_nobody_can_ask_ready_servers_are_enough(reason: str) -> None:
    assert is_proven(verified=ConditionValue("Unknown", reason, "x"))


OTHERS: dict[str, dict[str, Any]] = {
    "nobody has asked yet": {"verified": None},
    "the answer was wrong": {"verified": WRONG},
    "the answer is known of other servers": {"asked": ("0",)},
    "the answer is known of these and others": {"asked": ("0", "1")},
    "a server of an earlier version is left": {"deployment": rolled_out(1, replicas=2)},
    "a server does not answer": {"deployment": rolled_out(1, readyReplicas=0)},
    "the controller has not seen the newest version": {"deployment": rolled_out(1, observedGeneration=0)},
    "the pods that are known are those of before": {"pods": [server("a", annotations={})]},
    "two versions answer": {"pods": [server("a"), server("b", "2")]},
    "nothing is there": {"pods": []},
    "there is no Deployment": {"absent": ["Deployment"]},
}


@pytest.mark.parametrize("described", OTHERS.values(), ids=OTHERS)
def test_nothing_else_is_proof(described: dict[str, Any]) -> None:
    assert not is_proven(**described)


def test_what_is_told_of_a_version_that_gives_way_is_what_ready_says() -> None:
    def told(status: str) -> str:
        ready = {"type": "Ready", "status": status, "reason": "EngineFailed", "message": "boom"}
        one = {**MODEL, "status": {"conditions": [ready]}}
        return rollout.live(observations.state(one, {}), 0.0).told

    assert (told("False"), told("True")) == ("EngineFailed: boom", "")


@pytest.mark.parametrize(
    ("status", "has_answered"),
    [
        ({}, False),
        ({"conditions": [{"type": "Available", "status": "False"}]}, False),
        ({"conditions": [{"type": "Available", "status": "True"}]}, True),
        (
            {"conditions": [{"type": "Available", "status": "False"}], "lastOutage": {"began": "2026-01-01T00:00:00Z"}},
            True,
        ),
    ],
)
def test_a_model_has_answered_if_it_does_or_has_stopped_doing_so(status: kinds.Object, has_answered: bool) -> None:
    assert rollout.live(observations.state({**MODEL, "status": status}, {}), 0.0).has_answered is has_answered
