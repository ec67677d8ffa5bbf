"""World -> status: for each condition an ordered tuple of small rules, the first match gives reason and message.

Pure: `now` comes in, and a condition keeps its transition time while its status stays. What a pod's own trouble is stands in
pod_diagnosis.py.
"""

from vllm_operator import api, children, keys
from vllm_operator.children import pod, template
from vllm_operator.keys import record
from vllm_operator.kube import conditions, kinds, naming
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import blockers, guard_conditions, pod_diagnosis
from vllm_operator.status.context import Rule, StatusContext
from vllm_operator.status.observed import ObservedState

MESSAGE_LIMIT = 1024
CALM = ("Serving", "Starting", "Loading", "RollingOut", "ScaledToZero", "Paused")
"""Reasons of Ready that nobody needs to act on."""


def _held_back(seen: StatusContext) -> ConditionValue | None:
    return _paused(seen) if seen.held_back else None


def _paused(seen: StatusContext) -> ConditionValue | None:
    words = "spec.paused is true: keys and revocations go on, all else waits"
    return ConditionValue("False", "Paused", words) if seen.plan.spec.paused else None


def _zero(seen: StatusContext) -> ConditionValue | None:
    return (
        ConditionValue("False", "ScaledToZero", "spec.replicas is 0: scale up to serve")
        if seen.plan.spec.replicas == 0
        else None
    )


def _guard_rejected(seen: StatusContext) -> ConditionValue | None:
    """A guard that keeps an older configuration accepts keys that were revoked: never silently."""
    said = guard_conditions.guard_configured(seen.world)
    return said._replace(reason="GuardRejected") if said.reason == guard_conditions.REJECTED else None


def _pods_refused(seen: StatusContext) -> ConditionValue | None:
    """A quota, a security standard or a webhook keeps the newest pods from being made at all.

    Kubernetes keeps the words of the first refusal until one of them is made, so they may speak of an earlier spec.
    """
    lacking = seen.count("updatedReplicas") < seen.plan.spec.replicas
    for condition in seen.deployment.get("status", {}).get("conditions") or []:
        if lacking and condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            earlier = " (said of an earlier spec)" if _is_earlier(condition, seen) else ""
            return ConditionValue(
                "False", "PodsRefused", f"the pods cannot be made: {condition.get('message', '')}{earlier}"
            )
    return None


def _is_earlier(condition: kinds.Object, seen: StatusContext) -> bool:
    """Tell whether the condition was said before the second in which the newest template was pinned: times are no finer."""
    pinned = (seen.plan.at_work or {"metadata": {}})["metadata"].get("creationTimestamp", "")
    return bool(condition.get("lastUpdateTime", "") < pinned)


def _first_trouble(seen: StatusContext) -> ConditionValue | None:
    """The newest pod that does not answer speaks for all."""
    for one in seen.world.pods():
        found = pod_diagnosis.of(one)
        if found and found.reason:
            return ConditionValue("False", found.reason, found.message)
    return None


def _serving(seen: StatusContext) -> ConditionValue | None:
    if seen.rolled_out and seen.count("readyReplicas") == seen.plan.spec.replicas:
        return ConditionValue(
            "True", "Serving", f"servers that answer: {seen.plan.spec.replicas} of {seen.plan.spec.replicas}"
        )
    return None


def _verification_failed(seen: StatusContext) -> ConditionValue | None:
    said = guard_conditions.verified(seen.world)
    return said._replace(reason="VerificationFailed") if said.status == "False" else None


def _serving_wrongly(seen: StatusContext) -> ConditionValue | None:
    """While a rollout is under way, what holds it up comes first."""
    return _verification_failed(seen) if _serving(seen) else None


def _rolling(seen: StatusContext) -> ConditionValue:
    return ConditionValue(
        "False",
        "RollingOut",
        f"{seen.count('updatedReplicas')} of {seen.plan.spec.replicas} servers are of the newest generation",
    )


def _answering(seen: StatusContext) -> ConditionValue | None:
    ready = seen.count("readyReplicas")
    return (
        ConditionValue("True", "Serving", f"servers that answer: {ready} of {seen.plan.spec.replicas}")
        if ready
        else None
    )


def _over_time(seen: StatusContext) -> ConditionValue | None:
    for condition in seen.deployment.get("status", {}).get("conditions") or []:
        if condition["type"] == "Progressing" and condition["status"] == "False":
            return ConditionValue(
                "False", "StartTimedOut", "the newest servers did not answer within spec.engine.startupTimeout"
            )
    return None


