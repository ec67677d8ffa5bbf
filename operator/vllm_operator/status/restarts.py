"""How often containers of the present servers ended: status.restarts, and how Ready tells of it once they are back. Pure.

The kubelet counts. The status itself keeps what the kubelet forgets: the cause, and how many ends came close to one another.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from vllm_operator import api
from vllm_operator.children import pod
from vllm_operator.kube import kinds, shorten
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import pod_diagnosis, pod_end, stalls
from vllm_operator.status.observed import ObservedState

COUNTED = (pod.ENGINE, pod.GUARD)
CLOSE_SECONDS = 3600.0
"""Ends that follow one another within this time belong together."""
LOOP = 3
"""So many ends of one server that belong together are a crash loop."""
RECENT_SECONDS = 86400.0
"""For so long Ready tells of the last end."""
LONGEST_CAUSE = 512
LOOP_WORDS = "crash loop: "


class End(NamedTuple):
    """The last end of a container: of which pod, and when, in unix seconds."""

    at: float
    pod: kinds.Object
    container: str
    how: kinds.Object


class Restarts(NamedTuple):
    """`body`: the field `restarts` of the status; `last`: unix seconds; `is_loop`: its server ends again and again."""

    body: dict[str, Any]
    last: float
    is_loop: bool


def of(observed: ObservedState, now: float) -> Restarts | None:
    """Return how often containers of the present servers ended; None where none did, or the kubelet does not say when."""
    ends = [end for one in observed.pods() for end in _ends(one)]
    if not ends:
        return None
    newest = max(ends, key=lambda end: (end.at, end.container))
    count = sum(_count(one) for one in observed.pods())
    known: dict[str, Any] = observed.model.get("status", {}).get("restarts", {})
    body = {
        "count": count,
        "together": _together(known, newest, count),
        "last": api.moment(newest.at),
        "pod": newest.pod["metadata"]["name"],
        "cause": _cause(observed, newest, known),
    }
    is_loop = body["together"] >= LOOP and now < newest.at + CLOSE_SECONDS
    return Restarts(body, newest.at, is_loop)


def due(observed: ObservedState, now: float) -> float:
    """Return when Ready tells something else of the last end, in unix seconds; infinity where it never does."""
    found = of(observed, now)
    moments = (found.last + CLOSE_SECONDS, found.last + RECENT_SECONDS) if found else ()
    return next((moment for moment in moments if now < moment), math.inf)


def told(value: ConditionValue | None, found: Restarts | None, now: float) -> ConditionValue | None:
    """Return the value of Ready with a crash loop, and where it is True with the last end, for a day."""
    if value is None:
        return None
    words = _words(found, now, is_back=value.status == "True") if found else ""
    bare = value.message.partition(f"; {LOOP_WORDS}")[0]
    return value._replace(message=f"{bare}; {words}" if words else bare)


def _words(found: Restarts, now: float, *, is_back: bool) -> str:
    body = found.body
    loop = f"{LOOP_WORDS}{body['together']} ends, each within an hour of the one before" if found.is_loop else ""
    if not is_back or now >= found.last + RECENT_SECONDS:
        return loop
    count = loop or f"restarts: {body['count']}"
    return f"{count}, the last at {body['last']} in the pod {body['pod']}: {body['cause']}"


def _ends(one: kinds.Object) -> Iterator[End]:
    for each in _counted(one):
        how = each.get("state", {}).get("terminated") or each.get("lastState", {}).get("terminated") or {}
        if at := pod_end.unix(how.get("finishedAt")):
            yield End(at, one, each["name"], how)


def _count(one: kinds.Object) -> int:
    """Return how often a pod's containers ended, that which ended most; both end with their node."""
    return max((_over(each) + ("terminated" in each.get("state", {})) for each in _counted(one)), default=0)


def _over(container: kinds.Object) -> int:
    """Return how many lives of a container another one has followed."""
    return max(int(container.get("restartCount", 0)), int("terminated" in container.get("lastState", {})))


def _counted(one: kinds.Object) -> Iterator[kinds.Object]:
    status = one.get("status", {})
    statuses = [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]
    return (each for each in statuses if each["name"] in COUNTED)


def _together(known: dict[str, Any], newest: End, count: int) -> int:
    """Return how many ends of a server belong together up to the newest; those not seen are taken to be evenly spread."""
    own = _count(newest.pod)
    if known.get("pod") != newest.pod["metadata"]["name"]:
        began = pod_end.unix(newest.pod["metadata"].get("creationTimestamp"))
        return own if newest.at - began < own * CLOSE_SECONDS else 1
    since = pod_end.unix(known["last"])
    if newest.at <= since:
        return min(int(known["together"]), own)
    more = max(1, min(own, count - int(known["count"])))
    is_close = newest.at - since < more * CLOSE_SECONDS
    return int(known["together"]) + more if is_close else 1


def _cause(observed: ObservedState, newest: End, known: dict[str, Any]) -> str:
    """Return why a container ended: in the words of its diagnosis until it is back, and from then on those that were told."""
    view = observed.view(newest.pod)
    is_told = known.get("last") == api.moment(newest.at) and known.get("pod") == view.name
    end = view.ended()
    if is_told and (end is None or view.is_unread(end)):
        return str(known["cause"])
    value = (stalls.of(observed, newest.pod) or pod_diagnosis.diagnose(view)) if end else None
    if value:
        return shorten.to_characters(f"{value.reason}: {value.message}", LONGEST_CAUSE)
    reason = f" ({newest.how['reason']})" if newest.how.get("reason") else ""
    return f"{newest.container} ended with exit code {newest.how.get('exitCode', 0)}{reason}"
