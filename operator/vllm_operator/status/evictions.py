"""Why pods that ended for good did: an evicted one stays as it is, and another is made in its place, again and again. Pure."""

from collections.abc import Sequence

from vllm_operator import api
from vllm_operator.kube import kinds, naming, shorten
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import kubelet_words

EVICTED, REJECTED = "Evicted", "PodRejected"
RECENT_SECONDS = 1800.0
"""An older end has nothing to do any more with a server that does not answer now."""


def diagnose(failed: Sequence[kinds.Object], now: float) -> ConditionValue | None:
    """Return why the newest of the pods that ended for good did, and how many there are; `failed`: newest first."""
    recent = [pod for pod in failed if _ended(pod) > now - RECENT_SECONDS]
    alike = [pod for pod in recent if naming.template_hash(pod) == naming.template_hash(recent[0])]
    if not alike:
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
