"""Rollouts that have no room, that make some, and that were given up."""

from typing import Any

from tests import observations
from tests.observations import earlier, pod, rolled_out, serving
from tests.unit.status.rows import INSIDE, ONE, PROVEN, Row
from vllm_operator import api
from vllm_operator.children import template
from vllm_operator.children.rollout_record import GaveWay, Record
from vllm_operator.kube import kinds
from vllm_operator.status.accelerators import Stock

SECOND, ENDS = "2026-01-01T00:00:02Z", "2026-01-01T00:00:01Z"
GPU = {"resources": {"limits": {"nvidia.com/gpu": 1}}}
WORDS = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
TOLD = f"no node takes the pod b: {WORDS[:-1]}: "
ROLLING = f"+RollingOut {INSIDE} {PROVEN}"


def waiting(words: str = WORDS) -> kinds.Object:
    said = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
    return pod("b", SECOND, conditions=[{**said, "lastTransitionTime": "2026-01-01T00:00:00Z"}])


def restarted(of: kinds.Object) -> kinds.Object:
    """Return a pod that is made of the same template as the newest one, before `kubectl rollout restart`."""
    return {**of, "metadata": {**of["metadata"], "labels": {"pod-template-hash": "before"}}}


def ending(of: kinds.Object) -> kinds.Object:
    return {**of, "metadata": {**of["metadata"], "deletionTimestamp": ENDS}}


def strategy(name: str) -> dict[str, Any]:
    return {**GPU, "rollout": {"strategy": name}}


def stuck(of: kinds.Object, **changed: Any) -> dict[str, Any]:
    """Describe a rollout whose new server waits for room beside an earlier one."""
    return serving(deployment=rolled_out(1, replicas=2), pods=[waiting(), of], **changed)


NEWER = {"engine": {"maxModelLen": 8}}


def refused(words: str, **changed: Any) -> dict[str, Any]:
    """Describe a rollout whose new server is not let in, beside an earlier one that answers."""
    said = {"type": "ReplicaFailure", "status": "True", "message": words, "lastTransitionTime": "2026-01-01T00:00:00Z"}
    deployment = rolled_out(1, updatedReplicas=0, conditions=[said])
    return serving(deployment=deployment, **{"pods": [earlier(pod("a"))], **changed})


def with_room(words: str) -> dict[str, Any]:
    """Describe such a rollout where the earlier server holds what the new one wants."""
    return refused(words, pods=[pod("a")], made_of={**observations.PLAIN["spec"], **GPU})


ONE_GPU = "requests.nvidia.com/gpu=1"
EXCEEDED = f"exceeded quota: small, requested: {ONE_GPU}, used: {ONE_GPU}, limited: {ONE_GPU}"
OVER = f"the pods cannot be made: {EXCEEDED}: earlier servers go on answering (1)"
RETURNING = {"engine": {"maxModelLen": 8}, "rollout": {"returnAfter": "10m"}}
ASKED = template.digest(api.Spec.model_validate({**observations.PLAIN["spec"], **RETURNING}))
LAST = template.digest(api.Spec.model_validate(observations.PLAIN["spec"]))
GIVEN_UP = Record(verified=LAST, gave_way=GaveWay(ASKED, "2026-01-01T00:10:00Z", "EngineFailed: boom"))
RETURNED = (
    "the newest version was not verified within spec.rollout.returnAfter, so that of before serves again since"
    " 2026-01-01T00:10:00Z: EngineFailed: boom: change the spec, or its upgrade annotation, to try again"
)

