"""Whether a new server waits for the room that the earlier ones hold, from what the scheduler and quotas say of it. Pure.

The scheduler names what is lacking, and the pinned templates say what an earlier server holds. Where that is all that a new one
asks for, and both may run on the same nodes, the room of the one is enough for the other. Of nodes only the taints are looked at,
where these are known.
"""

import collections
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

from vllm_operator import api
from vllm_operator.children import disk, quantity, taints, template
from vllm_operator.kube import conditions, kinds, naming

CORDONED = "were unschedulable"
"""What the scheduler says of a cordoned node, which may be that of the earlier server. What it would say there of volumes is not
seen: it looks at resources first, and names the first reason of each node."""
TAINTED = re.compile(r"untolerated taint(?:\(s\))?(?: \{(?P<key>[^:}]*))?")
"""What the scheduler says of a tainted node, which may be that of the earlier server: the taint may be newer than the server.

Newer schedulers leave the taint's key out."""
STANDING = "node-role.kubernetes.io/"
"""How the keys of taints begin that a node has from its beginning on: no server that does not tolerate one ever came there."""
ELSEWHERE = re.compile(
    "volume node affinity conflict|didn't match PersistentVolume's node affinity|no available volume zone"
)
"""What is said of nodes from which a claim's volume is not reached. The earlier server reaches those of its own claims."""
NO_VOLUME = re.compile("available persistent volumes to bind|max volume count|unbound immediate PersistentVolumeClaims")
NO_CLAIM = "cannot allocate all claims"
PLACEMENT = ("nodeSelector", "affinity", "tolerations", "runtimeClassName", "schedulerName", "priorityClassName",
             "resourceClaims")  # fmt: skip


Taints = Mapping[str, Sequence[kinds.Object]]
"""By node: its taints."""

Amounts = Mapping[str, Fraction]
"""By resource: how much of it."""
Count = Callable[[kinds.Object], Amounts]
"""Given a pinned template, how much a server of it takes."""


class Lack(NamedTuple):
    """Why a new server has no room beside the earlier ones.

    `pod`: the new server, "" where a quota refuses to make it; `words`: the scheduler's or the quota's; `since`: unix seconds;
    `accelerators`: those that are lacking; `fits`: the room of an earlier server is enough.
    """

    pod: str
    words: str
    since: float
    accelerators: tuple[str, ...]
    fits: bool


def lack(
    target: kinds.Object,
    revisions: Sequence[kinds.Object],
    pods: Sequence[kinds.Object],
    deployment: kinds.Object,
    tainted: Taints = MappingProxyType({}),
) -> Lack | None:
    """Return why a server of `target` has no room while there are earlier ones; None where it has, or there are none.

    `tainted`: the taints of the nodes that are known; nodes are looked at anew where a new server lacks an accelerator.
    """
    new = unscheduled(target, pods)
    earlier = _earlier(new, target, pods)
    said = conditions.condition(new, "PodScheduled") if new else _refusal(deployment)
    if not earlier or said is None:
        return None
    words, asked = str(said.get("message", "")), requests(target)
    lacking = tuple(name for name in sorted(asked) if _is_lacking(name, words))
    lacks_claim = NO_CLAIM in words and bool(_pod_spec(target).get("resourceClaims"))
    is_told = bool(lacking or lacks_claim) and not _is_out_of_reach(words, target)
    is_open = bool(lacking) and all(_is_open(one, target, tainted) for one in earlier)
    may_be_tainted = _names_a_taint(words) and not is_open
    counted = [_counted(amounts, words) for amounts in ((requests,) if new else (requests, limits))]
    fits = is_told and not may_be_tainted and all(_has_room(one, target, revisions, counted) for one in earlier)
    name = new["metadata"]["name"] if new else ""
    return Lack(name, words, _since(said, target), lacking, fits)


def unscheduled(target: kinds.Object, pods: Iterable[kinds.Object]) -> kinds.Object | None:
    """Return the newest server of `target` that no node takes."""
    return next((one for one in pods if template.is_of(one, target) and _is_unschedulable(one)), None)


def requests(pinned: kinds.Object) -> Amounts:
    """Return what the scheduler reserves for a server of the pinned template, by resource."""
    return _of_server(pinned, ("limits", "requests"))


def limits(pinned: kinds.Object) -> Amounts:
    """Return the limits of a server of the pinned template, by resource: quotas count them beside what is reserved."""
    return _of_server(pinned, ("limits",))


def _of_server(pinned: kinds.Object, fields: Sequence[str]) -> Amounts:
    """Return what the containers of a server ask for in the fields of their resources, of which the last counts."""
    spec = _pod_spec(pinned)
    first = spec.get("initContainers") or []
    beside = [one for one in first if one.get("restartPolicy") == "Always"]
    running = _summed([*spec["containers"], *beside], fields)
    parts = [running, *(_summed([one], fields) for one in first if one not in beside)]
    names = {name for each in parts for name in each}
    return {name: max(each.get(name, Fraction(0)) for each in parts) for name in names}


