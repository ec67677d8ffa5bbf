"""A start is visible: its phase with the time so far and the last time's, and how long each phase took in the end."""

from typing import Any

import pytest

from tests import observations
from tests.observations import pod
from vllm_operator import api
from vllm_operator.engine.start_log import StartLog
from vllm_operator.kube import kinds
from vllm_operator.status import pod_diagnosis, starts
from vllm_operator.status.pod_view import Evidence, PodEvent, PodView

AT = "2026-01-01T00:{:02}:{:02}Z"
NOW = AT.format(2, 0)
WHOLE = StartLog("Loading", "", 30, 2_097_152, 512)
READ = Evidence(start=WHOLE, elapsed=41)
ANSWERED = READ._replace(elapsed=91)
TIMES = {"server": "a", "ready": AT.format(1, 50), "total": 110, "pulling": 20, "loading": 60, "compiling": 30}
ROOM = {"kvCacheTokens": 2_097_152, "requests": 512}


def server(
    name: str = "a", *, ready: bool = True, restarts: int = 0, fetched: bool = False, at: str = AT.format(1, 50)
) -> kinds.Object:
    """Return a server that had its node at 0:00, whose engine ran from 0:20 and which was ready at 1:50."""
    conditions = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": AT.format(0, 0)},
        {"type": "Ready", "status": str(ready), "lastTransitionTime": at},
    ]
    engine = {
        "name": "vllm",
        "image": "x",
        "ready": ready,
        "restartCount": restarts,
        "state": {"running": {"startedAt": AT.format(0, 20)}},
    }
    end = {"exitCode": 0, "startedAt": AT.format(0, 2), "finishedAt": AT.format(0, 14)}
    first = (
        {"initContainerStatuses": [{"name": "fetch", "image": "x", "state": {"terminated": end}}]} if fetched else {}
    )
    found = pod(name, conditions=conditions, containerStatuses=[engine], **first)
    return {**found, "metadata": {**found["metadata"], "uid": name}}


def told(one: kinds.Object, evidence: Evidence | None = ANSWERED, now: str = NOW, **before: Any) -> kinds.Object:
    """Return the status of a model with that server, of which the status said `before`."""
    found = observations.state(observations.model(), {**observations.serving("a"), "pods": [one]})
    found = found._replace(evidence={"a": evidence} if evidence else {}, model={**found.model, "status": before})
    return observations.status(found, now=now)


def test_a_start_is_told_by_phase_once_the_server_answers() -> None:
    body = told(server())
    assert (body["lastStart"], body["capacity"]) == (TIMES, ROOM)


def test_what_the_log_says_is_added_when_it_is_read() -> None:
    first = told(server(), None)
    assert first["lastStart"] == {
        name: value for name, value in {**TIMES, "loading": 90}.items() if name != "compiling"
    }
    assert "capacity" not in first
    body = told(server(), lastStart=first["lastStart"])
    assert (body["lastStart"], body["capacity"]) == (TIMES, ROOM)


@pytest.mark.parametrize("elapsed", [41, 90])
def test_what_was_read_before_the_server_answered_is_not_the_whole(elapsed: int) -> None:
    """Also within the second in which it was ready: the lines that tell of its room may come after."""
    body = told(server(), Evidence(start=StartLog(), elapsed=elapsed))
    assert "compiling" not in body["lastStart"]
    assert "capacity" not in body


def test_its_own_fetcher_is_a_phase() -> None:
    found = told(server(fetched=True))["lastStart"]
    assert (found["pulling"], found["downloading"], found["total"]) == (8, 12, 110)


def test_an_engine_that_was_started_again_began_then() -> None:
    found = told(server(restarts=2))["lastStart"]
    assert (found["pulling"], found["total"]) == (0, 90)


@pytest.mark.parametrize("evidence", [None, READ])
def test_what_was_told_stays_until_another_server_answers(evidence: Evidence | None) -> None:
    before = {"lastStart": TIMES, "capacity": ROOM}
    for one in (server(), server(at=AT.format(1, 59)), server("b", ready=False)):
        body = told(one, evidence, **before)
        assert (body["lastStart"], body["capacity"]) == (TIMES, ROOM)


def test_a_server_that_is_ready_for_long_is_not_guessed_at() -> None:
    """An operator that is new to a model does not know when its server was ready first."""
    assert "lastStart" not in told(server(), None, "2026-01-01T03:00:00Z")


LAST = {"loading": 60, "compiling": 30, "pulling": 20}
RUNNING = server(ready=False, at=AT.format(0, 1))
WAITS = {"name": "vllm", "image": "x", "state": {"waiting": {"reason": "ContainerCreating"}}}
CREATING = pod("a", conditions=[{"type": "PodScheduled", "status": "True"}], containerStatuses=[WAITS])
PULLING = Evidence(events=(PodEvent("Pulling", 'Pulling image "x"'),), elapsed=8)
HALF = Evidence(start=StartLog("Loading", "2 of 4 files of weights"), elapsed=41)
PHASES = {
    "an image": (PodView(CREATING, PULLING, None, LAST),
                 'Pulling: the node pulls an image of the pod a (Pulling image "x"), for 8s (the last time: 20s)'),
    "the first moments": (PodView(RUNNING), "Loading: vLLM is loading the model in the pod a"),
    "weights": (PodView(RUNNING, HALF, None, LAST),
                "Loading: vLLM is loading the model in the pod a: 2 of 4 files of weights, for 41s (the last time: 1m30s)"),
    "graphs, and no start before": (PodView(RUNNING, Evidence(start=StartLog("Compiling", "43 % of the graphs"), elapsed=70)),
        "Compiling: vLLM compiles and measures in the pod a (43 % of the graphs), for 1m10s"),
}  # fmt: skip


@pytest.mark.parametrize(("view", "says"), PHASES.values(), ids=PHASES)
def test_a_start_says_where_it_is_and_how_long_it_takes(view: PodView, says: str) -> None:
    found = pod_diagnosis.diagnose(view)
    assert found
    assert f"{found.reason}: {found.message}" == says


@pytest.mark.parametrize(
    ("last", "untold"),
    [
        ({}, True),
        ({"server": "b", "compiling": 1}, True),
        ({"server": "a"}, True),
        ({"server": "a", "compiling": 1}, False),
    ],
)
def test_a_log_is_asked_for_until_it_has_been_told_what_it_says(last: dict[str, Any], untold: bool) -> None:
    found = observations.state(observations.model(), observations.serving("a"))
    found = found._replace(model={**found.model, "status": {"lastStart": last}})
    assert starts.is_untold(found, server(), api.unix(NOW)) is untold


def test_a_log_is_asked_for_where_the_clock_of_the_node_is_ahead() -> None:
    found = observations.state(observations.model(), observations.serving("a"))
    assert starts.is_untold(found, server(at=AT.format(2, 30)), api.unix(NOW))
