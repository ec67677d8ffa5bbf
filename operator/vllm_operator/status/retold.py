"""What Ready said of a pod, for as long as this process has not looked at that pod: a new leader has read no log or Event yet.

Without it a restart of the operator would write another reason, and a moment later the first one again. Pure.
"""

from vllm_operator.kube import conditions, kinds
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import held_pods, kubelet_words, outage
from vllm_operator.status.observed import ObservedState
from vllm_operator.status.pod_view import PodView

BY_EVENTS = frozenset(
    {
        "Pulling",
        "SandboxNotCreated",
        held_pods.SCHEDULER_SILENT,
        held_pods.NODE_SILENT,
        *(row.reason for row in kubelet_words.MOUNT),
    }
)
"""Reasons that are told of a pod that waits or is being set up, from its Events or their lack."""
BY_LOG = frozenset({"Loading", "Compiling"})
"""Reasons that are told of an engine that runs, with what its log says."""


def of(seen: ObservedState) -> ConditionValue | None:
    """Return what Ready said before, where that may be true still of the newest pod that does not answer."""
    before = conditions.condition(seen.model, "Ready")
    view = next((one for one in map(seen.view, seen.pods()) if not one.is_ready()), None)
    if before is None or before["status"] == "True" or view is None or not _may_be_true(before, view):
        return None
    return ConditionValue("False", before["reason"], outage.untold(before["message"]))


def _may_be_true(before: kinds.Object, view: PodView) -> bool:
    """Tell whether what was said is of that pod, and of how it is now; of one that ended the log says more."""
    if end := view.ended():
        return view.is_unread(end)
    if view.evidence is not None:
        return False
    told = str(before["message"])
    if said := view.scheduled():
        return told.startswith(held_pods.unscheduled(view, said))
    if f"the pod {view.name}" not in told:
        return False
    if view.is_unseen() or view.is_being_set_up():
        return before["reason"] in BY_EVENTS
    return before["reason"] in BY_LOG and view.running_since() > 0 and not view.silent_since()
