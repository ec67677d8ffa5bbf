"""Why a pod does not answer: small rules over one pod, the first match is the cause to fix.

Reads what the kubelet and the scheduler report; what vLLM's own last words mean is engine/causes.py's to know.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from vllm_operator.children import pod
from vllm_operator.engine import causes
from vllm_operator.kube import kinds

PULL_REASONS = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable")
CONFIG_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


class Diagnosis(NamedTuple):
    """A reason for the STATUS column and the message that explains it."""

    reason: str
    message: str


def of(one: kinds.Object) -> Diagnosis | None:
    """Return why the pod `one` does not answer, or None where it does."""
    return next((found for rule in RULES if (found := rule(one))), None)


def is_ready(one: kinds.Object) -> bool:
    """Tell whether the engine of the pod `one` answers through its guard."""
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in _conditions(one))


def _answers(one: kinds.Object) -> Diagnosis | None:
    return Diagnosis("", "") if is_ready(one) else None


def _unschedulable(one: kinds.Object) -> Diagnosis | None:
    for condition in _conditions(one):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return Diagnosis("Unschedulable", f"no node takes the pod {_name(one)}: {condition.get('message', '')}")
    return None


def _image(one: kinds.Object) -> Diagnosis | None:
    for container, words in _waiting(one, PULL_REASONS):
        return Diagnosis(
            "ImageNotPulled", f"the image {container['image']} of {container['name']} cannot be had: {words}"
        )
    return None


def _configuration(one: kinds.Object) -> Diagnosis | None:
    for container, words in _waiting(one, CONFIG_REASONS):
        return Diagnosis("ContainerNotCreated", f"{container['name']} cannot be created: {words}")
    return None


def _waiting(one: kinds.Object, reasons: tuple[str, ...]) -> Iterator[tuple[kinds.Object, str]]:
    """Yield each container that waits for one of `reasons`, and the kubelet's words on it."""
    for container in _containers(one):
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason") in reasons:
            yield container, waiting.get("message", "")


def _ended(one: kinds.Object) -> Diagnosis | None:
    """A container that ended and has not answered since; what it said last is the cause."""
    for container in _containers(one):
        end = container.get("state", {}).get("terminated") or container.get("lastState", {}).get("terminated")
        if end and not container.get("ready"):
            return _cause(container, end)
    return None


def _cause(container: kinds.Object, end: kinds.Object) -> Diagnosis:
    name, restarts = container["name"], container.get("restartCount", 0)
    if end.get("reason") == "OOMKilled":
        setting = f"spec{'' if name == pod.ENGINE else '.guard'}.resources.limits.memory"
        return Diagnosis("OutOfMemory", f"{name} used more memory than its limit: raise {setting}")
    said = causes.cause(end.get("message", ""))
    if said:
        return Diagnosis(*said) if name == pod.ENGINE else Diagnosis("ContainerEnded", f"{name} ended: {said.message}")
    return Diagnosis(
        "ContainerEnded", f"{name} ended with exit code {end.get('exitCode')} (restarts: {restarts}) and said nothing"
    )


def _loading(one: kinds.Object) -> Diagnosis | None:
    for container in _containers(one):
        if container["name"] == pod.ENGINE and "running" in container.get("state", {}):
            return Diagnosis("Loading", f"vLLM is loading the model in the pod {_name(one)}")
    return None


def _starting(one: kinds.Object) -> Diagnosis:
    return Diagnosis("Starting", f"the pod {_name(one)} is being started")


RULES: tuple[Callable[[kinds.Object], Diagnosis | None], ...] = (
    _answers, _unschedulable, _image, _configuration, _ended, _loading, _starting,
)  # fmt: skip


def _conditions(one: kinds.Object) -> list[kinds.Object]:
    return one.get("status", {}).get("conditions") or []


def _containers(one: kinds.Object) -> list[kinds.Object]:
    status = one.get("status", {})
    return [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]


def _name(one: kinds.Object) -> str:
    return str(one["metadata"]["name"])
