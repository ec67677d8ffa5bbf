"""Why pods that ended for good did: an evicted one stays as it is, and another is made in its place, again and again. Pure."""

from collections.abc import Sequence

from vllm_operator import api
from vllm_operator.children import template
from vllm_operator.kube import kinds, naming, shorten
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import kubelet_words

EVICTED, REJECTED = "Evicted", "PodRejected"
RECENT_SECONDS = 1800.0
"""An older end has nothing to do any more with a server that does not answer now."""
GOES_ON = ("Starting", "Pulling", "Loading")
"""What a live pod may say while an end explains more: that it goes on. What names a cause comes first."""
FOLLOWS = (*GOES_ON, "Downloading", "Compiling", "Unschedulable")
"""What it may say where pods are ended again and again: a node that evicts takes no new pod for a while."""
OFTEN = 2


def diagnose(failed: Sequence[kinds.Object], now: float, live: ConditionValue | None = None) -> ConditionValue | None:
    """Return why the newest of the pods that ended for good did, and how many there are; `failed`: newest first.

    None where what a pod says that is `live` is the cause to fix.
    """
    recent = [pod for pod in failed if _ended(pod) > now - RECENT_SECONDS]
    alike = [pod for pod in recent if naming.template_hash(pod) == naming.template_hash(recent[0])]
    if not alike or (live and live.reason not in (FOLLOWS if len(alike) >= OFTEN else GOES_ON)):
        return None
    status = alike[0]["status"]
    reason, words = str(status.get("reason", "")), str(status.get("message", "")).rstrip(". ")
    count = f"{len(alike)} pods were" if len(alike) > 1 else f"the pod {alike[0]['metadata']['name']} was"
    if reason == EVICTED:
        return ConditionValue(
            "False", EVICTED, shorten.with_remedy(f"{count} evicted by the node: {words}", _remedy(words))
        )
    if not words:
        return None
    remedy = "see to the node's devices and its kubelet, or choose another node"
    return ConditionValue(
        "False", REJECTED, shorten.with_remedy(f"{count} refused by the node ({reason}): {words}", remedy)
    )


def of_newest(failed: Sequence[kinds.Object], pods: Sequence[kinds.Object], target: kinds.Object) -> list[kinds.Object]:
    """Return those of the `failed` pods that are of the newest template: that of `target`, and of the newest of its `pods`."""
    live = next((naming.template_hash(one) for one in pods if template.is_of(one, target)), None)
    found = (one for one in failed if template.is_of(one, target))
    return [one for one in found if live is None or naming.template_hash(one) == live]


def _remedy(words: str) -> str:
    known = kubelet_words.found(kubelet_words.EVICTED, words)
    return known.remedy if known else ""


def _ended(pod: kinds.Object) -> float:
    """Return when a pod ended, in unix seconds; its beginning where that is not said."""
    ends = [
        (one.get("state", {}).get("terminated") or {}).get("finishedAt")
        for one in pod.get("status", {}).get("containerStatuses") or []
    ]
    said = [
        one["lastTransitionTime"]
        for one in pod.get("status", {}).get("conditions") or []
        if "lastTransitionTime" in one
    ]
    moments = [_unix(str(one)) for one in (*ends, *said, pod["metadata"].get("creationTimestamp")) if one]
    return max(moments, default=0.0)


def _unix(moment: str) -> float:
    try:
        return float(api.unix(moment))
    except ValueError:
        return 0.0
