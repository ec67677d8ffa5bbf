"""Whose end is told: that of the life before, until the container has answered again; and nothing of what a client sent."""

from typing import Any

import pytest

from tests.observations import pod
from tests.unit.status.rows import SCHEDULED
from vllm_operator.engine.causes import Cause
from vllm_operator.kube import kinds
from vllm_operator.status import pod_diagnosis
from vllm_operator.status.pod_view import Evidence, PodEvent, PodView

AT = "2026-01-01T00:{:02}:00Z"
FULL = "torch.OutOfMemoryError: CUDA out of memory"
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff"}}
SERVER = "(APIServer pid=1) ERROR 11-28 10:00:00 [serving_chat.py:230] "
PIN = "Unknown role: my PIN is 4711"
SECRET = "https://s3.example/blob?X-Amz-Signature=beef"
PULL = f'failed to do request: Get "{SECRET}": dial tcp: i/o timeout'


def end(life: int, **said: Any) -> dict[str, Any]:
    """Return the end of a life that began five minutes after each earlier one and took two."""
    times = {"startedAt": AT.format(5 * life), "finishedAt": AT.format(5 * life + 2)}
    return {"terminated": {"exitCode": 1, **times, "containerID": f"containerd://{life}", **said}}


def server(
    unready: int, state: dict[str, Any], last: dict[str, Any] | None = None, kind: str = "vllm", **more: Any
) -> kinds.Object:
    """Return a pod that is not ready since the minute `unready`."""
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": AT.format(unready)}
    container = {"name": kind, "image": "x", "ready": False, "state": state, "lastState": last or {}, **more}
    return pod("a", conditions=[SCHEDULED[0], ready], containerStatuses=[container])


def running(minute: int) -> dict[str, Any]:
    return {"running": {"startedAt": AT.format(minute)}}


def told(one: kinds.Object, evidence: Evidence | None = None) -> str:
    found = pod_diagnosis.diagnose(PodView(one, evidence))
    assert found
    return f"{found.reason}: {found.message}"


@pytest.mark.parametrize("said", [{"reason": "OOMKilled", "exitCode": 137}, {"message": FULL}, {}])
def test_a_cause_that_healed_is_not_told_of_a_server_that_hangs(said: dict[str, Any]) -> None:
    """It ended, was started again in minute 5, answered, and has not since minute 40."""
    one = server(40, running(5), end(0, **said))
    assert told(one).startswith(
        f"NotResponding: the engine in the pod a runs and does not answer since {AT.format(40)}"
    )
    assert PodView(one).ended() is None


def test_an_engine_that_never_answered_in_this_life_is_told_by_its_last_end() -> None:
    assert told(server(0, running(5), end(0, message=FULL))).startswith("OutOfMemory: the accelerator's memory is full")


@pytest.mark.parametrize(("unready", "served"), [(0, False), (1, True), (4, True)])
def test_a_server_served_where_it_was_ready_after_it_began(unready: int, served: bool) -> None:
    """Life 0 took from minute 0 to 2, and life 1 began in minute 5."""
    found = PodView(server(unready, running(5), end(0))).ended()
    assert found
    assert found.has_served == served


def test_how_long_a_life_took_is_told_to_the_second() -> None:
    times = {"startedAt": "2026-01-01T00:00:05Z", "finishedAt": "2026-01-01T00:00:05Z"}
    found = [PodView(server(1, BACK_OFF, end(1, **changed))).ended() for changed in ({}, times)]
    assert [one and one.ran for one in found] == [120, 0]


def test_a_server_that_was_ready_in_an_earlier_life_did_not_serve_in_this() -> None:
    found = PodView(server(1, BACK_OFF, end(1))).ended()
    assert found
    assert not found.has_served


@pytest.mark.parametrize("words", [PIN, f"{PIN}, Cannot access gated repo", f"{PIN}\nValueError: {PIN}"])
def test_nothing_that_a_client_sent_is_told_of_a_termination_message(words: str) -> None:
    message = f"{SERVER}jinja2.exceptions.TemplateError: {words}"
    one = server(2, end(0, message=message, exitCode=137))
    view = PodView(one)
    found = view.ended()
    assert found
    assert view.is_unread(found)
    assert told(one).startswith(
        "EngineDied: vLLM ended while it served, after 2m0s (restarts: 0), with exit code 137: see"
    )


def test_nothing_that_a_client_sent_is_told_of_a_guard_that_ended() -> None:
    """Its log has the paths of requests."""
    one = server(2, end(0, message='{"path": "/v1/my-pin-4711"}'), kind="guard")
    assert (
        told(one)
        == "ContainerEnded: guard ended with exit code 1 after 2m0s (restarts: 0): see `kubectl logs a -c guard`"
    )


def test_each_end_has_one_name_whatever_the_kubelet_shows_it_by() -> None:
    """In life 1 the container runs; when it has ended, its end stands in state and then, as it waits, in lastState."""
    seen = [
        server(0, end(0), restartCount=0),
        server(0, BACK_OFF, end(0), restartCount=0),
        server(0, running(5), end(0), restartCount=1),
        server(0, end(1), end(0), restartCount=1),
        server(0, BACK_OFF, end(1), restartCount=1),
    ]
    names = [found.name_of_end for one in seen if (found := PodView(one).ended())]
    assert names == ["vllm/containerd://0"] * 3 + ["vllm/containerd://1"] * 2


def test_an_earlier_ends_log_says_nothing_of_a_later_end() -> None:
    first = PodView(server(0, BACK_OFF, end(0), restartCount=0)).ended()
    assert first
    read = Evidence(ended=first.name_of_end, cause=Cause("OutOfMemory", "it is full: lower it"))
    assert told(server(0, BACK_OFF, end(0), restartCount=0), read).startswith("OutOfMemory")
    assert told(server(0, BACK_OFF, end(1), restartCount=1), read).startswith("ContainerEnded")


def test_a_container_whose_limit_is_the_operators_own_is_to_be_reported() -> None:
    words = "OutOfMemory: fetch used more memory than its limit: the operator sets it, so report it: see `kubectl logs a -c fetch"
    assert told(server(0, BACK_OFF, end(0, reason="OOMKilled"), "fetch")).startswith(words)


@pytest.mark.parametrize("limit", ["3k", "1", 2, "x"])
def test_a_quantity_of_accelerators_may_have_any_form(limit: str | int) -> None:
    one = server(0, BACK_OFF)
    one = {**one, "spec": {"containers": [{"name": "vllm", "resources": {"limits": {"nvidia.com/gpu": limit}}}]}}
    assert PodView(one).wanted("nvidia.com/gpu") == {"3k": 3000, "1": 1, 2: 2, "x": 0}[limit]


@pytest.mark.parametrize("reason", ["ErrImagePull", "CreateContainerError"])
def test_a_signed_address_is_not_told_of_what_a_container_waits_for(reason: str) -> None:
    words = told(server(0, {"waiting": {"reason": reason, "message": PULL}}))
    assert "beef" not in words
    assert 'Get "https://s3.example/blob?(hidden)": dial tcp: i/o timeout: ' in words


@pytest.mark.parametrize("reason", ["FailedMount", "FailedCreatePodSandBox", "Pulling"])
def test_a_signed_address_is_not_told_of_an_event(reason: str) -> None:
    waits = server(0, {"waiting": {"reason": "ContainerCreating"}})
    words = told(waits, Evidence(events=(PodEvent(reason, PULL),)))
    assert "beef" not in words
    assert "https://s3.example/blob?(hidden)" in words