def _complete(seen: StatusContext) -> ConditionValue | None:
    whole = seen.rolled_out and seen.count("readyReplicas") == seen.plan.spec.replicas
    return ConditionValue("False", "Complete", "nothing is being rolled out") if whole else None


def _progressing(seen: StatusContext) -> ConditionValue:
    return ConditionValue(
        "True",
        "RollingOut",
        f"{seen.count('updatedReplicas')} of {seen.plan.spec.replicas} servers are of the newest generation",
    )


def _guard_configured(seen: StatusContext) -> ConditionValue:
    """Clients whose time is over are named: their refusal is what was asked for."""
    said, late = guard_conditions.guard_configured(seen.world), keys.expired(seen.plan.spec.access, seen.now)
    if said.reason != guard_conditions.CONFIGURED or not late:
        return said
    return ConditionValue(said.status, "ClientExpired", f"{said.message}; past their expiresAt: {', '.join(late)}")


READY = (
    blockers.unwritten, blockers.not_allowed, blockers.imageless, blockers.missing, _held_back, _zero,
    _guard_rejected, _serving_wrongly, _serving, blockers.unconfigured, _pods_refused, _first_trouble, _rolling,
)  # fmt: skip
CONDITIONS: dict[str, tuple[Rule, ...]] = {
    "Available": (_zero, _verification_failed, _answering, *READY),
    "Ready": READY,
    "Progressing": (
        _paused,
        blockers.unwritten,
        blockers.not_allowed,
        blockers.imageless,
        _over_time,
        _complete,
        _progressing,
    ),
    "Exposed": blockers.EXPOSED,
    "GuardConfigured": (_guard_configured,),
    "Verified": (lambda seen: guard_conditions.verified(seen.world),),
}


def status(world: ObservedState, plan: children.Plan, now: str) -> kinds.Object:
    """Return the status that `world` deserves; `now` is an RFC 3339 time in UTC."""
    owner, spec = world.owner, plan.spec
    seen = StatusContext(world, plan, world.child(kinds.DEPLOYMENT, owner.name) or {}, api.unix(now))
    return api.fitted(
        {
            "observedGeneration": world.model["metadata"]["generation"],
            "url": plan.serving.url,
            "model": plan.serving.model,
            "image": template.engine_image(plan.at_work) if plan.at_work else plan.image,
            "accelerators": ", ".join(f"{amount} {name}" for name, amount in pod.accelerators(spec.resources).items()),
            "replicas": seen.count("replicas"),
            "readyReplicas": seen.count("readyReplicas"),
            "updatedReplicas": seen.count("updatedReplicas"),
            "selector": ",".join(f"{name}={value}" for name, value in naming.selector(owner.name).items()),
            "clients": [_client(client, seen) for client in keys.clients(spec.access)],
            "conditions": [_condition(kind, rules, seen, now) for kind, rules in CONDITIONS.items()],
        }
    )


def unreadable(model: kinds.Object, error: Exception, now: str) -> kinds.Object:
    """Return the status of a model whose spec cannot be understood: as before, but for Ready, which says so."""
    lines = str(error).splitlines()
    said = ConditionValue("False", "SpecNotUnderstood", f"the spec cannot be understood: {' '.join(lines)}")
    others = [one for one in conditions.conditions(model) if one["type"] != "Ready"]
    ready = _value("Ready", said, model, now)
    generation = model["metadata"]["generation"]
    return {**model.get("status", {}), "observedGeneration": generation, "conditions": [*others, ready]}


def _client(client: api.Client, seen: StatusContext) -> kinds.Object:
    name = naming.client_secret(seen.world.owner.name, client.name)
    secret = seen.world.child(kinds.SECRET, name)
    held = record.stored(secret).issued if secret else None
    return {
        "name": client.name,
        "secretName": name,
        **({"keyVersion": held.version} if held and held.version else {}),
        **({"expiresAt": client.expires_at} if client.expires_at else {}),
        "appliedOn": guard_conditions.applied_on(seen.world, client.name),
    }


def _condition(kind: str, rules: tuple[Rule, ...], seen: StatusContext, now: str) -> kinds.Object:
    said = next(found for rule in rules if (found := rule(seen)))
    return _value(kind, said, seen.world.model, now)


def _value(kind: str, said: ConditionValue, model: kinds.Object, now: str) -> kinds.Object:
    before = conditions.condition(model, kind)
    unchanged = before is not None and before["status"] == said.status
    return {
        "type": kind,
        "status": said.status,
        "reason": said.reason,
        "message": said.message[:MESSAGE_LIMIT],
        "observedGeneration": model["metadata"]["generation"],
        "lastTransitionTime": before["lastTransitionTime"] if before and unchanged else now,
    }
