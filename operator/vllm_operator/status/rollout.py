"""What is seen of a rollout, for who decides on it and for the rules of a status: how far it is, and what holds it up. Pure.

A server is of the newest version if it has the mark of the template that is rolled out, and was made of the same pod template as
the newest server with that mark: after `kubectl rollout restart` there are two.
"""

from vllm_operator import api
from vllm_operator.children import rollout, room, template
from vllm_operator.children.rollout_record import GaveWay
from vllm_operator.kube import conditions, kinds, naming, shorten
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import accelerators, observed, pod_diagnosis, pod_refusals
from vllm_operator.status.context import StatusContext

UNASKED = ("NoClientKey", "NoSpareLimit", "NoService", "Unreachable")
"""Reasons of Verified for which the operator cannot ask: that all servers are ready has to do."""

MORE = "a rollout needs room for one more server: raise the ResourceQuota, free what it counts, or set spec.rollout.strategy to"
TOO_SMALL = (
    "one server of the newest version asks for more than the quota has: raise the ResourceQuota, or ask for less"
)
FEWER = "fewer servers have room than spec.replicas asks for"


def live(seen: observed.ObservedState, now: float) -> rollout.Live:
    """Return what decides on the rollout; `now`: unix seconds."""
    ready = conditions.condition(seen.model, "Ready") or {}
    told = f"{ready.get('reason', '')}: {ready.get('message', '')}" if ready.get("status") == "False" else ""
    deployment = seen.child(kinds.DEPLOYMENT, seen.owner.name)
    available = conditions.condition(seen.model, "Available") or {}
    has_answered = available.get("status") == "True" or "lastOutage" in seen.model.get("status", {})
    serves, verdict = _serves(seen, deployment), _verdict(seen)
    return rollout.Live(
        deployment=deployment,
        pods=tuple(seen.pods()),
        is_proven=serves and verdict is not None and (verdict.status == "True" or verdict.reason in UNASKED),
        serves=serves and (verdict is None or verdict.status != "False"),
        has_answered=has_answered,
        told=told,
        now=now,
        tainted=seen.stock.taints if seen.stock else {},
    )


def progress(at: StatusContext) -> str:
    """Return how many servers of the newest version answer, and how many of earlier ones."""
    earlier, ready = _of_earlier(at), _ready(at.observed)
    others = f", of an earlier one: {earlier}" if earlier else ""
    return f"{len(ready) - earlier} of {at.wanted}{others}"


def refused(at: StatusContext) -> ConditionValue | None:
    """Return why the newest pods cannot be made, and what answers meanwhile."""
    found = pod_refusals.refusal(at.refused_pods())
    return _refused(at, found, found.remedy) if found else None


def gave_way(at: StatusContext) -> GaveWay | None:
    """Return the version that gave way to the last verified one, if it is the one that the spec asks for."""
    return at.plan.rollout.record.gave_way


def has_returned(at: StatusContext) -> GaveWay | None:
    """Return the version that gave way, once the last verified one serves as it should."""
    return gave_way(at) if at.serves() else None


def stopping(at: StatusContext) -> str:
    """Return which earlier servers are being stopped for a new one that has no room yet."""
    decided = at.plan.rollout
    if not decided.stops_first or not room.unscheduled(decided.target, at.observed.pods()):
        return ""
    generation = at.deployment.get("metadata", {}).get("generation", 0)
    is_told = at.count("observedGeneration") >= generation
    ending = ", ".join(sorted(pod["metadata"]["name"] for pod in at.observed.ending()))
    return ending or ("" if is_told else "an earlier server")


def without_room(at: StatusContext) -> ConditionValue | None:
    """Return why a new server has no room beside the earlier ones, and the way out."""
    lack = at.plan.rollout.lack
    if lack is None:
        return None
    if not lack.pod:
        return _over_quota(at, lack)
    words = f"no node takes the pod {lack.pod}: {lack.words.rstrip('.')}{_stock(at, lack)}"
    return ConditionValue("False", "Unschedulable", shorten.with_remedy(words, _way_out(at, lack)))


