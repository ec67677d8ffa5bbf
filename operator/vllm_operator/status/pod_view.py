"""One pod as the kubelet and the scheduler report it, with what was read of it beside: the facts that the rules on a pod ask for.

It has no reason and no words of its own. Pure.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vllm_operator.children import fetch, pod, quantity
from vllm_operator.engine import adapters, causes
from vllm_operator.engine.start_log import StartLog
from vllm_operator.kube import conditions, kinds
from vllm_operator.status import pod_end
from vllm_operator.status.accelerators import Stock
from vllm_operator.status.pod_end import Ended

SIGNALLED = 128  # exit codes above are this and the number of the signal
OUT_OF_MEMORY = "OOMKilled"
"""The kubelet's reason for a container that the kernel ended for its memory."""
CREATING = ("ContainerCreating", "PodInitializing")
"""Reasons for which a container waits where only an Event of the pod says what is the matter."""
SETTING_UP = frozenset({
    "FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox", "SuccessfulAttachVolume",
    "Pulling", "Pulled", "Created", "Started",
})  # fmt: skip
"""Reasons of Events that tell how far a pod is that is being set up."""
SCHEDULER, NODE = "scheduler", "node"
MAIN = (pod.ENGINE, fetch.FETCH)
"""What a server's pod is for, and a Job's."""
BETWEEN_PROBES = 10
"""In seconds: how often the kubelet asks where the probe does not say."""


class PodEvent(NamedTuple):
    """An Event that somebody recorded on a pod: the reason, and the words."""

    reason: str
    note: str


class Evidence(NamedTuple):
    """What was read of one pod. `ended`: the end whose log was read (`Ended.name_of_end`); `cause`: what that log spoke of.

    `start`: what the log of an engine that runs says of its start, which had taken `elapsed` seconds by then. `silent`: who
    has said nothing of the pod for a time in which each one does, SCHEDULER or NODE.
    """

    ended: str = ""
    cause: causes.Cause | None = None
    events: tuple[PodEvent, ...] = ()
    start: StartLog | None = None
    elapsed: int = 0
    silent: str = ""


class Waiting(NamedTuple):
    """A container that waits, and why in the kubelet's words."""

    name: str
    image: str
    reason: str
    words: str