def _is_out_of_reach(words: str, target: kinds.Object) -> bool:
    """Tell whether an earlier server's node may be cordoned, or not reach the volumes of one of `target`."""
    is_unreached = bool(ELSEWHERE.search(words)) and not _claims(target)
    return CORDONED in words or is_unreached or bool(NO_VOLUME.search(words))


def _names_a_taint(words: str) -> bool:
    """Tell whether nodes have taints that may be newer than the servers that run there."""
    return any(not (taint["key"] or "").startswith(STANDING) for taint in TAINTED.finditer(words))


def _is_open(one: kinds.Object, target: kinds.Object, tainted: Taints) -> bool:
    """Tell whether the node of the pod `one` is known to have no taint that keeps a server of `target` away."""
    found = tainted.get(str(one.get("spec", {}).get("nodeName")))
    return found is not None and taints.tolerates(_pod_spec(target).get("tolerations") or [], found)


def _has_room(
    one: kinds.Object,
    target: kinds.Object,
    revisions: Iterable[kinds.Object],
    counted: Sequence[Count],
) -> bool:
    """Tell whether a server of `target` fits where the pod `one` runs. `counted`: what of a server takes room."""
    pins = (target, *filter(template.pins_a_server, revisions))
    made_of = next((pinned for pinned in pins if template.is_of(one, pinned)), None)
    if made_of is None or _placement(made_of) != _placement(target) or not _claims(target) <= _claims(made_of):
        return False
    return all(_is_within(amounts(target), amounts(made_of)) for amounts in counted)


def _is_within(asked: Amounts, held: Amounts) -> bool:
    return all(amount <= held.get(name, 0) for name, amount in asked.items())


def _placement(pinned: kinds.Object) -> kinds.Object:
    """Return what says on which nodes a server may run; a preference excludes none."""
    spec = _pod_spec(pinned)
    found = {name: spec[name] for name in PLACEMENT if name in spec}
    spread = spec.get("topologySpreadConstraints") or []
    return {**found, "spread": [one for one in spread if one.get("whenUnsatisfiable") == "DoNotSchedule"]}


def _claims(pinned: kinds.Object) -> set[str]:
    """Return the PersistentVolumeClaims of a server, which may be reached from some nodes alone."""
    volumes = _pod_spec(pinned).get("volumes") or []
    return {one["persistentVolumeClaim"]["claimName"] for one in volumes if "persistentVolumeClaim" in one}


def _earlier(new: kinds.Object | None, target: kinds.Object, pods: Iterable[kinds.Object]) -> list[kinds.Object]:
    """Return the servers of earlier pod templates; `kubectl rollout restart` makes one from the same pinned template."""
    if new is None:
        return [one for one in pods if not template.is_of(one, target)]
    return [one for one in pods if naming.template_hash(one) != naming.template_hash(new)]


def _refusal(deployment: kinds.Object) -> kinds.Object | None:
    """Return the condition of a Deployment whose pods a quota refuses."""
    found = conditions.condition(deployment, "ReplicaFailure")
    is_quota = found and found.get("status") == "True" and "exceeded quota" in str(found.get("message"))
    return found if is_quota else None


def _is_unschedulable(one: kinds.Object) -> bool:
    found = conditions.condition(one, "PodScheduled")
    return bool(found and found["status"] == "False" and found.get("reason") == "Unschedulable")


def _is_lacking(name: str, words: str) -> bool:
    """Tell whether an accelerator, which has a domain in its name, is lacking by the words of the scheduler or of a quota."""
    said = rf"(Insufficient |requests\.){re.escape(name)}(?![-\w/]|\.\w)"
    return "/" in name and re.search(said, words) is not None


def _summed(containers: Iterable[kinds.Object], fields: Sequence[str]) -> Amounts:
    """Return what containers that run at once ask for."""
    found: dict[str, Fraction] = {}
    for one in containers:
        resources = one.get("resources") or {}
        amounts: Mapping[str, str] = collections.ChainMap(*(resources.get(field, {}) for field in reversed(fields)))
        for name, amount in amounts.items():
            found[name] = found.get(name, Fraction(0)) + quantity.number(amount)
    return found


def _pod_spec(pinned: kinds.Object) -> kinds.Object:
    found: kinds.Object = pinned["data"]["template"]["spec"]
    return found


def _counted(amounts: Count, words: str) -> Count:
    """Return what counts of `amounts`: ephemeral storage, which earlier releases did not reserve, where it is said to lack."""
    if disk.NAME in words:
        return amounts
    return lambda pinned: {name: amount for name, amount in amounts(pinned).items() if name != disk.NAME}


def _since(said: kinds.Object, target: kinds.Object) -> float:
    """Return from when a server of `target` waits: a Deployment keeps the time of its first refusal, perhaps of a spec before."""
    return max(_unix(said.get("lastTransitionTime")), _unix(target["metadata"].get("creationTimestamp")))


def _unix(moment: object) -> float:
    try:
        return float(api.unix(str(moment)))
    except ValueError:
        return 0.0
