"""The chart's policy on the operator's own account, on a real API server: what it lets through, and in which words it refuses.

The account of this release is given every right there is, so that a refusal is the policy's and no role's.
"""

import copy
import json
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from dev import binaries
from tests import kubectl, waiting
from tests.golden import render
from tests.integration import account, shape_cases
from tests.integration import admission_cases as cases


class Account(kubectl.Admin):
    """kubectl in the hands of the operator's account."""

    def attempt(self, *arguments: str, body: dict[str, Any] | None = None) -> str:
        """Run kubectl as the account; return what it was refused with, empty where all went well."""
        place = (body or {}).get("metadata", {}).get("namespace", self.namespace)
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{cases.RELEASE}", "system:authenticated")
        who = (f"--as={cases.USER}", *(f"--as-group={group}" for group in groups))
        command = [binaries.find("kubectl"), f"--kubeconfig={self.kubeconfig}", f"--namespace={place}", *who]
        stdin = None if body is None else json.dumps(body)
        done = subprocess.run([*command, *arguments], input=stdin, capture_output=True, text=True, check=False)
        return done.stderr if done.returncode else ""


@pytest.fixture(scope="module")
def held(served: pathlib.Path) -> Iterator[Account]:
    """The account under the policy, a model's objects, and a stranger's."""
    admin = Account(served, cases.PLACE)
    for namespace in (cases.RELEASE, cases.PLACE):
        account.kubectl(served, "create", "namespace", namespace)
    accounts = [*account.ALLOW["serviceAccounts"], *render.SETTINGS.allow.service_accounts]
    allow = {**render.ALLOW.model_dump(mode="json", by_alias=True), "serviceAccounts": accounts}
    values = {"allow": allow, "watchNamespaces": [cases.PLACE]}
    account.apply(served, account.rights(cases.RELEASE, values))
    everything = ("--clusterrole=cluster-admin", f"--serviceaccount={cases.RELEASE}:{account.NAME}")
    admin.kubectl("create", "clusterrolebinding", cases.RELEASE, *everything)
    account.apply(served, list(_objects(served, admin)))
    waiting.until("the policy", lambda: admin.attempt(*cases.DRY, body=cases.foreign(cases.SECRET, "x")))
    yield admin
    admin.kubectl("delete", "namespace", cases.PLACE, cases.RELEASE, "--wait=false")
    admin.kubectl("delete", "clusterrolebinding", cases.RELEASE)


def _objects(served: pathlib.Path, admin: Account) -> Iterator[dict[str, Any]]:
    model = kubectl.model(cases.MODEL)
    model["metadata"]["namespace"] = cases.PLACE
    uid = kubectl.create(served, model)["metadata"]["uid"]
    by_model = cases.controlled("ModelDeployment", "serving.byteshop.in/v1alpha1", cases.MODEL, uid)
    account.apply(served, [cases.foreign(cases.SECRET, "theirs")])
    by_another = cases.controlled("Secret", "v1", "theirs", admin.get("secret", "theirs")["metadata"]["uid"])
    yield cases.SECRET
    yield cases.foreign(cases.SECRET, "stripped", ownerReferences=by_model)
    yield cases.foreign(cases.SECRET, "disputed", labels={**cases.LABELS, cases.OWNER: uid}, ownerReferences=by_another)
    yield cases.deployment(cases.MODEL)
    yield cases.deployment(
        "damaged", containers=[cases.PRIVILEGED], volumes=[cases.HOST_PATH], hostPID=True, serviceAccountName="admin"
    )
    yield cases.foreign(cases.deployment("theirs", {"app": "theirs"}), "theirs")
    yield from (shape_cases.spoiled(case, cases.PLACE) for case in shape_cases.SPOILED)
    yield cases.POD
    yield cases.foreign(cases.POD, "theirs")


@pytest.mark.parametrize(
    ("body", "words"), [case[1:] for case in cases.CREATED], ids=[case[0] for case in cases.CREATED]
)
def test_what_it_may_not_create_is_refused(held: Account, body: dict[str, Any], words: str) -> None:
    refusal = held.attempt(*cases.DRY, body=body)
    assert f"ValidatingAdmissionPolicy 'vllm-operator.{cases.RELEASE}.writes'" in refusal
    assert words in refusal


@pytest.mark.parametrize("case", shape_cases.CASES, ids=[case.name for case in shape_cases.CASES])
def test_no_object_of_another_shape_than_it_renders_is_created(held: Account, case: shape_cases.Case) -> None:
    refusal = held.attempt(*cases.DRY, body=case.body(cases.PLACE))
    assert f"ValidatingAdmissionPolicy 'vllm-operator.{cases.RELEASE}.writes'" in refusal
    assert case.words in refusal


@pytest.mark.parametrize(
    ("command", "words"), [case[1:] for case in cases.OTHERWISE], ids=[case[0] for case in cases.OTHERWISE]
)
def test_what_it_may_not_do_is_refused(held: Account, command: tuple[str, ...], words: str) -> None:
    refusal = held.attempt(*command)
    assert f"ValidatingAdmissionPolicy 'vllm-operator.{cases.RELEASE}.writes'" in refusal
    assert words in refusal


@pytest.mark.parametrize("command", [case[1] for case in cases.ALLOWED], ids=[case[0] for case in cases.ALLOWED])
def test_what_it_has_to_do_is_let_through(held: Account, command: tuple[str, ...]) -> None:
    assert held.attempt(*command) == ""


@pytest.mark.parametrize("body", [
    cases.EVENT, cases.lease(account.NAME, cases.RELEASE), cases.deployment("x", serviceAccountName="models-a"),
    cases.deployment("x", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]),
], ids=["an Event", "its Lease", "a pod of an allowed account", "a pod with a claim"])  # fmt: skip
def test_what_it_has_to_create_is_let_through(held: Account, body: dict[str, Any]) -> None:
    assert held.attempt(*cases.DRY, body=body) == ""


def test_a_service_that_a_webhook_of_the_platform_annotates_is_let_through(held: Account) -> None:
    """GKE notes on each new Service that its load balancers reach pods directly."""
    [body] = [
        one
        for one in render.desired(render.case("plain"))
        if one["metadata"]["name"] == "vllm11" and one["kind"] == "Service"
    ]
    noted = {"cloud.google.com/neg": '{"ingress":true}'}
    body = {**body, "metadata": {**body["metadata"], "namespace": cases.PLACE, "annotations": noted}}
    assert held.attempt(*cases.DRY, body=body) == ""


def test_every_child_of_every_golden_is_let_through(held: Account) -> None:
    children = [child for case in render.CASES for child in render.desired(render.model(case))]
    moved = copy.deepcopy(children)
    for child in moved:
        child["metadata"]["namespace"] = cases.PLACE
    assert held.attempt(*cases.DRY, body={"apiVersion": "v1", "kind": "List", "items": moved}) == ""


def test_nobody_else_is_held(held: Account) -> None:
    held.kubectl(*cases.DRY, stdin=json.dumps(cases.foreign(cases.SECRET, "x")))
