"""Why a pod does not answer: small rules over one pod, the first match is the cause to fix.

Reads what the kubelet and the scheduler report; what vLLM's own last words mean is engine/causes.py's to know.
"""

from collections.abc import Callable
from typing import NamedTuple

from vllm_operator import kinds
from vllm_operator.engine import causes

PULL_REASONS = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable")
CONFIG_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


class Finding(NamedTuple):
    """A reason for the STATUS column and the message that explains it."""

    reason: str
    message: str


def of(pod: kinds.Object) -> Finding | None:
    """Return why `pod` does not answer, or None where it does."""
    return next((found for rule in RULES if (found := rule(pod))), None)


def is_ready(pod: kinds.Object) -> bool:
    """Tell whether the engine of `pod` answers through its guard."""
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in _conditions(pod))


def _answers(pod: kinds.Object) -> Finding | None:
    return Finding("", "") if is_ready(pod) else None


def _unschedulable(pod: kinds.Object) -> Finding | None:
    for condition in _conditions(pod):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return Finding("Unschedulable", f"no node takes the pod {_name(pod)}: {condition.get('message', '')}")
    return None


def _image(pod: kinds.Object) -> Finding | None:
    for container in _containers(pod):
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason") in PULL_REASONS:
            return Finding(
                "ImageNotPulled",
                f"the image {container['image']} of {container['name']} cannot be had: {waiting.get('message', '')}",
            )
    return None


def _configuration(pod: kinds.Object) -> Finding | None:
    for container in _containers(pod):
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason") in CONFIG_REASONS:
            return Finding(
                "ContainerNotCreated", f"{container['name']} cannot be created: {waiting.get('message', '')}"
            )
    return None


def _ended(pod: kinds.Object) -> Finding | None:
    """A container that ended and has not answered since; what it said last is the cause."""
    for container in _containers(pod):
        end = container.get("state", {}).get("terminated") or container.get("lastState", {}).get("terminated")
        if end and not container.get("ready"):
            return _cause(container, end)
    return None


def _cause(container: kinds.Object, end: kinds.Object) -> Finding:
    name, restarts = container["name"], container.get("restartCount", 0)
    if end.get("reason") == "OOMKilled":
        return Finding("OutOfMemory", f"{name} used more memory than its limit: raise spec.resources.limits.memory")
    said = causes.cause(end.get("message", "")) if name == "vllm" else None
    if said:
        return Finding(*said)
    return Finding(
        "ContainerEnded", f"{name} ended with exit code {end.get('exitCode')} (restarts: {restarts}) and said nothing"
    )


def _loading(pod: kinds.Object) -> Finding | None:
    for container in _containers(pod):
        if container["name"] == "vllm" and "running" in container.get("state", {}):
            return Finding("Loading", f"vLLM is loading the model in the pod {_name(pod)}")
    return None


def _starting(pod: kinds.Object) -> Finding:
    return Finding("Starting", f"the pod {_name(pod)} is being started")


RULES: tuple[Callable[[kinds.Object], Finding | None], ...] = (
    _answers, _unschedulable, _image, _configuration, _ended, _loading, _starting,
)  # fmt: skip


def _conditions(pod: kinds.Object) -> list[kinds.Object]:
    return pod.get("status", {}).get("conditions") or []


def _containers(pod: kinds.Object) -> list[kinds.Object]:
    status = pod.get("status", {})
    return [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]


def _name(pod: kinds.Object) -> str:
    return str(pod["metadata"]["name"])
