"""A new leader has read no log, Event or count yet: until it has, what was told of a pod stays, and nothing is written twice."""

from typing import Any

import pytest

from tests import observations
from tests.observations import pod
from tests.unit.status import rollout_rows
from tests.unit.status.rows import SCHEDULED, engine, starting
from vllm_operator.engine.start_log import StartLog
from vllm_operator.kube import kinds
from vllm_operator.status import pod_view
from vllm_operator.status.accelerators import Stock
from vllm_operator.status.pod_view import Evidence, PodEvent

CREATING = {"waiting": {"reason": "ContainerCreating"}}
RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
MISSING = Evidence(events=(PodEvent("FailedMount", 'secret "s" not found'),))
PULLING = Evidence(events=(PodEvent("Pulling", 'Pulling image "x"'),), elapsed=40)
UNSEEN = {**pod("a", conditions=[]), "spec": {}}
SILENT = Evidence(silent=pod_view.SCHEDULER)
HALF = Evidence(start=StartLog("Loading", "2 of 4 files of weights"), elapsed=30)
GPU = "nvidia.com/gpu"
STOCK = Stock({GPU: 8}, {GPU: {kinds.Key("models", "big"): 8}})


def lacking(words: str = f"0/1 nodes are available: 1 Insufficient {GPU}.") -> kinds.Object:
    return pod(
        "a", conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}]
    )


def ready(
    one: kinds.Object, status: kinds.Object, evidence: Evidence | None, stock: Stock | None = None
) -> kinds.Object:
    """Return the status of a model whose server is `one`, whose last status is `status`, as who has read `evidence` writes it."""
    known = {**one, "metadata": {**one["metadata"], "uid": "u"}}
    found = {**observations.model(), "status": status}
    seen = observations.state(found, {**starting(known), "stock": stock})
    return observations.status(seen._replace(evidence={"u": evidence} if evidence is not None else {}))


def said(body: kinds.Object) -> tuple[str, str]:
    found = observations.condition(body, "Ready")
    return found["reason"], found["message"]


@pytest.mark.parametrize(
    ("one", "evidence", "stock"),
    [
        (engine(CREATING), MISSING, None),
        (engine(CREATING), PULLING, None),
        (engine(RUNNING), HALF, None),
        (lacking(), Evidence(), STOCK),
        (UNSEEN, SILENT, None),
    ],
    ids=["a mount", "a pull", "a start", "a count", "a silent scheduler"],
)
def test_a_new_leader_goes_on_with_what_was_told(one: kinds.Object, evidence: Evidence, stock: Stock | None) -> None:
    told = ready(one, {}, evidence, stock)
    assert said(told) != said(ready(one, {}, None))
    assert ready(one, told, None) == told


def test_it_does_so_too_where_a_new_server_has_no_room() -> None:
    """By the count it is known as well whether an earlier server can make room."""
    known = {**rollout_rows.beside_a_tainted_node(there=[]), "guards": {"a": {}}}
    unknown = {**known, "stock": None}

    def told(described: dict[str, Any], status: kinds.Object) -> kinds.Object:
        found = {**observations.model(rollout_rows.strategy("Auto")), "status": status}
        return observations.status(observations.state(found, described))

    before = told(known, {})
    assert told(unknown, {}) != before
    assert told(unknown, before) == before


def test_until_it_has_asked_itself() -> None:
    told = ready(engine(CREATING), {}, MISSING)
    assert said(told)[0] == "SecretNotFound"
    assert said(ready(engine(CREATING), told, Evidence()))[0] == "Starting"


SILENT = engine(RUNNING)
SILENT["status"]["conditions"] = [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:09:00Z"}]
MOVED: dict[str, tuple[kinds.Object, Evidence, kinds.Object, str]] = {
    "runs now": (engine(CREATING), MISSING, engine(RUNNING), "Loading"),
    "answered, and is silent now": (engine(RUNNING), HALF, SILENT, "NotResponding"),
    "is another": (engine(CREATING), MISSING, pod("other", conditions=SCHEDULED), "Starting"),
    "has a node now": (lacking(), Evidence(), engine(CREATING), "Starting"),
    "lacks something else": (
        lacking(),
        Evidence(),
        lacking("0/1 nodes are available: 1 Insufficient memory."),
        "Unschedulable",
    ),
}


@pytest.mark.parametrize("name", MOVED)
def test_nor_where_the_pod_is_not_as_it_was(name: str) -> None:
    one, evidence, now, reason = MOVED[name]
    told = ready(one, {}, evidence, STOCK)
    after = said(ready(now, told, None))
    assert after == said(ready(now, {}, None))
    assert after[0] == reason


def test_nor_of_a_model_that_served() -> None:
    served: dict[str, Any] = {
        "conditions": [{"type": "Ready", "status": "True", "reason": "Serving", "message": "the pod a"}]
    }
    assert said(ready(engine(CREATING), served, None))[0] == "Starting"
