"""A namespace with a quota: a model that fits is admitted, and one that does not says what is lacking."""

import json
import pathlib
import time
from typing import Any

import pytest

from tests import kubectl, waiting
from tests.integration import conftest

HARD = {
    "pods": "1", "requests.cpu": "2", "limits.cpu": "4", "requests.memory": "4Gi", "limits.memory": "8Gi",
    "requests.nvidia.com/gpu": "1",
}  # fmt: skip
ENGINE = {"cpu": "3", "memory": "6Gi", "nvidia.com/gpu": 1}
FITS: dict[str, Any] = {
    "resources": {"limits": ENGINE, "requests": {"cpu": "1", "memory": "3Gi"}},
    "guard": {"resources": {"limits": {"cpu": "500m"}}},
}
TOO_MUCH = {"limits": {**ENGINE, "cpu": "6"}, "requests": FITS["resources"]["requests"]}


@pytest.fixture(scope="module")
def admin(served: pathlib.Path, operator: conftest.Operator) -> kubectl.Admin:
    """An admin of a namespace that has a quota on all that can be counted."""
    del operator
    admin = kubectl.Admin(served, conftest.RATIONED)
    admin.kubectl("create", "namespace", conftest.RATIONED)
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "rations"}, "spec": {"hard": HARD}}
    admin.kubectl("apply", "-f", "-", stdin=json.dumps(quota))

    def used() -> Any:
        return admin.get("resourcequota", "rations").get("status", {}).get("used")

    waiting.until("the quota to count", used, admin.world)
    return admin


def apply(admin: kubectl.Admin, name: str, **spec: Any) -> None:
    body = kubectl.model(name, **{**FITS, **spec})
    body["metadata"]["namespace"] = conftest.RATIONED
    admin.apply(body)


def pods(admin: kubectl.Admin, name: str) -> list[dict[str, Any]]:
    selector = f"serving.byteshop.in/model={name}"
    found: list[dict[str, Any]] = json.loads(admin.kubectl("get", "pods", "-l", selector, "-o", "json"))["items"]
    return found


def refused(admin: kubectl.Admin, name: str, *words: str) -> bool:
    ready = admin.condition(name)
    reason = "QuotaExceeded" if "quota" in ready.get("message", "") else "PodsRefused"
    return ready.get("reason") == reason and all(word in ready["message"] for word in words)


def told(admin: kubectl.Admin, name: str) -> bool:
    """Tell whether the newest refusal is told, or one before it as such: the Deployment may keep the words of its first."""
    old, new = ("for: guard (said of an earlier spec)",), ("exceeded quota: rations", "limits.cpu=6500m")
    return refused(admin, name, *old) or refused(admin, name, *new)


def is_past(admin: kubectl.Admin, name: str) -> bool:
    """Tell whether the second is over in which the refusal was said: Kubernetes' times are no finer."""
    conditions = admin.get("deployment", name)["status"]["conditions"]
    [said] = [one["lastUpdateTime"] for one in conditions if one["type"] == "ReplicaFailure"]
    return bool(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) > said)


def test_a_model_says_what_it_lacks_and_is_admitted_once_it_fits(admin: kubectl.Admin) -> None:
    apply(admin, "plain", guard={})
    waiting.until("a limit to lack", lambda: refused(admin, "plain", "must specify limits.cpu for: guard"), admin.world)
    apply(admin, "greedy", resources=TOO_MUCH)
    waiting.until(
        "too much", lambda: refused(admin, "greedy", "exceeded quota: rations", "limits.cpu=6500m"), admin.world
    )
    waiting.until("the next second", lambda: is_past(admin, "plain"), admin.world)
    apply(admin, "plain", resources=TOO_MUCH)
    waiting.until("words of this spec, or said to be old", lambda: told(admin, "plain"), admin.world)
    apply(admin, "plain")
    [pod] = waiting.until("its pod", lambda: pods(admin, "plain"), admin.world)
    assert pod["spec"]["initContainers"][0]["resources"] == {
        "limits": {"cpu": "500m", "memory": "512Mi", "ephemeral-storage": "1Gi"},
        "requests": {"cpu": "50m", "memory": "96Mi", "ephemeral-storage": "64Mi"},
    }
    waiting.until("its own state", lambda: admin.condition("plain")["reason"] == "Starting", admin.world)
    admin.kubectl("scale", "vllm", "plain", "--replicas=0")
    waiting.until("an empty namespace", lambda: not pods(admin, "plain"), admin.world)
    admin.kubectl("delete", "vllm", "plain", "greedy")


def test_a_rollout_to_servers_that_no_quota_lets_in_says_that_no_strategy_helps(admin: kubectl.Admin) -> None:
    apply(admin, "rolled", rollout={"strategy": "Surge"})
    waiting.until("its pod", lambda: pods(admin, "rolled"), admin.world)
    apply(admin, "rolled", rollout={"strategy": "Surge"}, resources=TOO_MUCH)
    told = ("exceeded quota: rations", "one server of the newest version asks for more than the quota has")
    waiting.until("the way out", lambda: refused(admin, "rolled", *told), admin.world)
    admin.kubectl("delete", "vllm", "rolled")
    waiting.until("an empty namespace", lambda: not pods(admin, "rolled"), admin.world)


def test_a_limit_range_fills_in_what_the_spec_leaves_open(admin: kubectl.Admin) -> None:
    limits = [{"type": "Container", "default": {"cpu": "1"}, "max": {"cpu": "3"}}]
    body = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "rations"}, "spec": {"limits": limits}}
    admin.kubectl("apply", "-f", "-", stdin=json.dumps(body))
    apply(admin, "wide", resources=TOO_MUCH)
    waiting.until("the range", lambda: refused(admin, "wide", "maximum cpu usage per Container is 3"), admin.world)
    apply(admin, "filled", guard={})
    [pod] = waiting.until("its pod", lambda: pods(admin, "filled"), admin.world)
    assert pod["spec"]["initContainers"][0]["resources"]["limits"]["cpu"] == "1"
    admin.kubectl("delete", "vllm", "wide", "filled")


def test_weights_whose_job_may_have_no_pod_say_so_and_are_fetched_once_it_may(admin: kubectl.Admin) -> None:
    admin.patch("resourcequota", "rations", {"spec": {"hard": {**HARD, "pods": "0"}}})
    apply(admin, "fetched", model={"source": "hf://acme/model", "cache": {"size": "1Gi"}})
    told = waiting.until("the refusal", lambda: fetches(admin, "FetchNotStarted"), admin.world)
    assert "exceeded quota: rations" in told
    assert told.endswith("raise the ResourceQuota, or free what it counts; this heals by itself")
    admin.patch("resourcequota", "rations", {"spec": {"hard": HARD}})
    waiting.until("its pod", lambda: fetches(admin, "Downloading"), admin.world, 120)
    admin.kubectl("delete", "vllm", "fetched")


def fetches(admin: kubectl.Admin, reason: str) -> str:
    """Return the message of Ready where it has that reason."""
    ready = admin.condition("fetched")
    return str(ready["message"]) if ready.get("reason") == reason else ""
