"""Pods that the node ended: the last one's reason is told, with the number of them, for as long as none serves in its place."""

from typing import Any

import pytest

from tests import observations
from tests.golden import render
from tests.observations import pod
from tests.unit.status.rows import WAITING, engine, starting
from vllm_operator import api
from vllm_operator.kube import kinds
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import evictions

NOW = render.NOW
REASONS = ("Evicted", "PodRejected")
BEFORE = "2025-01-01T00:00:00Z"
DISK = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi."


def evicted(name: str, words: str = DISK, reason: str = "Evicted", at: str = NOW) -> kinds.Object:
    return pod(name, at, phase="Failed", reason=reason, message=words)


REMEDIES = {
    DISK: "raise spec.resources.limits.ephemeral-storage",
    'Usage of EmptyDir volume "home" exceeds the limit "1Gi".': "raise spec.resources.limits.ephemeral-storage",
    "The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi": "free the node's disk",
    "The node was low on resource: memory. Threshold quantity: 100Mi": "set spec.resources.requests.memory",
    "no words that anybody knows": "give spec.resources.requests what the model needs",
}


@pytest.mark.parametrize(("words", "remedy"), REMEDIES.items())
def test_an_eviction_is_told_in_the_nodes_words_and_with_the_remedy(words: str, remedy: str) -> None:
    found = evictions.diagnose([evicted("b", words)], api.unix(NOW))
    assert found
    assert found.reason == "Evicted"
    assert found.message.startswith(f"the pod b was evicted by the node: {words.rstrip('.')}: {remedy}")


def test_pods_that_were_evicted_again_and_again_are_counted() -> None:
    found = evictions.diagnose([evicted(name) for name in "cba"], api.unix(NOW))
    assert found
    assert found.message.startswith("3 pods were evicted by the node: ")


LIVE = {
    ("Starting", 1): "Evicted", ("Loading", 1): "Evicted", ("Pulling", 1): "Evicted",
    ("UnknownOption", 1): None, ("Unschedulable", 1): None, ("Compiling", 1): None,
    ("UnknownOption", 3): None, ("Unschedulable", 3): "Evicted", ("Downloading", 3): "Evicted",
}  # fmt: skip


@pytest.mark.parametrize(("live", "times", "told"), [(*of, told) for of, told in LIVE.items()])
def test_what_a_live_pod_names_as_the_cause_comes_first(live: str, times: int, told: str | None) -> None:
    failed = [evicted(name) for name in "cba"[:times]]
    found = evictions.diagnose(failed, api.unix(NOW), ConditionValue("False", live, ""))
    assert (found and found.reason) == told


def test_a_pod_that_the_kubelet_refused_says_so() -> None:
    found = evictions.diagnose([evicted("b", "Allocate failed", "UnexpectedAdmissionError")], api.unix(NOW))
    assert found
    assert (found.reason, found.message[:62]) == (
        "PodRejected",
        "the pod b was refused by the node (UnexpectedAdmissionError): ",
    )


@pytest.mark.parametrize("failed", [[], [evicted("b", at=BEFORE)], [evicted("b", "", "")]])
def test_what_ended_long_ago_or_without_a_word_is_no_cause(failed: list[kinds.Object]) -> None:
    assert evictions.diagnose(failed, api.unix(NOW)) is None


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        (starting(evicted("b"), pod("c", phase="Pending")), "Evicted"),
        (starting(observations.earlier(evicted("b")), pod("c", phase="Pending")), "Starting"),
        (
            starting(
                evicted("b"), engine(WAITING, {"exitCode": 1, "message": "vllm: error: unrecognized arguments: --x"})
            ),
            "UnknownOption",
        ),
        ({**observations.serving("a"), "pods": [pod("a"), evicted("b")]}, "Serving"),
    ],
)
def test_it_is_told_until_another_serves(described: dict[str, Any], reason: str) -> None:
    body = observations.status(observations.state(observations.model(), described))
    assert observations.condition(body, "Ready")["reason"] == reason


ENDS: dict[str, dict[str, Any]] = {
    "its container": {"containerStatuses": [{"name": "vllm", "state": {"terminated": {"finishedAt": NOW}}}]},
    "a condition": {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": NOW}]},
}


@pytest.mark.parametrize("said", ENDS.values(), ids=ENDS)
def test_an_old_pod_that_ended_just_now_is_told(said: dict[str, Any]) -> None:
    one = pod("b", BEFORE, phase="Failed", reason="Evicted", message=DISK, **said)
    assert evictions.diagnose([one], api.unix(NOW))
