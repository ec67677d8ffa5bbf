"""World -> status: for each condition an ordered tuple of small rules, the first match gives reason and message.

Pure: `now` comes in, and a condition keeps its transition time while its status stays. What a pod's own trouble is stands in
findings.py.
"""

from vllm_operator import allowed, answers, api, config, findings, identity, keys, kinds, obstacles
from vllm_operator import world as observed
from vllm_operator.children import ingress, pod, records, template
from vllm_operator.engine import options
from vllm_operator.seen import Rule, Seen
from vllm_operator.world import Said, World

MESSAGE_LIMIT = 1024
CALM = ("Serving", "Starting", "Loading", "RollingOut", "ScaledToZero", "Paused")
"""Reasons of Ready that nobody needs to act on."""


def _held_back(seen: Seen) -> Said | None:
    return _paused(seen) if seen.held_back else None


def _paused(seen: Seen) -> Said | None:
    words = "spec.paused is true: keys and revocations go on, all else waits"
    return Said("False", "Paused", words) if seen.spec.paused else None


def _zero(seen: Seen) -> Said | None:
    return Said("False", "ScaledToZero", "spec.replicas is 0: scale up to serve") if seen.spec.replicas == 0 else None


def _guard_rejected(seen: Seen) -> Said | None:
    """A guard that keeps an older configuration accepts keys that were revoked: never silently."""
    said = answers.guard_configured(seen.world)
    return said._replace(reason="GuardRejected") if said.reason == answers.REJECTED else None


def _pods_refused(seen: Seen) -> Said | None:
    """A quota, a security standard or a webhook keeps the newest pods from being made at all.

    Kubernetes keeps the words of the first refusal until one of them is made, so they may speak of an earlier spec.
    """
    lacking = seen.count("updatedReplicas") < seen.spec.replicas
    for condition in seen.deployment.get("status", {}).get("conditions") or []:
        if lacking and condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            earlier = " (said of an earlier spec)" if _is_earlier(condition, seen) else ""
            return Said("False", "PodsRefused", f"the pods cannot be made: {condition.get('message', '')}{earlier}")
    return None


def _is_earlier(condition: kinds.Object, seen: Seen) -> bool:
    """Tell whether the condition was said before the second in which the newest template was pinned: times are no finer."""
    revision = seen.world.child(kinds.CONTROLLER_REVISION, identity.template(seen.world.owner.name)) or {"metadata": {}}
    return bool(condition.get("lastUpdateTime", "") < revision["metadata"].get("creationTimestamp", ""))


def _first_trouble(seen: Seen) -> Said | None:
    """The newest pod that does not answer speaks for all."""
    for one in seen.world.pods():
        found = findings.of(one)
        if found and found.reason:
            return Said("False", found.reason, found.message)
    return None


def _serving(seen: Seen) -> Said | None:
    if seen.rolled_out and seen.count("readyReplicas") == seen.spec.replicas:
        return Said("True", "Serving", f"servers that answer: {seen.spec.replicas} of {seen.spec.replicas}")
    return None


def _verification_failed(seen: Seen) -> Said | None:
    said = answers.verified(seen.world)
    return said._replace(reason="VerificationFailed") if said.status == "False" else None


def _serving_wrongly(seen: Seen) -> Said | None:
    """While a rollout is under way, what holds it up comes first."""
    return _verification_failed(seen) if _serving(seen) else None


def _rolling(seen: Seen) -> Said:
    return Said(
        "False",
        "RollingOut",
        f"{seen.count('updatedReplicas')} of {seen.spec.replicas} servers are of the newest generation",
    )


def _answering(seen: Seen) -> Said | None:
    ready = seen.count("readyReplicas")
    return Said("True", "Serving", f"servers that answer: {ready} of {seen.spec.replicas}") if ready else None


def _over_time(seen: Seen) -> Said | None:
    for condition in seen.deployment.get("status", {}).get("conditions") or []:
        if condition["type"] == "Progressing" and condition["status"] == "False":
            return Said("False", "StartTimedOut", "the newest servers did not answer within spec.engine.startupTimeout")
    return None


