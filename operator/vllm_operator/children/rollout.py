"""How a new version takes the place of the one before, decided anew from what is there at each run. Pure.

- Auto begins as Surge. Where a new server has no room and an earlier one holds just that, an earlier one is stopped first; this
  is remembered until the rollout is over, for once it is stopped there is nothing left to see of it.
- A version that is not verified in time gives way to the last one that was, which is remembered until the spec asks for another.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vllm_operator import api
from vllm_operator.children import rollout_record, room, template
from vllm_operator.children.rollout_record import GaveWay, Record
from vllm_operator.kube import conditions, kinds, naming

UNMARKED = ""
PATIENCE_SECONDS = 30.0
"""How long a new server may wait for room before Auto stops an earlier one: somebody else's server may just be ending."""


class Live(NamedTuple):
    """What is there.

    `pods`: the servers that are to stay, newest first; `is_proven`: those of the Deployment's template were verified;
    `serves`: all of them answer, and none was seen to answer wrongly;
    `has_answered`: the model has ever had a server that answered; `told`: what the status says of the model; `now`: unix seconds;
    `tainted`: the taints of the nodes that are known.
    """

    deployment: kinds.Object | None = None
    pods: tuple[kinds.Object, ...] = ()
    is_proven: bool = False
    serves: bool = False
    has_answered: bool = True
    told: str = ""
    now: float = 0.0
    tainted: Mapping[str, Sequence[kinds.Object]] = {}


class Rollout(NamedTuple):
    """What was decided.

    `target`: the ControllerRevision that servers are made of; `record`: what is to be remembered; `stops_first`: an old server is
    stopped before a new one is started; `lack`: why a new server has no room; `stops_at`, `returns_at`: when an earlier server is
    stopped for it, and when the version gives way, unix seconds, if nothing happens.
    """

    target: kinds.Object
    record: Record
    stops_first: bool = False
    lack: room.Lack | None = None
    stops_at: float | None = None
    returns_at: float | None = None


def rollout(
    asked: kinds.Object, wanted: kinds.Object, spec: api.Spec, revisions: Sequence[kinds.Object], live: Live
) -> Rollout:
    """Return what is decided.

    `asked`: the ControllerRevision of the spec; `wanted`: the one that its servers may be made of now.
    """
    before, at_work = rollout_record.read(live.deployment), inputs_at_work(live.deployment)
    verified = at_work if live.is_proven else before.verified
    last = _last(asked, verified, revisions) if spec.rollout.return_after else None
    is_asked = at_work == template.inputs_of(asked)
    returns_at = _returns_at(_since(before, asked, revisions), spec, live) if last and is_asked else None
    gave_way = _gave_way(asked, before, returns_at, live) if last else None
    target = last if last and gave_way else wanted
    is_same = at_work == template.inputs_of(target)
    since = before.since if is_same and not _is_woken(spec, live) else _moment(live.now)
    is_returning = gave_way is not None and not is_same
    record = Record(since, verified, is_returning and before.recreates, gave_way)
    decided = Rollout(target, record, returns_at=None if gave_way else returns_at)
    if live.deployment is None:
        return decided._replace(stops_first=spec.rollout.strategy == "Recreate")
    lack = room.lack(target, revisions, live.pods, live.deployment, live.tainted)
    return _placed(decided._replace(lack=lack), spec, live, recreates=is_same and before.recreates)


def inputs_at_work(deployment: kinds.Object | None) -> str:
    """Return the inputs of the template that the live Deployment has; "" where there is none."""
    annotations = ((deployment or {}).get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(naming.INPUTS_ANNOTATION, ""))


def is_over(deployment: kinds.Object, wanted: int) -> bool:
    """Tell whether all `wanted` servers answer, are of the newest template, and none of an older one is left."""
    status, generation = deployment.get("status") or {}, deployment["metadata"].get("generation", 0)
    if status.get("observedGeneration", 0) < generation:
        return False
    return {int(status.get(name, 0)) for name in ("replicas", "updatedReplicas", "readyReplicas")} == {wanted}


def _placed(decided: Rollout, spec: api.Spec, live: Live, *, recreates: bool) -> Rollout:
    """Return the rollout with the order in which servers are stopped and started."""
    if spec.rollout.strategy != "Auto" or live.deployment is None:
        record = decided.record._replace(recreates=False)
        return decided._replace(record=record, stops_first=spec.rollout.strategy == "Recreate")
    goes_on = decided.record.recreates or (recreates and not is_over(live.deployment, spec.replicas))
    stops_at = _stops_at(decided, decided.lack, live) if decided.lack and not goes_on else None
    stops_first = goes_on or (stops_at is not None and live.now >= stops_at)
    record = decided.record._replace(recreates=stops_first)
    return decided._replace(record=record, stops_first=stops_first, stops_at=None if stops_first else stops_at)


def _stops_at(decided: Rollout, lack: room.Lack, live: Live) -> float | None:
    """Return when an earlier server is stopped for the new one; at once where none answers."""
    answers = any(_is_ready(one) for one in live.pods)
    if not answers and _never_answered(decided, live):
        return lack.since
    if not lack.fits:
        return None
    return lack.since + PATIENCE_SECONDS if answers else lack.since


def _never_answered(decided: Rollout, live: Live) -> bool:
    """Tell whether the earlier servers are of versions that never worked: what is stopped with them is nobody's loss."""
    if not decided.record.verified:
        return not live.has_answered
    marks = {template.mark(one) for one in live.pods}
    return not marks & {decided.record.verified, UNMARKED}


def _last(asked: kinds.Object, verified: str, revisions: Sequence[kinds.Object]) -> kinds.Object | None:
    """Return the revision that was verified last, if it is another than the one that is asked for."""
    if not verified or verified == template.inputs_of(asked):
        return None
    found = template.at_work(revisions, verified)
    return found if found and template.inputs_of(found) == verified else None


def _since(before: Record, asked: kinds.Object, revisions: Sequence[kinds.Object]) -> str:
    """Return from when the version is being rolled out: what an earlier release has begun, from when it was pinned."""
    pinned = template.at_work(revisions, template.inputs_of(asked)) or asked
    return before.since or str(pinned["metadata"].get("creationTimestamp", ""))


def _returns_at(since: str, spec: api.Spec, live: Live) -> float | None:
    """Return when the version that is being rolled out gives way; None where it has no server, or is paused."""
    if not since or live.serves or spec.paused or not spec.replicas or _is_woken(spec, live):
        return None
    if not spec.rollout.return_after:
        return None
    return api.unix(since) + float(api.seconds(spec.rollout.return_after))


def _gave_way(asked: kinds.Object, before: Record, returns_at: float | None, live: Live) -> GaveWay | None:
    inputs = template.inputs_of(asked)
    if before.gave_way and before.gave_way.inputs == inputs:
        return before.gave_way
    if returns_at is None or live.now < returns_at:
        return None
    return GaveWay(inputs, api.moment(live.now), live.told)


def _moment(now: float) -> str:
    """Return `now` as text; "" where nobody said it, as where children are rendered for people to read."""
    return api.moment(now) if now else ""


def _is_woken(spec: api.Spec, live: Live) -> bool:
    """Tell whether the model had no server and is to have some: its time begins anew."""
    replicas = ((live.deployment or {}).get("spec") or {}).get("replicas", 1)
    return replicas == 0 and spec.replicas > 0


def _is_ready(one: kinds.Object) -> bool:
    return conditions.is_true(one, "Ready")
