"""How a container of a pod ended, as the kubelet reports it: the facts, without what they mean. Pure."""

from typing import NamedTuple

from vllm_operator import api
from vllm_operator.children import pod
from vllm_operator.kube import kinds
from vllm_operator.status import durations

LIMITS = {pod.ENGINE: "spec.resources.limits.memory", pod.GUARD: "spec.guard.resources.limits.memory"}
"""The fields of the spec that limit the memory of containers; that of others is the operator's own."""


class Ended(NamedTuple):
    """A container that ended and has not answered since. `ran`: seconds; `has_served`: its pod was ready before it ended."""

    name: str
    reason: str
    exit_code: int
    restarts: int
    words: str
    ran: int
    has_served: bool
    is_over: bool  # no container runs or waits in its place yet
    id: str  # the kubelet's, or when it ended

    @property
    def times(self) -> str:
        """Return how long it ran, where that is known, and how often it was started again."""
        return f"{f'after {durations.told(self.ran)} ' if self.ran else ''}(restarts: {self.restarts})"

    @property
    def limit(self) -> str:
        """Return the field of the spec that limits the container's memory; "" where there is none."""
        return LIMITS.get(self.name, "")

    @property
    def name_of_end(self) -> str:
        """Return what tells this end from others of the same pod."""
        return f"{self.name}/{self.id}"


def of(container: kinds.Object, ready_until: float) -> Ended | None:
    """Return how `container` ended, None where it has not, or has answered since.

    `ready_until`: when its pod was ready last, in unix seconds; 0 where it never was.
    """
    state = container.get("state", {})
    end = state.get("terminated") or container.get("lastState", {}).get("terminated")
    runs_since = unix(state.get("running", {}).get("startedAt"))
    has_answered_since = bool(container.get("ready")) or 0 < runs_since < ready_until
    if not end or has_answered_since:
        return None
    return Ended(
        name=container["name"],
        reason=end.get("reason", ""),
        exit_code=end.get("exitCode", 0),
        restarts=container.get("restartCount", 0),
        words=end.get("message", ""),
        ran=_seconds(end),
        has_served=0 < unix(end.get("startedAt")) < ready_until,
        is_over="terminated" in state,
        id=str(end.get("containerID") or end.get("finishedAt", "")),
    )


def unix(moment: str | None, unknown: float = 0.0) -> float:
    """Return a moment of the API in unix seconds; `unknown` where it is none."""
    try:
        return float(api.unix(str(moment)))
    except ValueError:
        return unknown


def _seconds(end: kinds.Object) -> int:
    """Return how long a container ran; 0 where that is not known."""
    begun, ended = unix(end.get("startedAt")), unix(end.get("finishedAt"))
    return int(max(0.0, ended - begun)) if begun and ended else 0