def _complete(seen: Seen) -> Said | None:
    whole = seen.rolled_out and seen.count("readyReplicas") == seen.spec.replicas
    return Said("False", "Complete", "nothing is being rolled out") if whole else None


def _progressing(seen: Seen) -> Said:
    return Said(
        "True",
        "RollingOut",
        f"{seen.count('updatedReplicas')} of {seen.spec.replicas} servers are of the newest generation",
    )


def _guard_configured(seen: Seen) -> Said:
    """Clients whose time is over are named: their refusal is what was asked for."""
    said, late = answers.guard_configured(seen.world), keys.expired(seen.spec.access, seen.now)
    if said.reason != answers.CONFIGURED or not late:
        return said
    return Said(said.status, "ClientExpired", f"{said.message}; past their expiresAt: {', '.join(late)}")


READY = (
    obstacles.name_taken, obstacles.refused, obstacles.not_allowed, obstacles.imageless, obstacles.missing, _held_back, _zero,
    _guard_rejected, _serving_wrongly, _serving, obstacles.unconfigured, _pods_refused, _first_trouble, _rolling,
)  # fmt: skip
CONDITIONS: dict[str, tuple[Rule, ...]] = {
    "Available": (_zero, _verification_failed, _answering, *READY),
    "Ready": READY,
    "Progressing": (
        _paused,
        obstacles.name_taken,
        obstacles.refused,
        obstacles.not_allowed,
        obstacles.imageless,
        _over_time,
        _complete,
        _progressing,
    ),
    "Exposed": obstacles.EXPOSED,
    "GuardConfigured": (_guard_configured,),
    "Verified": (lambda seen: answers.verified(seen.world),),
}


def status(world: World, spec: api.Spec, settings: config.Config, now: str) -> kinds.Object:
    """Return the status that `world` deserves; `now` is an RFC 3339 time in UTC."""
    owner = world.owner
    deployment = world.child(kinds.DEPLOYMENT, owner.name) or {}
    exposed, refusals = ingress.exposure(owner.name, spec, settings), allowed.findings(owner.namespace, spec, settings)
    revision = world.child(kinds.CONTROLLER_REVISION, identity.template(owner.name))
    wanted = template.revision(owner, spec, settings, revision, template.asked(world.model))
    seen = Seen(world, spec, exposed, deployment, api.unix(now), template.engine_image(wanted), refusals)
    return {
        "observedGeneration": world.model["metadata"]["generation"],
        "url": ingress.url(owner, spec, settings),
        "model": options.served_name(spec.model),
        "image": template.engine_image(revision) if revision else pod.image(spec, settings),
        "accelerators": ", ".join(f"{amount} {name}" for name, amount in pod.accelerators(spec.resources).items()),
        "replicas": seen.count("replicas"),
        "readyReplicas": seen.count("readyReplicas"),
        "updatedReplicas": seen.count("updatedReplicas"),
        "selector": ",".join(f"{name}={value}" for name, value in identity.selector(owner.name).items()),
        "clients": [_client(client, seen) for client in keys.clients(spec.access)],
        "conditions": [_condition(kind, rules, seen, now) for kind, rules in CONDITIONS.items()],
    }


def _client(client: api.Client, seen: Seen) -> kinds.Object:
    name = identity.client_secret(seen.world.owner.name, client.name)
    secret = seen.world.child(kinds.SECRET, name)
    held = records.held(secret).issued if secret else None
    return {
        "name": client.name,
        "secretName": name,
        **({"keyVersion": held.version} if held and held.version else {}),
        **({"expiresAt": client.expires_at} if client.expires_at else {}),
        "appliedOn": answers.applied_on(seen.world, client.name),
    }


def _condition(kind: str, rules: tuple[Rule, ...], seen: Seen, now: str) -> kinds.Object:
    said = next(found for rule in rules if (found := rule(seen)))
    before = observed.condition(seen.world.model, kind)
    unchanged = before is not None and before["status"] == said.status
    return {
        "type": kind,
        "status": said.status,
        "reason": said.reason,
        "message": said.message[:MESSAGE_LIMIT],
        "observedGeneration": seen.world.model["metadata"]["generation"],
        "lastTransitionTime": before["lastTransitionTime"] if before and unchanged else now,
    }
