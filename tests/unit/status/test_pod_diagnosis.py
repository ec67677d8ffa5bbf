"""Why a pod does not answer: what kubelet and scheduler report of it in, the cause to fix out. The first thing to fix wins."""

from typing import Any

import pytest

from tests.observations import pod
from tests.unit.status.rows import RUNNING, SCHEDULED, WAITING, engine, guard
from vllm_operator.status import held_pods, kubelet_words, pod_diagnosis
from vllm_operator.status.pod_view import PodView

UNSCHEDULED = [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}]
KILLED = {"exitCode": 137, "reason": "OOMKilled"}
CUDA = {"exitCode": 1, "message": "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"}
GUARD_LOG = ": see `kubectl logs a -c guard --previous`"
LOG = ": see `kubectl logs a -c vllm --previous`"
UNAUTHORIZED = ": correct the name, or set spec.imagePullSecrets"
NO = "403 Forbidden"
OTHERWISE = f": {kubelet_words.SCHEDULER[-1].remedy}"
ENV = ": mostly something that spec.engine.env names is missing"
FULL = "the accelerator's memory is full: lower --gpu-memory-utilization or spec.engine.maxModelLen"


def waiting(reason: str, message: str = "words") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def both(of_engine: dict[str, Any], of_guard: dict[str, Any]) -> dict[str, Any]:
    """Return one pod with the statuses of both containers."""
    status = {**of_engine["status"], "initContainerStatuses": of_guard["status"]["initContainerStatuses"]}
    return {**of_engine, "status": status}


DIAGNOSES = {
    "nothing is known": (pod("a", phase="Pending"), "Starting: the pod a is being started"),
    "scheduled, and no container is there yet":
        (pod("a", conditions=SCHEDULED), "Starting: the pod a is being started"),
    "no node":
        (pod("a", conditions=UNSCHEDULED), f"Unschedulable: no node takes the pod a: 0/3 nodes are available{OTHERWISE}"),
    "no node, and nobody says why":
        (pod("a", conditions=[{"type": "PodScheduled", "status": "False"}]),
         f"Unschedulable: no node takes the pod a{OTHERWISE}"),
    "the guard's image is not there":
        (guard(waiting("ErrImagePull", NO)), f"ImageNotPulled: the image envoy:1 of guard cannot be had: {NO}{UNAUTHORIZED}"),
    "a Secret that a variable needs is missing":
        (engine(waiting("CreateContainerConfigError")), f"ContainerNotCreated: vllm cannot be created: words{ENV}"),
    "a command that does not exist":
        (engine(waiting("RunContainerError")), f"ContainerNotCreated: vllm cannot be created: words{ENV}"),
    "a name that is taken on the node":
        (guard(waiting("CreateContainerError")), f"ContainerNotCreated: guard cannot be created: words{ENV}"),
    "the image is loading": (engine(waiting("ContainerCreating")), "Starting: the pod a is being started"),
    "the engine used too much memory":
        (engine(WAITING, KILLED), "OutOfMemory: vllm used more memory than its limit: raise spec.resources.limits.memory"),
    "the engine used too much memory and runs again":
        (engine(RUNNING, KILLED), "OutOfMemory: vllm used more memory than its limit: raise spec.resources.limits.memory"),
    "the guard used too much memory":
        (guard(WAITING, KILLED),
         "OutOfMemory: guard used more memory than its limit: raise spec.guard.resources.limits.memory"),
    "the engine said why it ended": (engine(WAITING, CUDA), f"OutOfMemory: {FULL}"),
    "the engine has just ended": (engine({"terminated": CUDA}), f"OutOfMemory: {FULL}"),
    "the engine said what nobody knows":
        (engine(WAITING, {"exitCode": 1, "message": "ValueError: some words"}), f"EngineFailed: ValueError: some words{LOG}"),
    "the engine said nothing":
        (engine(WAITING, {"exitCode": 3}, restartCount=4),
         f"ContainerEnded: vllm ended with exit code 3 (restarts: 4) and said nothing{LOG}"),
    "the engine was ended by a signal":
        (engine(WAITING, {"exitCode": 139}, restartCount=4),
         f"KilledBySignal: vllm was ended by SIGSEGV (restarts: 4){LOG}"),
    "the guard said why it ended":
        (guard(WAITING, {"exitCode": 1, "message": "no such file"}),
         f"ContainerEnded: guard ended: no such file{GUARD_LOG}"),
    "the guard said nothing":
        (guard(WAITING, {"exitCode": 2}),
         f"ContainerEnded: guard ended with exit code 2 (restarts: 0) and said nothing{GUARD_LOG}"),
    "an engine that ended comes before its guard":
        (both(engine(WAITING, CUDA), guard(WAITING, {"exitCode": 1})), f"OutOfMemory: {FULL}"),
    "a guard that ended and is ready again is no cause":
        (both(engine(RUNNING), guard(RUNNING, KILLED, ready=True)), "Loading: vLLM is loading the model in the pod a"),
    "an image that is missing comes before a container that cannot be created":
        (both(engine(waiting("CreateContainerConfigError")), guard(waiting("ErrImagePull", NO))),
         f"ImageNotPulled: the image envoy:1 of guard cannot be had: {NO}{UNAUTHORIZED}"),
    "a container that cannot be created anew comes before how it ended":
        (engine(waiting("CreateContainerError"), KILLED), f"ContainerNotCreated: vllm cannot be created: words{ENV}"),
    "the kernel's word comes before the engine's": (engine(WAITING, {**KILLED, "message": "ValueError: some words"}),
        "OutOfMemory: vllm used more memory than its limit: raise spec.resources.limits.memory"),
    "an engine that ended without a word and loads again": (engine(RUNNING, {"exitCode": 3}, restartCount=1),
        f"ContainerEnded: vllm ended with exit code 3 (restarts: 1) and said nothing{LOG}"),
    "the engine loads": (engine(RUNNING), "Loading: vLLM is loading the model in the pod a"),
    "only the guard runs": (guard(RUNNING, ready=True), "Starting: the pod a is being started"),
}  # fmt: skip


@pytest.mark.parametrize(("one", "says"), DIAGNOSES.values(), ids=DIAGNOSES)
def test_a_pod_that_does_not_answer_says_why(one: dict[str, Any], says: str) -> None:
    found = pod_diagnosis.diagnose(PodView(one))
    assert found
    assert f"{found.reason}: {found.message}" == says
    assert found.status == "False"


@pytest.mark.parametrize("reason", [*held_pods.PULL_REASONS])
def test_every_word_of_the_kubelet_for_an_image_that_it_cannot_get_is_known(reason: str) -> None:
    found = pod_diagnosis.diagnose(PodView(engine(waiting(reason))))
    assert found
    assert found.reason == "ImageNotPulled"


def test_a_pod_that_answers_has_no_trouble_whatever_was_before() -> None:
    ready = engine(RUNNING, KILLED, ready=True)
    ready["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    assert pod_diagnosis.is_ready(ready)
    assert pod_diagnosis.diagnose(PodView(ready)) is None
