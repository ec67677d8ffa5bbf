"""Who keeps pods from being made is told in their own words, and each has a remedy of its own."""

import pytest

from vllm_operator.status import pod_refusals

NAMED = 'Error creating: pods "llama-fetch-x" is forbidden: '
SAID = {
    "exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1": "ResourceQuota",
    "failed quota: small: must specify limits.cpu for: fetch": "LimitRange",
    "maximum memory usage per Container is 1Gi, but limit is 2Gi": "LimitRange",
    'violates PodSecurity "restricted:latest": runAsUser=0 (pod must not set runAsUser=0)': "pods.runAsUser",
    'error looking up service account models/reader: serviceaccount "reader" not found': "create the ServiceAccount",
    "no PriorityClass with name high was found": "create the PriorityClass",
    "ValidatingAdmissionPolicy 'images' with binding 'all' denied request: no": "policy",
    'admission webhook "gate.example" denied the request: no.': "webhook",
    "anything else": pod_refusals.OTHERWISE,
}


@pytest.mark.parametrize("words", SAID)
def test_a_refusal_is_told_in_its_own_words_and_with_its_remedy(words: str) -> None:
    found = pod_refusals.refusal(NAMED + words)
    assert found is not None
    assert found.words == (NAMED + words).removeprefix("Error creating: ").rstrip(".")
    assert SAID[words] in found.remedy


def test_nothing_said_is_no_refusal() -> None:
    assert pod_refusals.refusal("") is None


def over(requested: str, limited: str) -> bool:
    found = pod_refusals.refusal(
        f"{NAMED}exceeded quota: small, requested: {requested}, used: pods=1, limited: {limited}"
    )
    assert found is not None
    return found.is_for_good


def test_a_pod_that_asks_for_more_than_a_quota_ever_has_waits_for_nobody() -> None:
    assert over("limits.cpu=6500m,requests.memory=1Gi", "limits.cpu=4,requests.memory=8Gi")
    assert not over("limits.cpu=4,pods=1", "limits.cpu=4,pods=1")


@pytest.mark.parametrize(
    "words", ["requested: , used: a, limited: ", "requested: a=b, used: x, limited: a=1e999999999", ""]
)
def test_other_words_of_a_quota_say_nothing_of_that(words: str) -> None:
    found = pod_refusals.refusal(f"exceeded quota: {words}")
    assert found is not None
    assert not found.is_for_good