HOLDERS = Stock({"nvidia.com/gpu": 1}, {"nvidia.com/gpu": {kinds.Key("models", "vllm11"): 1}})
TAINTED = "0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) had untolerated taint(s)."
CLOSED = [{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]


def beside_a_tainted_node(**taints: list[kinds.Object]) -> dict[str, Any]:
    """Describe a rollout whose earlier server runs on the node `there`; `taints`: by node."""
    old = {**restarted(pod("a")), "spec": {"nodeName": "there"}}
    stock = HOLDERS._replace(taints=taints)
    return serving(deployment=rolled_out(1, replicas=2), pods=[waiting(TAINTED), old], stock=stock)


HELD = "; it wants 1 nvidia.com/gpu of the 1 that there are; held: 1 by models/vllm11: "
ROWS = [
    Row("a surge without room, and who holds the accelerators", strategy("Surge"), {**stuck(earlier(pod("a"))), "stock": HOLDERS},
        f"+Serving -Unschedulable {ROLLING}",
        f"{TOLD[:-2]}; it wants 1 nvidia.com/gpu of the 1 that there are; held: 1 by models/vllm11: a rollout needs it beside the"
        " earlier servers: free nvidia.com/gpu, or set spec.rollout.strategy to Recreate or Auto"),
    Row("a surge without room", strategy("Surge"), stuck(earlier(pod("a"))), f"+Serving -Unschedulable {ROLLING}",
        f"{TOLD}a rollout needs it beside the earlier servers: free nvidia.com/gpu, or set spec.rollout.strategy to"
        " Recreate or Auto",
        {"Progressing": "servers of the newest version that answer: 0 of 1, of an earlier one: 1"}),
    Row("a rollout that is about to make room", strategy("Auto"), stuck(restarted(pod("a"))),
        f"+Serving -Unschedulable {ROLLING}",
        f"{TOLD}spec.rollout.strategy is Auto, so an earlier server is stopped for it at 2026-01-01T00:00:30Z; nothing"
        " answers from then until the new one has loaded, for which it has 30m"),
    Row("a rollout of several servers that is about to make room", {**strategy("Auto"), "replicas": 2},
        serving(deployment=rolled_out(2, replicas=3, updatedReplicas=1),
                pods=[waiting(), restarted(pod("a")), restarted(pod("c"))], guards={"a": {}, "c": {}}),
        f"+Serving -Unschedulable {ROLLING}",
        f"{TOLD}spec.rollout.strategy is Auto, so an earlier server is stopped for it at 2026-01-01T00:00:30Z; the others"
        " go on answering"),
    Row("a rollout for which no room can be made for sure", strategy("Auto"), stuck(earlier(pod("a"))),
        f"+Serving -Unschedulable {ROLLING}",
        f"{TOLD}Auto stops an earlier server only for an accelerator, and where that server's room is enough: free"
        " nvidia.com/gpu, or set spec.rollout.strategy to Recreate"),
    Row("a rollout beside a tainted node that is not the earlier server's", strategy("Auto"),
        beside_a_tainted_node(there=[], other=CLOSED), f"+Serving -Unschedulable {ROLLING}",
        f"no node takes the pod b: {TAINTED[:-1]}{HELD}spec.rollout.strategy is Auto, so an earlier server is stopped for it at"
        " 2026-01-01T00:00:30Z; nothing answers from then until the new one has loaded, for which it has 30m"),
    Row("a rollout beside a tainted node that is the earlier server's", strategy("Auto"),
        beside_a_tainted_node(there=CLOSED, other=[]), f"+Serving -Unschedulable {ROLLING}",
        f"no node takes the pod b: {TAINTED[:-1]}{HELD}Auto stops an earlier server only for an accelerator, and where that"
        " server's room is enough: free nvidia.com/gpu, or set spec.rollout.strategy to Recreate"),
    Row("a rollout that has no room for lack of memory", strategy("Auto"),
        serving(deployment=rolled_out(1, replicas=2),
                pods=[waiting("0/1 nodes are available: 1 Insufficient memory."), restarted(pod("a"))]),
        f"+Serving -Unschedulable {ROLLING}",
        "no node takes the pod b: 0/1 nodes are available: 1 Insufficient memory: Auto stops an earlier server only for an"
        " accelerator, and where that server's room is enough: free room for one more server, or set spec.rollout.strategy"
        " to Recreate"),
    Row("a rollout that has just been told to make room", strategy("Recreate"),
        stuck(earlier(pod("a")), remembered=Record()) | {"deployment": rolled_out(1, replicas=2, observedGeneration=0)},
        f"+Serving -Recreating {ROLLING}", "an earlier server is being stopped, and a new server takes its room"),
    Row("a rollout that makes room", {**strategy("Recreate"), "replicas": 2},
        serving(deployment=rolled_out(2, readyReplicas=1, updatedReplicas=1),
                pods=[waiting(), ending(earlier(pod("a"))), earlier(pod("c"))], guards={"c": {}}),
        f"+Serving -Recreating {ROLLING}", "a is being stopped, and a new server takes its room"),
    Row("a rollout that makes room for fewer servers than are asked for", {**strategy("Recreate"), "replicas": 2},
        serving(deployment=rolled_out(2, readyReplicas=1, updatedReplicas=1), pods=[waiting(), earlier(pod("a"))]),
        f"+Serving -Unschedulable {ROLLING}",
        f"{TOLD}fewer servers have room than spec.replicas asks for: free nvidia.com/gpu, or lower spec.replicas"),
    Row("a rollout for which a quota of accelerators has no room", {**strategy("Surge"), **NEWER}, with_room(EXCEEDED),
        f"+Serving -QuotaExceeded {ROLLING}",
        f"{OVER}: a rollout needs room for one more server: raise the ResourceQuota, free what it counts, or set"
        " spec.rollout.strategy to Recreate or Auto"),
    Row("a rollout for which a quota has no room, and Auto makes none", strategy("Auto"),
        refused("exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1"),
        f"+Serving -QuotaExceeded {ROLLING}",
        "the pods cannot be made: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1: earlier servers go on"
        " answering (1): a rollout needs room for one more server: raise the ResourceQuota, free what it counts, or set"
        " spec.rollout.strategy to Recreate"),
    Row("a rollout for which Auto is about to make room in a quota", {**strategy("Auto"), **NEWER}, with_room(EXCEEDED),
        f"+Serving -QuotaExceeded {ROLLING}",
        f"{OVER}: spec.rollout.strategy is Auto, so an earlier server is stopped for it at 2026-01-01T00:00:30Z; nothing"
        " answers from then until the new one has loaded, for which it has 30m"),
    Row("a rollout to servers that are too large for a quota", strategy("Recreate"),
        refused("exceeded quota: small, requested: limits.memory=64Gi, used: limits.memory=1Gi, limited: limits.memory=32Gi"),
        f"+Serving -QuotaExceeded {ROLLING}",
        "the pods cannot be made: exceeded quota: small, requested: limits.memory=64Gi, used: limits.memory=1Gi, limited:"
        " limits.memory=32Gi: earlier servers go on answering (1): one server of the newest version asks for more than the quota"
        " has: raise the ResourceQuota, or ask for less"),
    Row("a rollout to servers that a LimitRange refuses", strategy("Auto"),
        refused("maximum memory usage per Container is 1Gi, but limit is 2Gi"), f"+Serving -PodsRefused {ROLLING}",
        "the pods cannot be made: maximum memory usage per Container is 1Gi, but limit is 2Gi: earlier servers go on answering"
        " (1): change the LimitRange, or ask for what it allows"),
    Row("a rollout to servers of which a quota wants to know more", strategy("Auto"),
        refused("failed quota: small: must specify limits.cpu for: guard"), f"+Serving -QuotaExceeded {ROLLING}",
        "the pods cannot be made: failed quota: small: must specify limits.cpu for: guard: earlier servers go on answering (1):"
        " have a LimitRange of the namespace give the default that the ResourceQuota asks for"),
    Row("a version that was given up, while the last one serves", RETURNING,
        serving(made_of=observations.PLAIN["spec"], remembered=GIVEN_UP),
        f"+Serving -ReturnedToLast -ReturnedToLast {INSIDE} {PROVEN}", RETURNED,
        {"Progressing": RETURNED, "Available": ONE}),
    Row("a version that was given up, while the last one comes back", RETURNING,
        serving(made_of=observations.PLAIN["spec"], remembered=GIVEN_UP, deployment=rolled_out(1, replicas=2)),
        f"+Serving -ReturnedToLast {ROLLING}", RETURNED),
    Row("a version that was given up and is no longer to give way", {"engine": {"maxModelLen": 8}},
        serving(made_of=observations.PLAIN["spec"], remembered=GIVEN_UP, deployment=rolled_out(1, replicas=2)),
        f"+Serving -RollingOut {ROLLING}", "servers of the newest version that answer: 0 of 1, of an earlier one: 1"),
]  # fmt: skip
SOON = (
    "a rollout for which Auto is about to make room in a quota",
    "a rollout that is about to make room",
    "a rollout beside a tainted node that is not the earlier server's",
    "a rollout of several servers that is about to make room",
)
"""What is true for half a minute."""
