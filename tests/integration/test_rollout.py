"""The rollout's fields on a real API server: what is refused, what the Deployment becomes, and the budget of several servers."""

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from tests import kubectl, waiting
from tests.integration import conftest

SURGE, FREED = {"maxSurge": 1, "maxUnavailable": 0}, {"maxSurge": 0, "maxUnavailable": 1}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"strategy": "RollingUpdate"}, 'supported values: "Auto", "Surge", "Recreate"'),
    ({"strategy": ""}, 'supported values: "Auto", "Surge", "Recreate"'),
    ({"strategy": {"type": "Recreate"}}, "spec.rollout.strategy"),
    ({"returnAfter": "soon"}, "write a duration such as 90s, 30m or 1h30m"),
    ({"returnAfter": "29s"}, "must be between 30s and 24h"),
    ({"returnAfter": "25h"}, "must be between 30s and 24h"),
    ({"returnAfter": 60}, "spec.rollout.returnAfter"),
    ({"maxSurge": 1}, "spec.rollout.maxSurge"),
]


@pytest.fixture(scope="module")
def admin(served: pathlib.Path, operator: conftest.Operator) -> kubectl.Admin:
    del operator
    return kubectl.Admin(served)


@pytest.fixture(scope="module")
def vllm(admin: kubectl.Admin) -> Iterator[str]:
    """A model of two servers."""
    name = "several"
    admin.apply(kubectl.model(name, replicas=2))
    waiting.until("a budget", lambda: admin.get("poddisruptionbudget", name), admin.world)
    yield name
    admin.kubectl("delete", "vllm", name)


@pytest.mark.parametrize(("rollout", "words"), REFUSED)
def test_a_bad_value_is_refused_with_its_remedy(served: pathlib.Path, rollout: dict[str, Any], words: str) -> None:
    with pytest.raises(client.ApiException) as refused:
        kubectl.create(served, kubectl.model("refused", rollout=rollout), dry_run=True)
    assert refused.value.status in (400, 422)
    assert words in json.loads(refused.value.body)["message"]


def test_a_rollout_that_is_not_described_is_automatic_and_returns_to_nothing(served: pathlib.Path) -> None:
    assert kubectl.create(served, kubectl.model("plain"), dry_run=True)["spec"].get("rollout", {}) in (
        {}, {"strategy": "Auto"},
    )  # fmt: skip
    taken = kubectl.create(served, kubectl.model("plain", rollout={"returnAfter": "1h30m"}), dry_run=True)["spec"]
    assert taken["rollout"] == {"strategy": "Auto", "returnAfter": "1h30m"}


def test_the_strategy_is_the_deployments_and_makes_no_new_template(admin: kubectl.Admin, vllm: str) -> None:
    def order() -> Any:
        return admin.get("deployment", vllm)["spec"]["strategy"]["rollingUpdate"]

    template = admin.get("deployment", vllm)["spec"]["template"]
    for strategy, wanted in (("Recreate", FREED), ("Surge", SURGE), ("Recreate", FREED), (None, SURGE)):
        admin.patch("vllm", vllm, {"spec": {"rollout": {"strategy": strategy}}})
        waiting.until(f"{strategy}", lambda wanted=wanted: order() == wanted, admin.world)
    assert admin.get("deployment", vllm)["spec"]["template"] == template


@pytest.mark.parametrize(
    "edit",
    [{"spec": {"maxUnavailable": 2}}, {"spec": {"unhealthyPodEvictionPolicy": None}}, {"metadata": {"labels": None}}],
)
def test_the_budget_is_put_back(admin: kubectl.Admin, vllm: str, edit: Any) -> None:
    before = admin.get("poddisruptionbudget", vllm)
    admin.patch("poddisruptionbudget", vllm, edit)

    def is_back() -> bool:
        now = admin.get("poddisruptionbudget", vllm)
        return bool(now["spec"] == before["spec"] and now["metadata"].get("labels") == before["metadata"]["labels"])

    waiting.until("the repair", is_back, admin.world)


def test_the_budget_comes_and_goes_with_the_second_server(admin: kubectl.Admin, vllm: str) -> None:
    template = admin.get("controllerrevision", f"{vllm}.template")["data"]
    admin.kubectl("scale", "vllm", vllm, "--replicas=1")
    waiting.until("no budget", lambda: not admin.get("poddisruptionbudget", vllm), admin.world)
    admin.kubectl("scale", "vllm", vllm, "--replicas=2")
    waiting.until("a budget", lambda: admin.get("poddisruptionbudget", vllm), admin.world)
    assert admin.get("controllerrevision", f"{vllm}.template")["data"] == template
