"""Why a pod does not answer: an ordered list of rules over one pod, of which the first that applies names the cause to fix.

Reads what the kubelet and the scheduler report; what vLLM's last words mean engine/causes.py knows.
"""

from collections.abc import Iterator
from typing import NamedTuple

from vllm_operator.children import pod
from vllm_operator.engine import adapters, causes
from vllm_operator.kube import conditions, kinds
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import fetch_progress, rule

PULL_REASONS = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable")
CONFIG_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")

Rule = rule.Rule[kinds.Object]


class Waiting(NamedTuple):
    """A container that waits, and why in the kubelet's words."""

    name: str
    image: str
    words: str


class Ended(NamedTuple):
    """A container that ended and has not answered since: how, how often, and its last words."""

    name: str
    reason: str
    exit_code: int
    restarts: int
    words: str

    @property
    def limit(self) -> str:
        """Return the field of the spec that limits the container's memory."""
        return f"spec{'' if self.name == pod.ENGINE else '.guard'}.resources.limits.memory"


def diagnose(one: kinds.Object) -> ConditionValue | None:
    """Return why the pod `one` does not answer, or None where it does."""
    return None if is_ready(one) else rule.first(RULES, one)


def held(one: kinds.Object) -> ConditionValue | None:
    """Return what keeps the containers of the pod `one` from running, or None."""
    return rule.first(HELD, one)


def ended(one: kinds.Object) -> kinds.Object | None:
    """Return how a container of the pod `one` ended that has not run to its end since, as the kubelet reports it."""
    ends = (container.get("lastState", {}).get("terminated") for container in _containers(one))
    return next((end for end in ends if end), None)


def is_ready(one: kinds.Object) -> bool:
    """Tell whether the engine of the pod `one` answers through its guard."""
    return conditions.is_true(one, "Ready")


def _unscheduled(one: kinds.Object) -> kinds.Object | None:
    scheduled = conditions.condition(one, "PodScheduled")
    return {"words": scheduled.get("message", "")} if scheduled and scheduled["status"] == "False" else None


def _without_image(one: kinds.Object) -> Waiting | None:
    return next(_waiting(one, PULL_REASONS), None)


def _not_created(one: kinds.Object) -> Waiting | None:
    return next(_waiting(one, CONFIG_REASONS), None)


def _waiting(one: kinds.Object, reasons: tuple[str, ...]) -> Iterator[Waiting]:
    for container in _containers(one):
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason") in reasons:
            yield Waiting(container["name"], container["image"], waiting.get("message", ""))


def _ended(one: kinds.Object) -> Ended | None:
    """Return the first container that ended and has not answered since."""
    for container in _containers(one):
        end = container.get("state", {}).get("terminated") or container.get("lastState", {}).get("terminated")
        if end and not container.get("ready"):
            words, restarts = end.get("message", ""), container.get("restartCount", 0)
            return Ended(container["name"], end.get("reason", ""), end.get("exitCode", 0), restarts, words)
    return None


def _killed(one: kinds.Object) -> Ended | None:
    found = _ended(one)
    return found if found and found.reason == "OOMKilled" else None


def _cause(one: kinds.Object) -> causes.Cause | None:
    """Return what the engine's last words mean."""
    found = _ended(one)
    return causes.cause(found.words, _adapters(one)) if found and found.name == pod.ENGINE else None


def _adapters(one: kinds.Object) -> tuple[str, ...]:
    """Return the names of the adapters that the engine of the pod `one` is to serve."""
    containers = one.get("spec", {}).get("containers") or []
    arguments = (each.get("args") or [] for each in containers if each["name"] == pod.ENGINE)
    return adapters.names(next(arguments, []))


def _last_words(one: kinds.Object) -> kinds.Object | None:
    """Return the last words of a container that is not the engine."""
    found = _ended(one)
    cause = causes.cause(found.words) if found else None
    return {"name": found.name, "words": cause.message} if found and cause else None


def _loading(one: kinds.Object) -> bool:
    return any(each["name"] == pod.ENGINE and "running" in each.get("state", {}) for each in _containers(one))


def _unfetched(one: kinds.Object) -> fetch_progress.Progress | None:
    """Return why the pod could not fetch its weights when it tried last."""
    found = fetch_progress.last_words(one)
    return found if found and found.reason else None


def _always(_: kinds.Object) -> bool:
    return True


HELD: tuple[rule.Row[kinds.Object], ...] = (
    Rule("Unschedulable", _unscheduled, "no node takes the pod {at[metadata][name]}: {found[words]}"),
    Rule("ImageNotPulled", _without_image, "the image {found.image} of {found.name} cannot be had: {found.words}"),
    Rule("ContainerNotCreated", _not_created, "{found.name} cannot be created: {found.words}"),
)

RULES: tuple[rule.Row[kinds.Object], ...] = (
    *HELD,
    Rule("{found.reason}", _unfetched, "{found.message}"),
    Rule(
        "Downloading",
        fetch_progress.is_fetching,
        "the pod {at[metadata][name]} fetches the weights and holds its accelerators meanwhile",
        "with spec.model.cache they are fetched once, before any accelerator is taken",
    ),
    Rule("OutOfMemory", _killed, "{found.name} used more memory than its limit", "raise {found.limit}"),
    Rule("{found.reason}", _cause, "{found.message}"),
    Rule("ContainerEnded", _last_words, "{found[name]} ended: {found[words]}"),
    Rule(
        "ContainerEnded",
        _ended,
        "{found.name} ended with exit code {found.exit_code} (restarts: {found.restarts}) and said nothing",
    ),
    Rule("Loading", _loading, "vLLM is loading the model in the pod {at[metadata][name]}"),
    Rule("Starting", _always, "the pod {at[metadata][name]} is being started"),
)


def _containers(one: kinds.Object) -> list[kinds.Object]:
    """Return the containers' statuses, the engine's first."""
    status = one.get("status", {})
    return [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]
