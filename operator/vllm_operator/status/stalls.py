"""Why an engine that says it is healthy does not answer: its guard has found that it stands still.

Joins what the guard says (guard/watch.py) with what the kubelet did about it. Pure.
"""

from collections.abc import Iterator

from vllm_operator import api, guard
from vllm_operator.children import pod
from vllm_operator.kube import kinds
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import guard_conditions, pod_diagnosis
from vllm_operator.status.observed import ObservedState

STALLED = "EngineStalled"


def of(seen: ObservedState, one: kinds.Object) -> ConditionValue | None:
    """Return that the engine of the pod `one` does not answer since it stands still; None where it answers, or for another cause.

    Until its guard was asked, as after a restart of the operator, what was told before stays.
    """
    name = one["metadata"]["name"]
    if pod_diagnosis.is_ready(one):
        return None
    if name in seen.guards:
        return _diagnose(one, seen.guards[name])
    return next((value for value in _before(seen) if name in value.message), None)


def _before(seen: ObservedState) -> Iterator[ConditionValue]:
    """Yield what the status tells of a stall: Ready may say as well since when nothing answers."""
    told = (guard_conditions.before(seen, kind) for kind in ("Available", "Ready"))
    return (value for value in told if value.reason == STALLED)


def _diagnose(one: kinds.Object, said: guard.State | None) -> ConditionValue | None:
    stalls = said.stalls if said else None
    if stalls is None:
        return None
    if _was_ended_for(one, stalls):
        return _value(one, stalls, "it was restarted and loads again")
    if stalls.is_now:
        return _value(one, stalls, "the kubelet restarts it if it stays so for spec.engine.stallTimeout")
    return None


def restarts(one: kinds.Object) -> int:
    """Return how often the engine of the pod `one` was started anew."""
    return int(_engine(one).get("restartCount", 0))


def _value(one: kinds.Object, stalls: guard.Stalls, now: str) -> ConditionValue:
    message = (
        f"the engine in the pod {one['metadata']['name']} made no step for {stalls.seconds} s"
        f" while requests waited ({stalls.waiting}): {now}; stalls since its guard started: {stalls.count}"
    )
    return ConditionValue("False", STALLED, message)


def _was_ended_for(one: kinds.Object, stalls: guard.Stalls) -> bool:
    """Tell whether the last end of the engine came after the stall, and no other life lies between."""
    engine = _engine(one)
    end = engine.get("state", {}).get("terminated") or engine.get("lastState", {}).get("terminated") or {}
    if not (end.get("startedAt") and end.get("finishedAt")):
        return False
    return api.unix(end["startedAt"]) <= stalls.at <= api.unix(end["finishedAt"])


def _engine(one: kinds.Object) -> kinds.Object:
    containers = one.get("status", {}).get("containerStatuses") or []
    return next((each for each in containers if each["name"] == pod.ENGINE), {})
