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
