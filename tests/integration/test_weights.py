"""The Job and the claim of a model's weights on a real API server: made, repaired, made anew for other weights, taken away."""

import json
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests import kubectl, waiting
from tests.integration import conftest

JOB, CLAIM = ("job", "fetched-fetch"), ("persistentvolumeclaim", "fetched.weights")
CACHE = {"size": "1Gi", "storageClassName": "none", "accessMode": "ReadWriteMany"}


@pytest.fixture(scope="module")
def admin(served: pathlib.Path, operator: conftest.Operator) -> Iterator[kubectl.Admin]:
    """An admin of a model whose weights are to be fetched. Nobody runs the Job's pod here."""
    del operator
    one = kubectl.Admin(served)
    body = kubectl.model("fetched")
    body["spec"]["model"] = {"source": "hf://facebook/opt-125m", "cache": CACHE}
    one.apply(body)
    waiting.until("the Job", lambda: one.get(*JOB), one.world)
    yield one
    one.kubectl("delete", "vllm", "fetched")


def change(admin: kubectl.Admin, **weights: Any) -> None:
    admin.patch("vllm", "fetched", {"spec": {"model": weights}})


def uid(admin: kubectl.Admin, what: tuple[str, str]) -> str:
    return str(admin.get(*what).get("metadata", {}).get("uid", ""))


def complete(admin: kubectl.Admin, job: tuple[str, str] = JOB) -> None:
    """Say of the Job what its controller says at the end."""
    at = admin.get(*job)["metadata"]["creationTimestamp"]
    ends = [{"type": kind, "status": "True", "lastTransitionTime": at} for kind in ("SuccessCriteriaMet", "Complete")]
    counts = {"startTime": at, "completionTime": at, "succeeded": 1, "active": 0, "ready": 0}
    admin.kubectl(
        "patch",
        *job,
        "--subresource=status",
        "--type=merge",
        "-p",
        json.dumps({"status": {"conditions": ends, **counts}}),
    )


def test_no_server_is_asked_for_before_the_weights_are_there(admin: kubectl.Admin) -> None:
    waiting.until("the claim", lambda: admin.get(*CLAIM), admin.world)
    waiting.until("the status", lambda: _ready(admin) == "Downloading", admin.world)
    assert admin.get("deployment", "fetched") == {}
    assert admin.get("secret", "fetched.key.default")


@pytest.mark.parametrize("what", [JOB, CLAIM], ids=["job", "claim"])
def test_what_lost_its_labels_gets_them_back(admin: kubectl.Admin, what: tuple[str, str]) -> None:
    before = waiting.until("it", lambda: admin.get(*what), admin.world)
    admin.patch(*what, {"metadata": {"labels": dict.fromkeys(before["metadata"]["labels"])}})
    wanted = before["metadata"]["labels"].items()
    waiting.until(
        "its labels", lambda: wanted <= admin.get(*what)["metadata"].get("labels", {}).items(), lambda: admin.get(*what)
    )
    assert uid(admin, what) == before["metadata"]["uid"]


def test_servers_are_made_when_the_weights_are_there_and_stay_while_others_are_fetched(admin: kubectl.Admin) -> None:
    complete(admin)
    server = waiting.until("the Deployment", lambda: admin.get("deployment", "fetched"), admin.world)
    first = uid(admin, JOB)
    change(admin, source="hf://facebook/opt-125m@v2")
    waiting.until("another Job", lambda: uid(admin, JOB) not in ("", first), admin.world)
    waiting.until("the status", lambda: _ready(admin) == "Downloading", admin.world)
    assert admin.get("deployment", "fetched")["spec"]["template"] == server["spec"]["template"]
    complete(admin)
    waiting.until(
        "the new template",
        lambda: admin.get("deployment", "fetched")["spec"]["template"] != server["spec"]["template"],
        admin.world,
    )


def test_a_larger_claim_is_asked_for_and_rolls_nothing_out(admin: kubectl.Admin) -> None:
    """The class allows no growth here, and the API server's words are told."""
    generation = admin.get("deployment", "fetched")["metadata"]["generation"]
    change(admin, cache={**CACHE, "size": "2Gi"})
    waiting.until("the refusal", lambda: _ready(admin) == "WriteRefused", admin.world)
    change(admin, cache=CACHE | {"size": "2Gi"})
    assert admin.get("deployment", "fetched")["metadata"]["generation"] == generation


def test_without_a_cache_the_job_is_taken_away_and_the_claim_stays_while_servers_may_need_it(
    admin: kubectl.Admin,
) -> None:
    change(admin, cache=None)
    waiting.until("the end of the Job", lambda: not admin.get(*JOB), admin.world)
    names = [one["name"] for one in admin.get("deployment", "fetched")["spec"]["template"]["spec"]["initContainers"]]
    assert names == ["guard", "fetch"]
    assert "deletionTimestamp" not in admin.get(*CLAIM)["metadata"], "no version without it was verified"


def _ready(admin: kubectl.Admin) -> str:
    conditions = admin.get("vllm", "fetched").get("status", {}).get("conditions", [])
    return next((str(one["reason"]) for one in conditions if one["type"] == "Ready"), "")


def test_an_existing_claim_that_was_made_anew_is_filled_again_and_named(admin: kubectl.Admin) -> None:
    job = ("job", "sharing-fetch")
    bring(admin)
    body = kubectl.model("sharing")
    body["spec"]["model"] = {"source": "hf://facebook/opt-125m", "cache": {"existingClaim": "shared"}}
    admin.apply(body)
    waiting.until("the Job", lambda: admin.get(*job), admin.world)
    complete(admin, job)
    waiting.until("the Deployment", lambda: admin.get("deployment", "sharing"), admin.world)
    before = uid(admin, job)
    admin.kubectl("delete", "pvc", "shared")
    bring(admin)
    waiting.until("another Job", lambda: poked(admin) and uid(admin, job) not in ("", before), admin.world)
    waiting.until("words", lambda: "the claim shared was made anew" in _message(admin, "sharing"), admin.world)
    assert admin.get("deployment", "sharing")
    admin.kubectl("delete", "vllm", "sharing")
    admin.kubectl("delete", "pvc", "shared")


def bring(admin: kubectl.Admin) -> None:
    """Make a claim as an admin does."""
    spec = {"accessModes": ["ReadWriteMany"], "storageClassName": "none", "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "shared"}, "spec": spec}
    admin.kubectl("apply", "-f", "-", stdin=json.dumps(claim))


def poked(admin: kubectl.Admin) -> bool:
    """Have the operator look at the model, as an event of a pod does."""
    admin.kubectl("annotate", "vllm", "sharing", f"serving.byteshop.in/looked-at={time.time()}", "--overwrite")
    return True


def _message(admin: kubectl.Admin, name: str) -> str:
    return str(admin.condition(name).get("message", ""))
