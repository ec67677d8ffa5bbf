"""Why a pod does not answer where its status alone does not say it: gates, queues, Events, logs, and how long a container ran."""

from typing import Any, NamedTuple

import pytest

from tests.observations import pod
from tests.unit.status.rows import RUNNING, SCHEDULED, WAITING, engine, guard
from vllm_operator.engine.causes import Cause
from vllm_operator.kube import kinds
from vllm_operator.status import pod_diagnosis, pod_view
from vllm_operator.status.accelerators import Stock
from vllm_operator.status.pod_view import Evidence, PodEvent, PodView

GPU = "nvidia.com/gpu"
AT = "2026-01-01T00:{:02}:{:02}Z"
BUDGET = {"startupProbe": {"periodSeconds": 2, "failureThreshold": 30}}
LOG = "see `kubectl logs a -c vllm --previous`"


def unscheduled(words: str, why: str = "Unschedulable", **spec: Any) -> kinds.Object:
    found = pod("a", conditions=[{"type": "PodScheduled", "status": "False", "reason": why, "message": words}])
    return {**found, "spec": {"containers": [{"name": "vllm", "resources": {"limits": {GPU: "2"}}}], **spec}}


def gated(*gates: str, **labels: str) -> kinds.Object:
    found = unscheduled(
        "Scheduling is blocked due to non-empty scheduling gates", schedulingGates=[{"name": one} for one in gates]
    )
    return {**found, "metadata": {**found["metadata"], "labels": labels}}


def unseen(created: str = AT.format(0, 0), silent: str = pod_view.SCHEDULER, **spec: Any) -> PodView:
    """Return a pod of which no scheduler has said anything."""
    found = pod("a")
    metadata = {**found["metadata"], "creationTimestamp": created}
    return PodView({**found, "metadata": metadata, "spec": spec, "status": {}}, Evidence(silent=silent))


def placed(status: dict[str, Any], silent: str = "") -> PodView:
    """Return a pod that has the node n1."""
    return PodView({**pod("a"), "spec": {"nodeName": "n1"}, "status": status}, Evidence(silent=silent))


def set_up(reason: str, note: str, *later: str) -> PodView:
    """Return a pod whose containers are being created, with Events: `later` came after the first."""
    events = (*(PodEvent(one, "") for one in later), PodEvent(reason, note))
    creating = engine({"waiting": {"reason": "ContainerCreating"}})
    return PodView(creating, Evidence(events=events))