class PodView(NamedTuple):
    """A pod, and what was read of it; None: not yet, or nothing needs to be."""

    pod: kinds.Object
    evidence: Evidence | None = None
    stock: Stock | None = None
    last_start: Mapping[str, Any] = {}

    @property
    def name(self) -> str:
        """Return the pod's name."""
        return str(self.pod["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Return the pod's namespace."""
        return str(self.pod["metadata"].get("namespace", ""))

    def is_ready(self) -> bool:
        """Tell whether the engine answers through its guard."""
        return conditions.is_true(self.pod, "Ready")

    def scheduled(self) -> kinds.Object | None:
        """Return what the scheduler says where no node takes the pod."""
        found = conditions.condition(self.pod, "PodScheduled")
        return found if found and found["status"] == "False" else None

    def is_unseen(self) -> bool:
        """Tell whether no scheduler has said anything of the pod, which nothing holds back from one."""
        is_said = conditions.condition(self.pod, "PodScheduled") is not None
        return not (is_said or self.gates() or self.containers() or self.pod.get("spec", {}).get("nodeName"))

    def is_unreported(self) -> bool:
        """Tell whether the pod has a node that has reported nothing of it."""
        is_placed = conditions.is_true(self.pod, "PodScheduled")
        return is_placed and not self.containers() and "startTime" not in self.pod.get("status", {})

    def is_lost(self) -> bool:
        """Tell whether the pod counts as not ready though its containers are."""
        is_whole = conditions.is_true(self.pod, "ContainersReady") and not self.pod["spec"].get("readinessGates")
        found = conditions.condition(self.pod, "Ready") or {}
        return is_whole and found.get("status") == "False"

    def silent(self) -> str:
        """Return who has said nothing of the pod for a time in which each one does, SCHEDULER or NODE."""
        return self.evidence.silent if self.evidence else ""

    def gates(self) -> tuple[str, ...]:
        """Return the scheduling gates that somebody has to remove."""
        return tuple(str(one.get("name")) for one in self.pod.get("spec", {}).get("schedulingGates") or ())

    def wanted(self, resource: str) -> int:
        """Return how many of an accelerator the engine asks for; 0 where its pod does not say it."""
        limits = (one.get("resources", {}).get("limits") or {} for one in self._engines())
        return sum(int(quantity.number(found.get(resource, 0))) for found in limits)

    def label(self, name: str) -> str:
        """Return the value of a label of the pod."""
        return str((self.pod["metadata"].get("labels") or {}).get(name, ""))

    def waiting(self, reasons: tuple[str, ...]) -> Iterator[Waiting]:
        """Yield the containers that wait for one of these reasons."""
        for one in self.containers():
            waiting = one.get("state", {}).get("waiting", {})
            if waiting.get("reason") in reasons:
                yield Waiting(one["name"], one["image"], waiting["reason"], waiting.get("message", ""))

    def ended(self) -> Ended | None:
        """Return the first container that ended and has not answered since."""
        ends = (pod_end.of(one, self._ready_until()) for one in self.containers())
        return next((end for end in ends if end), None)

    def is_unread(self, end: Ended) -> bool:
        """Tell whether the log of the engine that ended holds what its termination message does not say, and was not read yet."""
        if end.name != pod.ENGINE or end.reason == OUT_OF_MEMORY:
            return False
        told = causes.cause(end.words, has_served=end.has_served)
        is_read = self.evidence is not None and self.evidence.ended == end.name_of_end
        return not is_read and not (told and told.is_known)

    def cause(self, end: Ended) -> causes.Cause | None:
        """Return what the words of the engine that ended mean: its message first, then what was read of its log."""
        told = causes.cause(end.words, self.adapters(), has_served=end.has_served)
        if told and told.is_known:
            return told
        read = self.evidence.cause if self.evidence and self.evidence.ended == end.name_of_end else None
        return read or told

    def budget(self, container: str) -> int:
        """Return in how many seconds a container has to answer; 0 where its pod does not say it."""
        spec = self.pod.get("spec", {})
        of_pod = [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]
        probe = next((one.get("startupProbe") or {} for one in of_pod if one["name"] == container), {})
        return int(probe.get("failureThreshold", 0)) * int(probe.get("periodSeconds", BETWEEN_PROBES))

    def adapters(self) -> tuple[str, ...]:
        """Return the names of the adapters that the engine is to serve."""
        return adapters.names(next((one.get("args") or [] for one in self._engines()), []))

    def containers(self) -> list[kinds.Object]:
        """Return the containers' statuses, the engine's first."""
        status = self.pod.get("status", {})
        return [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]

    def is_being_set_up(self) -> bool:
        """Tell whether the pod has a node, and what it is for has not run yet and waits for nothing that its status names."""
        containers = self.pod.get("status", {}).get("containerStatuses") or []
        main: kinds.Object = next((one for one in containers if one["name"] in MAIN), {})
        state, was = main.get("state", {}), main.get("lastState", {})
        waits = "waiting" in state and state["waiting"].get("reason") in CREATING
        return conditions.is_true(self.pod, "PodScheduled") and not was and (waits or not state)

    def silent_since(self) -> str:
        """Return since when an engine that runs, and has answered, does not any more; "" where that is not so."""
        found = conditions.condition(self.pod, "Ready") or {}
        since, begun = str(found.get("lastTransitionTime", "")), self.running_since()
        return since if begun and found.get("status") == "False" and pod_end.unix(since) > begun else ""

    def started(self) -> StartLog | None:
        """Return what the log of the engine says of its start."""
        return self.evidence.start if self.evidence else None

    def elapsed(self) -> int:
        """Return for how many seconds the phase had lasted in which the pod is, when it was looked at; 0 where it was not."""
        is_of_this_phase = self.started() is not None or self.is_being_set_up()
        return self.evidence.elapsed if self.evidence and is_of_this_phase else 0

    def ready_since(self) -> float:
        """Return since when the pod is ready, in unix seconds; 0 where it is not."""
        found = conditions.condition(self.pod, "Ready") or {}
        return pod_end.unix(found.get("lastTransitionTime")) if self.is_ready() else 0.0

    def surely_ready_since(self) -> float:
        """Return from when the pod has been ready for certain: Kubernetes' times are no finer than a second."""
        return self.ready_since() + 1

    def running_since(self) -> float:
        """Return since when the engine runs, in unix seconds; 0 where it does not."""
        engine = next((one for one in self.containers() if one["name"] == pod.ENGINE), {})
        return pod_end.unix(engine.get("state", {}).get("running", {}).get("startedAt"))

    def set_up_for(self, now: float) -> float:
        """Return for how many seconds the pod has had a node; `now`: unix seconds."""
        found = conditions.condition(self.pod, "PodScheduled") or {}
        return max(0.0, now - pod_end.unix(found.get("lastTransitionTime"), now))

    def created_for(self, now: float) -> float:
        """Return for how many seconds the pod has been there; `now`: unix seconds."""
        return max(0.0, now - pod_end.unix(self.pod["metadata"].get("creationTimestamp"), now))

    def setting_up(self) -> PodEvent | None:
        """Return the newest Event that tells how far a pod is that is being set up."""
        events = self.evidence.events if self.evidence and self.is_being_set_up() else ()
        return next((one for one in events if one.reason in SETTING_UP), None)

    def _engines(self) -> list[kinds.Object]:
        containers = self.pod.get("spec", {}).get("containers") or []
        return [one for one in containers if one["name"] == pod.ENGINE]

    def _ready_until(self) -> float:
        """Return when the pod was ready last, in unix seconds: infinity while it is, 0 where it never was.

        A pod that never was has the condition since before its containers started.
        """
        found = conditions.condition(self.pod, "Ready") or {}
        return math.inf if self.is_ready() else pod_end.unix(found.get("lastTransitionTime"))
