"""What keeps a pod's containers from running: an ordered list of rules over one pod, before anything of vLLM has run.

What the scheduler and the kubelet say is told in their words, with the remedy that kubelet_words.py knows for them.
What looks like a key is hidden: a registry's address may be signed.
"""

from typing import NamedTuple

from vllm_operator.engine import redaction
from vllm_operator.kube import kinds, shorten
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import accelerators, kubelet_words, pod_view, rule
from vllm_operator.status.pod_view import PodView

PULL_REASONS = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable")
CONFIG_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
MOUNT_EVENTS = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")
SANDBOX_EVENTS = ("FailedCreatePodSandBox",)
SCHEDULER_SILENT, NODE_SILENT = "SchedulerSilent", "NodeSilent"
DEFAULT_SCHEDULER = "default-scheduler"
IN_QUEUE = kubelet_words.Found("Queued", "wait, or have the queue's quota raised")
SEE_NODE = ": see to its kubelet and its network: `kubectl describe node` says since when"
QUEUE_LABEL, QUEUE_GATE = "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/admission"

Rule = rule.Rule[PodView]


class Told(NamedTuple):
    """What a rule found, in words that its format takes as they are."""

    reason: str
    message: str


def diagnose(view: PodView) -> ConditionValue | None:
    """Return what keeps the containers of a pod from running, or None."""
    return rule.first(RULES, view)


def _gated(at: PodView) -> Told | None:
    gates, queue = at.gates(), at.label(QUEUE_LABEL)
    if not gates:
        return None
    if QUEUE_GATE in gates:
        named = f"the queue {queue}" if queue else "its queue"
        remedy = "`kubectl describe workloads` says for what: wait, or have the queue's quota raised"
        return Told("Queued", f"the pod {at.name} waits for {named} of Kueue: {remedy}")
    words = (
        f"the pod {at.name} waits until somebody removes its scheduling gate {', '.join(gates)}: see whose gate it is"
    )
    return Told("SchedulingGated", words)


def _unscheduled(at: PodView) -> Told | None:
    said = at.scheduled()
    if said is None:
        return None
    words = str(said.get("message", ""))
    if _is_queue(said):
        return _with_remedy(IN_QUEUE, "Queued", unscheduled(at, said))
    known = kubelet_words.found(kubelet_words.SCHEDULER, words)
    return _with_remedy(known, "Unschedulable", f"{unscheduled(at, said)}{_stock(at, words)}")


def unscheduled(at: PodView, said: kinds.Object) -> str:
    """Return how what is told of a pod begins of which the scheduler has `said` that no node takes it."""
    words = str(said.get("message", "")).rstrip(". ")
    what = (
        f"the pod {at.name} waits in a queue of its scheduler"
        if _is_queue(said)
        else f"no node takes the pod {at.name}"
    )
    return f"{what}: {words}" if words else what


def _is_queue(said: kinds.Object) -> bool:
    return kubelet_words.QUEUED.search(f"{said.get('reason')} {said.get('message')}") is not None


def _unseen(at: PodView) -> Told | None:
    """Return that no scheduler has said anything of the pod, for a time in which each one does."""
    if not at.is_unseen() or at.silent() != pod_view.SCHEDULER:
        return None
    scheduler = at.pod["spec"].get("schedulerName", DEFAULT_SCHEDULER)
    remedies = ["see whether it runs"]
    if scheduler != DEFAULT_SCHEDULER:
        remedies.append("correct spec.scheduling.schedulerName")
    if at.pod["spec"].get("resourceClaims"):
        remedies.append("see whether the claims of spec.resourceClaims are there")
    words = f"the scheduler {scheduler} has not looked at the pod {at.name} since {at.pod['metadata'].get('creationTimestamp')}"
    return Told(SCHEDULER_SILENT, f"{words}: {', or '.join(remedies)}")


def _unreported(at: PodView) -> Told | None:
    """Return that the pod's node has said nothing of it, for a time in which each kubelet does."""
    if not at.is_unreported() or at.silent() != pod_view.NODE:
        return None
    return Told(
        NODE_SILENT, f"{_node(at)} has reported nothing of the pod {at.name}, which was assigned to it{SEE_NODE}"
    )


def _lost(at: PodView) -> Told | None:
    """Return that the pod counts as not ready though its containers are: what Kubernetes says of a node that is silent."""
    if not at.is_lost():
        return None
    return Told(NODE_SILENT, f"{_node(at)} reports no more, so that the pod {at.name} counts as not ready{SEE_NODE}")


def _node(at: PodView) -> str:
    return f"the node {at.pod['spec'].get('nodeName', '')}"


def _stock(at: PodView, words: str) -> str:
    """Return what there is of the accelerator that the scheduler misses, where that is known."""
    resource = kubelet_words.accelerator(words)
    if not at.stock or not resource:
        return ""
    return f"; {accelerators.in_words(at.stock, resource, at.wanted(resource), at.namespace)}"


def _without_image(at: PodView) -> Told | None:
    for one in at.waiting(PULL_REASONS):
        known = kubelet_words.found(kubelet_words.IMAGE, f"{one.reason} {one.words}")
        return _with_remedy(known, "ImageNotPulled", f"the image {one.image} of {one.name} cannot be had: {one.words}")
    return None


def _not_created(at: PodView) -> Told | None:
    for one in at.waiting(CONFIG_REASONS):
        known = kubelet_words.found(kubelet_words.CONTAINER, one.words)
        return _with_remedy(known, "ContainerNotCreated", f"{one.name} cannot be created: {one.words}")
    return None


def _not_mounted(at: PodView) -> Told | None:
    event = at.setting_up()
    if event is None or event.reason not in MOUNT_EVENTS:
        return None
    known = kubelet_words.found(kubelet_words.MOUNT, event.note)
    return _with_remedy(known, "VolumeNotMounted", f"a volume of the pod {at.name} cannot be mounted: {event.note}")


def _without_sandbox(at: PodView) -> Told | None:
    event = at.setting_up()
    if event is None or event.reason not in SANDBOX_EVENTS:
        return None
    remedy = "see to the node's network plugin and container runtime, or choose another node"
    words = f"the node cannot set up the pod {at.name}: {_shown(event.note)}"
    return Told("SandboxNotCreated", shorten.with_remedy(words, remedy))


def _with_remedy(known: kubelet_words.Found | None, reason: str, words: str) -> Told:
    told = _shown(words)
    if known is None:
        return Told(reason, told)
    return Told(known.reason, shorten.with_remedy(told.rstrip(". "), known.remedy))


def _shown(words: str) -> str:
    return redaction.shown(words)


RULES: tuple[rule.Row[PodView], ...] = (
    Rule("{found.reason}", _gated, "{found.message}"),
    Rule("{found.reason}", _unscheduled, "{found.message}"),
    Rule("{found.reason}", _unseen, "{found.message}"),
    Rule("{found.reason}", _unreported, "{found.message}"),
    Rule("{found.reason}", _lost, "{found.message}"),
    Rule("{found.reason}", _without_image, "{found.message}"),
    Rule("{found.reason}", _not_created, "{found.message}"),
    Rule("{found.reason}", _not_mounted, "{found.message}"),
    Rule("{found.reason}", _without_sandbox, "{found.message}"),
)
