"""Wrong fields and impossible values are refused at apply, and the refusal says what to write instead."""

import json
import pathlib
from typing import Any

import pytest
from kubernetes import client

from tests import kubectl
from tests.integration import input_cases


@pytest.mark.parametrize(("path", "value", "words"), input_cases.CASES)
def test_a_bad_value_is_refused_with_its_remedy(served: pathlib.Path, path: str, value: Any, words: str) -> None:
    with pytest.raises(client.ApiException) as refused:
        kubectl.create(served, input_cases.with_value(path, value), dry_run=True)
    assert refused.value.status in (400, 422)
    assert words in json.loads(refused.value.body)["message"]


def test_a_good_model_is_taken_and_gets_its_defaults(served: pathlib.Path) -> None:
    spec = kubectl.create(served, input_cases.GOOD, dry_run=True)["spec"]
    assert spec["replicas"] == 1
    assert spec["engine"]["startupTimeout"] == "30m"
    assert spec["access"] == {
        "defaultRateLimit": {"requests": 6000, "unit": "Minute"},
        "maxQueuedRequests": 64,
        "rotationOverlap": "1h",
        "cors": {"allowOrigins": []},
    }


def test_options_that_only_begin_like_refused_ones_are_taken(served: pathlib.Path) -> None:
    args = ["--reasoning-parser=qwen3", '--structured-outputs-config={"backend":"xgrammar"}', "--kv-cache-dtype=fp8"]
    assert (
        kubectl.create(served, input_cases.with_value("spec.engine", {"args": args}), dry_run=True)["spec"]["engine"][
            "args"
        ]
        == args
    )


@pytest.mark.parametrize("quantity", [1, "1e3", "128974848", "129e6", "500m", "1.5Gi", "0.1", "+1", "7Ei", 2**63 - 1])
def test_a_quantity_that_people_write_is_taken(served: pathlib.Path, quantity: int | str) -> None:
    taken = kubectl.create(
        served, input_cases.with_value("spec.resources", {"limits": {"memory": quantity}}), dry_run=True
    )["spec"]
    assert taken["resources"]["limits"] == {"memory": quantity}


@pytest.mark.parametrize("moment", ["2027-01-31T12:00:00Z", "2027-01-31T12:00:00.5Z", "2027-01-31T12:00:00+05:30"])
def test_a_moment_is_taken(served: pathlib.Path, moment: str) -> None:
    taken = kubectl.create(
        served, input_cases.with_value("spec.access", {"clients": [{"name": "a", "expiresAt": moment}]}), dry_run=True
    )
    assert taken["spec"]["access"]["clients"][0]["expiresAt"] == moment


def test_a_version_is_never_lowered_and_a_client_may_go_over_to_a_brought_key(served: pathlib.Path) -> None:
    body = input_cases.with_value("spec.access", {"clients": [{"name": "a", "keyVersion": 2}, {"name": "b"}]})
    body["metadata"]["namespace"] = "kube-public"
    admin = kubectl.Admin(served, "kube-public")
    admin.apply(body)
    for client_a, words in (({"keyVersion": 1}, "may only be raised"), ({}, "may not be taken away")):
        body["spec"]["access"]["clients"][0] = {"name": "a", **client_a}
        command = ["replace", "--dry-run=server", "-f", "-"]
        assert words in admin.refusal(*command, stdin=json.dumps(body))
    body["spec"]["access"]["clients"] = [{"name": "b", "keyVersion": 7}, {"name": "a", "keySecretRef": {"name": "x"}}]
    admin.apply(body)
    admin.kubectl("delete", "vllm", "good")