def _over_quota(at: StatusContext, lack: room.Lack) -> ConditionValue | None:
    """Return what a quota says that has no room for one more server."""
    found = pod_refusals.refusal(at.refused_pods() or lack.words)
    return _refused(at, found, _way_out_of_quota(at, lack, found)) if found else None


def _refused(at: StatusContext, found: pod_refusals.Refusal, remedy: str) -> ConditionValue:
    earlier = _of_earlier(at)
    meanwhile = f"earlier servers go on answering ({earlier}): " if earlier else ""
    message = shorten.with_remedy(f"the pods cannot be made: {found.words}", f"{meanwhile}{remedy}")
    value = ConditionValue("False", "PodsRefused", message)
    return value._replace(reason="QuotaExceeded") if found.is_quota else value


def _way_out_of_quota(at: StatusContext, lack: room.Lack, found: pod_refusals.Refusal) -> str:
    decided = at.plan.rollout
    if found.is_for_good:
        return TOO_SMALL
    if decided.stops_first:
        return f"{FEWER}: raise the ResourceQuota, free what it counts, or lower spec.replicas"
    if decided.stops_at is not None:
        return _about_to_stop(at, decided.stops_at)
    return f"{MORE} {'Recreate or Auto' if lack.fits else 'Recreate'}"


def _stock(at: StatusContext, lack: room.Lack) -> str:
    """Return what there is of the accelerators that are lacking, where that is known."""
    wanted, stock = room.requests(at.plan.rollout.target), at.observed.stock
    namespace = at.observed.owner.namespace
    lacking = lack.accelerators if stock else ()
    return "".join(f"; {accelerators.in_words(stock, name, int(wanted[name]), namespace)}" for name in lacking if stock)


def _way_out(at: StatusContext, lack: room.Lack) -> str:
    decided, strategy = at.plan.rollout, at.plan.spec.rollout.strategy
    needed = ", ".join(lack.accelerators) or "room for one more server"
    if decided.stops_first:
        return f"{FEWER}: free {needed}, or lower spec.replicas"
    if decided.stops_at is not None:
        return _about_to_stop(at, decided.stops_at)
    if strategy == "Surge":
        return f"a rollout needs it beside the earlier servers: free {needed}, or set spec.rollout.strategy to Recreate or Auto"
    why = "Auto stops an earlier server only for an accelerator, and where that server's room is enough"
    return f"{why}: free {needed}, or set spec.rollout.strategy to Recreate"


def _about_to_stop(at: StatusContext, moment: float) -> str:
    """Return when Auto stops a server, and what clients will notice of it."""
    told = f"spec.rollout.strategy is Auto, so an earlier server is stopped for it at {api.moment(moment)}"
    if at.ready > 1:
        return f"{told}; the others go on answering"
    longest = at.plan.spec.engine.startup_timeout
    return f"{told}; nothing answers from then until the new one has loaded, for which it has {longest}"


def _of_earlier(at: StatusContext) -> int:
    """Return how many servers answer that are of another version than the newest."""
    return sum(naming.template_hash(pod) != _newest(at) for pod in _ready(at.observed))


def _newest(at: StatusContext) -> str | None:
    """Return the hash of the newest version's pod template; None where it has no server."""
    alike = (pod for pod in at.observed.pods() if template.is_of(pod, at.plan.rollout.target))
    return next(map(naming.template_hash, alike), None)


def _serves(seen: observed.ObservedState, deployment: kinds.Object | None) -> bool:
    """Tell whether all servers of the Deployment's template answer, and no other does."""
    if deployment is None:
        return False
    marks = {template.mark(pod) for pod in _ready(seen)}
    is_its_own = marks == {template.mark(deployment["spec"]["template"])}
    return is_its_own and rollout.is_over(deployment, deployment["spec"].get("replicas", 0))


def _verdict(seen: observed.ObservedState) -> ConditionValue | None:
    """Return what a request to the servers that answer has shown; None where that is not known of just these."""
    return seen.verified if seen.asked == frozenset(map(naming.template_hash, _ready(seen))) else None


def _ready(seen: observed.ObservedState) -> list[kinds.Object]:
    return [pod for pod in seen.pods() if pod_diagnosis.is_ready(pod)]
