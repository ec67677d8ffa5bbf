"""For how long no server answered: from the loss of the last one until the next answers, and told while it goes on and after."""

from typing import Any

from tests import observations
from tests.golden import render
from tests.observations import pod, rolled_out, serving
from tests.unit.status.rows import RUNNING, engine, starting
from vllm_operator.children.rollout_record import Record
from vllm_operator.kube import kinds

LOST, BACK = "2026-01-01T01:00:00Z", "2026-01-01T01:03:12Z"
LOADING = starting(engine(RUNNING))


def after(*steps: tuple[dict[str, Any], str], **spec: Any) -> kinds.Object:
    """Return the status after these states, each with its moment."""
    body: kinds.Object = {}
    for described, now in steps:
        found = observations.model(spec)
        body = observations.status(observations.state({**found, "status": body}, described), now=now)
    return body


def test_a_first_start_is_no_outage() -> None:
    assert "lastOutage" not in after((LOADING, render.NOW), (serving(), LOST))


def test_an_outage_begins_with_the_loss_of_the_last_server_and_is_told_while_it_goes_on() -> None:
    body = after((serving(), render.NOW), (LOADING, LOST), (LOADING, BACK))
    assert body["lastOutage"] == {"began": LOST}
    messages = observations.messages(body)
    assert messages["Ready"] == f"vLLM is loading the model in the pod a; nothing answers since {LOST}"
    assert messages["Progressing"].endswith(f"; nothing answers since {LOST}")


def test_it_ends_with_an_answer_and_its_length_is_told_of_the_rollout_that_it_belongs_to() -> None:
    own, later = serving(remembered=Record(since=render.NOW)), serving(remembered=Record(since=BACK))
    steps = [(serving(), render.NOW), (LOADING, LOST)]
    body = after(*steps, (own, BACK))
    assert body["lastOutage"] == {"began": LOST, "ended": BACK}
    assert (
        observations.messages(body)["Progressing"]
        == f"nothing is being rolled out; nothing answered for 3m12s, from {LOST}"
    )
    assert observations.messages(body)["Ready"] == "servers that answer: 1 of 1"
    assert observations.messages(after(*steps, (later, BACK)))["Progressing"] == "nothing is being rolled out"


def test_one_of_two_servers_that_goes_is_no_outage() -> None:
    both = serving("a", "b")
    one = serving(deployment=rolled_out(2, readyReplicas=1), pods=[pod("a")], guards={"a": {}})
    assert "lastOutage" not in after((both, render.NOW), (one, LOST), replicas=2)


def test_a_model_that_is_to_have_no_server_is_not_out() -> None:
    def scaled(body: kinds.Object, now: str) -> kinds.Object:
        found = {**observations.model({"replicas": 0}), "status": body}
        none = {"deployment": {"observedGeneration": 1}}
        return observations.status(observations.state(found, none), now=now)

    assert "lastOutage" not in scaled(after((serving(), render.NOW)), LOST)
    loading = after((serving(), render.NOW), (LOADING, LOST))
    assert scaled(loading, BACK)["lastOutage"] == {"began": LOST, "ended": BACK}


def test_a_second_outage_takes_the_place_of_the_first() -> None:
    steps = [(serving(), render.NOW), (LOADING, LOST), (serving(), BACK), (LOADING, "2026-01-01T02:00:00Z")]
    assert after(*steps)["lastOutage"] == {"began": "2026-01-01T02:00:00Z"}


def test_an_outage_keeps_the_last_cause_that_was_named() -> None:
    killed = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": LOST}
    ended = starting(engine({"terminated": killed}))
    body = after((serving(), render.NOW), (LOADING, LOST), (ended, LOST), (LOADING, BACK), (serving(), BACK))
    cause = "OutOfMemory: vllm used more memory than its limit: raise spec.resources.limits.memory"
    assert body["lastOutage"] == {"began": LOST, "cause": cause, "ended": BACK}