def ended(ran: int, *, served: bool = False, state: dict[str, Any] = WAITING, **end: Any) -> kinds.Object:
    """Return a pod whose engine ended after so many seconds; `served`: it was ready until then."""
    times = {"startedAt": AT.format(1, 0), "finishedAt": AT.format(1 + ran // 60, ran % 60)}
    found = engine(state, {"exitCode": 1, **times, **end}, restartCount=1)
    since = times["finishedAt"] if served else AT.format(0, 59)
    found["status"]["conditions"] = [SCHEDULED[0], {"type": "Ready", "status": "False", "lastTransitionTime": since}]
    return {**found, "spec": {"containers": [{"name": "vllm", **BUDGET}]}}


def never_answered() -> kinds.Object:
    """Return a pod whose guard ran for a minute and was ended."""
    end = {"exitCode": 0, "startedAt": AT.format(1, 0), "finishedAt": AT.format(2, 0)}
    probe = {"startupProbe": {"periodSeconds": 1, "failureThreshold": 60}}
    return {
        **guard(WAITING, end, restartCount=1),
        "spec": {"containers": [], "initContainers": [{"name": "guard", **probe}]},
    }


def read(one: kinds.Object, cause: Cause | None, end: str = "") -> PodView:
    """Return the pod, of whose last end the log was read, or of that which `end` names."""
    last = PodView(one).ended()
    return PodView(one, Evidence(ended=end or (last.name_of_end if last else ""), cause=cause))


STOCK = Stock(
    {GPU: 8},
    {GPU: {kinds.Key("models", "big"): 3, kinds.Key("team-b", "secret-project"): 4, kinds.Key("models", "small"): 1}},
)
LACKING = f"0/1 nodes are available: 1 Insufficient {GPU}."
FULL = Cause("OutOfMemory", "the accelerator's memory is full: lower it")
DIED = Cause("EngineFailed", "RuntimeError")
ON_NO_NODE = f"Unschedulable: no node takes the pod a: {LACKING[:-1]}; it wants 2 {GPU}"
FREE = "free an accelerator, add a node, or ask for fewer"
NOT_HERE = "hostPath type check failed: /x is not a directory"
NO_TAINT = "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: true}"
SERVED = "vLLM ended while it served, after 3m10s (restarts: 1)"


class Case(NamedTuple):
    """A pod, and how what is told of it begins."""

    view: PodView
    says: str


HELD = {
    "a gate": Case(PodView(gated("example.com/wait")),
        "SchedulingGated: the pod a waits until somebody removes its scheduling gate example.com/wait: see whose gate it is"),
    "a queue of Kueue": Case(PodView(gated("kueue.x-k8s.io/admission", **{"kueue.x-k8s.io/queue-name": "team"})),
        "Queued: the pod a waits for the queue team of Kueue: `kubectl describe workloads` says"),
    "a queue of Volcano": Case(PodView(unscheduled("pod group is not ready, 1 Pending, 1 minAvailable")),
        "Queued: the pod a waits in a queue of its scheduler: pod group is not ready, 1 Pending, 1 minAvailable: wait, or have"),
    "a queue of Koordinator": Case(
        PodView(unscheduled("0/9 nodes are available: Insufficient quotas, exceedDimensions: [nvidia.com/gpu]"), None, STOCK),
        "Queued: the pod a waits in a queue of its scheduler: 0/9 nodes are available: Insufficient quotas, exceedDimensions: "
        "[nvidia.com/gpu]: wait, or"),
    "a queue of YuniKorn": Case(PodView(unscheduled("request 'a' does not fit", why="SchedulingSkipped")),
        "Queued: the pod a waits in a queue of its scheduler: request 'a' does not fit: wait, or have the queue's quota raised"),
    "a scheduler that nobody runs": Case(unseen(schedulerName="none"),
        f"SchedulerSilent: the scheduler none has not looked at the pod a since {AT.format(0, 0)}: see whether it"
        " runs, or correct spec.scheduling.schedulerName"),
    "claims that nobody has made": Case(unseen(resourceClaims=[{"name": "x"}]),
        f"SchedulerSilent: the scheduler default-scheduler has not looked at the pod a since {AT.format(0, 0)}: see"
        " whether it runs, or see whether the claims of spec.resourceClaims are there"),
    "a pod that was made a moment ago": Case(unseen(silent=""), "Starting: "),
    "a node whose kubelet is gone": Case(placed({"conditions": [SCHEDULED[0]]}, pod_view.NODE),
        "NodeSilent: the node n1 has reported nothing of the pod a, which was assigned to it: see to its kubelet"),
    "a node that was given the pod a moment ago": Case(placed({"conditions": [SCHEDULED[0]]}), "Starting: "),
    "a node that reports no more": Case(placed({"conditions": [*SCHEDULED, {"type": "ContainersReady", "status": "True"}],
        "containerStatuses": [{"name": "vllm", "image": "x", "ready": True, "state": RUNNING}]}),
        "NodeSilent: the node n1 reports no more, so that the pod a counts as not ready: see to its kubelet"),
    "accelerators that others hold": Case(PodView(unscheduled(LACKING), None, STOCK),
        f"{ON_NO_NODE} of the 8 that there are; held: 3 by models/big, 1 by models/small, 4 by other models: {FREE}"),
    "accelerators that other namespaces hold": Case(
        PodView(unscheduled(LACKING), None, Stock({GPU: 8}, {GPU: {kinds.Key("team-b", "secret-project"): 8}})),
        f"{ON_NO_NODE} of the 8 that there are; held: 8 by other models: {FREE}"),
    "accelerators that no node has": Case(PodView(unscheduled(LACKING), None, Stock({}, {})),
        f"{ON_NO_NODE}, and no node has any: "),
    "accelerators on several nodes": Case(
        PodView(unscheduled(LACKING), None, Stock({GPU: 4}, {GPU: {kinds.Key("models", "big"): 2}})),
        f"{ON_NO_NODE} of the 4 that there are; held: 2 by models/big, the rest (2) is free on nodes where"),
    "memory that no node has": Case(PodView(unscheduled("0/1 nodes are available: 1 Insufficient memory.")),
        "Unschedulable: no node takes the pod a: 0/1 nodes are available: 1 Insufficient memory: lower memory in spec"),
    "a taint": Case(PodView(unscheduled(f"{NO_TAINT}.")),
        f"Unschedulable: no node takes the pod a: {NO_TAINT}: set spec.scheduling.tolerations"),
    "a claim that is gone": Case(PodView(unscheduled('persistentvolumeclaim "w" not found')), "PersistentVolumeClaimNotFound: "),
    "a claim without a class": Case(PodView(unscheduled("pod has unbound immediate PersistentVolumeClaims.")), "ClaimNotBound: "),
    "a volume that is not there": Case(set_up("FailedMount", NOT_HERE),
        f"VolumeNotMounted: a volume of the pod a cannot be mounted: {NOT_HERE}: the volume points at what is not there"),
    "a volume that another node holds": Case(set_up("FailedAttachVolume", "Multi-Attach error for volume"), "VolumeNotMounted: "),
    "a file that a ConfigMap lacks": Case(set_up("FailedMount", "references non-existent config key: a"),
        "ConfigMapKeyNotFound: a volume of the pod a cannot be mounted: references non-existent config key: a"),
    "a Secret's key that is missing": Case(
        PodView(engine({"waiting": {"reason": "CreateContainerConfigError", "message": "couldn't find key a in Secret m/s"}})),
        "SecretKeyNotFound: vllm cannot be created: couldn't find key a in Secret m/s: add the key a to the Secret"),
    "a volume that was mounted in the end": Case(set_up("FailedMount", "timed out", "Pulling"), "Pulling: "),
    "a sandbox that the node cannot make": Case(set_up("FailedCreatePodSandBox", "no IP addresses"),
        "SandboxNotCreated: the node cannot set up the pod a: no IP addresses: see to the node's"),
    "an image that is not there": Case(PodView(engine({"waiting": {"reason": "ErrImagePull", "message": "x/y:1: not found"}})),
        "ImageNotPulled: the image engine:1 of vllm cannot be had: x/y:1: not found: there is no such image or tag"),
    "an image that the disk has no room for": Case(
        PodView(engine({"waiting": {"reason": "ErrImagePull", "message": "write /x: no space left on device"}})),
        "NodeDiskFull: "),
}  # fmt: skip

ENDED = {
    "a start that was ended at its budget": Case(read(ended(62, exitCode=0), None),
        "StartTimedOut: vLLM did not answer within the 1m0s of spec.engine.startupTimeout, so its start was ended (restarts: 1)"),
    "a start that was ended at its budget by a traceback": Case(
        read(ended(64, message="Traceback\nKeyboardInterrupt: terminated"), None), "StartTimedOut: "),
    "a start that ended before its budget": Case(read(ended(12, exitCode=0), None),
        f"ContainerEnded: vllm ended with exit code 0 after 12s (restarts: 1) and said nothing: {LOG}"),
    "a cause that is known comes before the budget": Case(read(ended(62), FULL), "OutOfMemory: the accelerator's memory is full"),
    "an engine that died while it served": Case(read(ended(190, served=True, exitCode=0), None),
        f"EngineDied: {SERVED}, with exit code 0: {LOG}"),
    "an engine that died while it served and runs again": Case(read(ended(190, served=True, exitCode=0, state=RUNNING), DIED),
        f"EngineDied: {SERVED}, with exit code 0: RuntimeError: {LOG}"),
    "an accelerator that was full while it served": Case(read(ended(190, served=True), FULL),
        f"OutOfMemory: {SERVED}: the accelerator's memory is full: lower it; {LOG}"),
    "a guard that never answered": Case(PodView(never_answered()),
        "ContainerEnded: guard did not answer within 1m0s, so its start was ended (restarts: 1): see `kubectl logs a -c guard"),
    "a log that says more than the message": Case(read(ended(3, message="raise RuntimeError("), FULL), "OutOfMemory: "),
    "a message that says it all comes first": Case(
        read(ended(3, message="vllm: error: unrecognized arguments: --x"), FULL), "UnknownOption: "),
    "a log of an earlier end": Case(read(ended(3, exitCode=3), FULL, "vllm/7"),
        "ContainerEnded: vllm ended with exit code 3 after"),
    "a signal comes before words that nobody knows": Case(read(ended(3, exitCode=139, message="Segmentation fault"), None),
        "KilledBySignal: vllm was ended by SIGSEGV after 3s (restarts: 1): see `kubectl logs"),
    "a signal without a name": Case(read(ended(3, exitCode=163), None),
        "KilledBySignal: vllm was ended by the signal 35 after 3s (restarts: 1): see `kubectl logs"),
    "an illegal instruction": Case(read(ended(3, exitCode=132), None),
        "KilledBySignal: vllm was ended by SIGILL after 3s (restarts: 1): the image's code needs another processor"),
}  # fmt: skip
SILENT = ended(1)
SILENT["status"]["containerStatuses"][0] |= {"state": {"running": {"startedAt": AT.format(0, 20)}}, "lastState": {}}
RUNS = {
    "an engine that does not answer any more": Case(PodView(SILENT),
        f"NotResponding: the engine in the pod a runs and does not answer since {AT.format(0, 59)}: the kubelet restarts it"),
}  # fmt: skip
TOLD = {**HELD, **ENDED, **RUNS}


@pytest.mark.parametrize("case", TOLD.values(), ids=TOLD)
def test_a_pod_that_does_not_answer_says_why(case: Case) -> None:
    found = pod_diagnosis.diagnose(case.view)
    assert found
    assert f"{found.reason}: {found.message}".startswith(case.says)
