"""What guards and Services answered, as the conditions GuardConfigured and Verified: pure, and read by status/rules.py.

A pod that was not asked yet changes nothing of what was said before, so a restart of the operator and a new pod write nothing
that a moment later is taken back. Each value names the generation of the spec that was looked at, which may be an earlier one.
Must not ask anybody: prober.py and canary.py do.
"""

from vllm_operator import guard
from vllm_operator.children import pod as server
from vllm_operator.keys import record
from vllm_operator.kube import conditions, kinds, naming
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import pod_diagnosis
from vllm_operator.status.observed import ObservedState

REJECTED, CONFIGURED = "Rejected", "Configured"
ONE_WRONG = "OneServerWrong"
"""Of Verified: one server answered wrongly, and others may answer rightly."""
NEVER = guard.State("", 0)
NOT_ASKED = ConditionValue("Unknown", "NotAsked", "the answer of those that were asked is on its way")


def guarded(world: ObservedState) -> list[kinds.Object]:
    """Return the pods whose guard runs, newest first."""
    return [pod for pod in world.pods() if pod_diagnosis.is_ready(pod) or _guard(pod).get("ready")]


def restarts(pod: kinds.Object) -> int:
    """Return how often the guard of `pod` was started anew."""
    return int(_guard(pod).get("restartCount", 0))


def wanted(world: ObservedState) -> str:
    """Return which configuration the guards are to have: what was last written."""
    return record.guard_version(world.child(kinds.SECRET, naming.guard_secret(world.owner.name)))


def guard_configured(world: ObservedState) -> ConditionValue:
    """Say whether every guard that runs has the keys and limits that were last written."""
    said = _guard_configured(world)
    return said if said.generation else said._replace(generation=_written_for(world))


def _guard_configured(world: ObservedState) -> ConditionValue:
    pods = [pod["metadata"]["name"] for pod in guarded(world)]
    if not pods:
        return _troubled(world) if world.troubles else ConditionValue("Unknown", "NoGuards", "no guard runs")
    states = {pod: world.guards[pod] for pod in pods if pod in world.guards}
    behind = {pod: state for pod, state in states.items() if state and state.version != wanted(world)}
    if rejecting := next((pod for pod, state in behind.items() if state.rejected), None):
        return _rejected(rejecting)
    if world.troubles:
        return _troubled(world)
    if behind:
        return _applying(len(pods) - len(behind), len(pods))
    if len(states) < len(pods):
        return before(world, "GuardConfigured")
    silent = [pod for pod, state in states.items() if state is None]
    return _unreachable(len(silent), len(pods)) if silent else _configured(len(pods))


def applied_on(world: ObservedState, client: str) -> int:
    """Return how many guards have taken up the newest configuration; until all were asked, what the status says of `client`."""
    pods = [pod["metadata"]["name"] for pod in guarded(world)]
    if all(pod in world.guards for pod in pods):
        return sum(state is not None and state.version == wanted(world) for state in map(world.guards.get, pods))
    written = world.model.get("status", {}).get("clients") or []
    return next((int(one.get("appliedOn", 0)) for one in written if one["name"] == client), 0)


def verified(world: ObservedState) -> ConditionValue:
    """Say whether the model answered a request that a client might have sent."""
    if not any(pod_diagnosis.is_ready(pod) for pod in world.pods()):
        return ConditionValue("Unknown", "NotServing", "no server answers yet")
    return world.verified or before(world, "Verified")


def is_settled(world: ObservedState) -> bool:
    """Tell whether every guard that runs was asked, and none lags behind."""
    asked = [world.guards.get(pod["metadata"]["name"], NEVER) for pod in guarded(world)]
    return all(state is None or state.version == wanted(world) for state in asked)


def before(world: ObservedState, kind: str) -> ConditionValue:
    """Return what stands in the model's status, and of which generation it was said."""
    found = conditions.condition(world.model, kind)
    if found is None:
        return NOT_ASKED
    return ConditionValue(found["status"], found["reason"], found["message"], found.get("observedGeneration"))


def _written_for(world: ObservedState) -> int:
    """Return the generation of the spec that the guard's Secret was written for."""
    secret = kinds.Ref(kinds.SECRET.kind, world.owner.namespace, naming.guard_secret(world.owner.name))
    newest = int(world.model["metadata"]["generation"])
    if secret in world.failures:
        return before(world, "GuardConfigured").generation or newest
    return newest


def _guard(pod: kinds.Object) -> kinds.Object:
    containers = pod.get("status", {}).get("initContainerStatuses") or []
    return next((one for one in containers if one["name"] == server.GUARD), {})


def _troubled(world: ObservedState) -> ConditionValue:
    """Name every client that has no key; the first speaks for the reason."""
    _, first = min(world.troubles.items())
    return first._replace(message="; ".join(said.message for _, said in sorted(world.troubles.items())))


def _rejected(pod: str) -> ConditionValue:
    message = (
        f"the guard of the pod {pod} rejected its newest configuration and goes on with the one before: "
        "a revoked key may still be accepted there"
    )
    return ConditionValue("False", REJECTED, message)


def _applying(taken: int, of: int) -> ConditionValue:
    return ConditionValue("False", "Applying", f"{taken} of {of} guards have taken up the newest keys and limits")


def _unreachable(silent: int, of: int) -> ConditionValue:
    message = f"{silent} of {of} guards do not answer the operator on their private port {guard.PRIVATE_PORT}"
    return ConditionValue("Unknown", "Unreachable", message)


def _configured(of: int) -> ConditionValue:
    return ConditionValue("True", CONFIGURED, f"{of} of {of} guards have taken up the newest keys and limits")
