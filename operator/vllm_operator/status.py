"""World -> status: for each condition an ordered tuple of small rules, the first match gives reason and message.

Pure: `now` comes in, and a condition keeps its transition time while its status stays. What a pod's own trouble is stands in
findings.py.
"""

from collections.abc import Callable
from typing import NamedTuple

from vllm_operator import answers, api, config, findings, identity, keys, kinds
from vllm_operator import world as observed
from vllm_operator.children import ingress, pod, records, template
from vllm_operator.engine import options
from vllm_operator.world import Said, World

MESSAGE_LIMIT = 1024
CALM = ("Serving", "Starting", "Loading", "RollingOut", "ScaledToZero", "Paused")
"""Reasons of Ready that nobody needs to act on."""


class Seen(NamedTuple):
    """The world, with what the rules ask of it again and again."""

    world: World
    spec: api.Spec
    exposed: ingress.Exposure | None
    deployment: kinds.Object
    now: float

    def count(self, field: str) -> int:
        """Return a counter of the Deployment's status; 0 where it is absent."""
        return int(self.deployment.get("status", {}).get(field, 0))

    @property
    def observed(self) -> bool:
        """Tell whether the Deployment's controller has seen its newest generation."""
        return bool(self.deployment) and self.count("observedGeneration") >= self.deployment["metadata"].get(
            "generation", 0
        )

    @property
    def held_back(self) -> bool:
        """Tell whether the pause keeps the newest spec from the servers."""
        revision = self.world.child(kinds.CONTROLLER_REVISION, identity.template(self.world.owner.name)) or {}
        pinned = revision.get("data", {}).get("inputs") == template.digest(self.spec, template.asked(self.world.model))
        scaled = self.deployment.get("spec", {}).get("replicas", 1) == self.spec.replicas
        return self.spec.paused and not (self.deployment and pinned and scaled)

    @property
    def rolled_out(self) -> bool:
        """Tell whether every server is of the newest template, and none of an older one is left."""
        wanted = self.spec.replicas
        return self.observed and self.count("updatedReplicas") == self.count("replicas") == wanted


Rule = Callable[[Seen], Said | None]


def _name_taken(seen: Seen) -> Said | None:
    for ref, holder in sorted(seen.world.strangers.items()):
        return Said(
            "False", "NameTaken", f"{ref} belongs to {holder} and is left alone: remove it, or rename this model"
        )
    return None


def _refused(seen: Seen) -> Said | None:
    for ref, words in sorted(seen.world.refused.items()):
        return Said("False", "WriteRefused", f"the API server refuses {ref}: {words}")
    return None


def _missing(*which: str) -> Rule:
    def rule(seen: Seen) -> Said | None:
        for ref in sorted(seen.world.missing):
            if ref.kind in which:
                return Said("False", f"{ref.kind}NotFound", f"{ref} does not exist: create it; this heals by itself")
        return None

    return rule


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
    """A quota, a security standard or a webhook keeps the pods from being made at all."""
    for condition in seen.deployment.get("status", {}).get("conditions") or []:
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return Said("False", "PodsRefused", f"the pods cannot be made: {condition.get('message', '')}")
    return None


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


def _in_cluster(seen: Seen) -> Said | None:
    return None if seen.exposed else Said("True", "InCluster", "reached by its Service inside the cluster")


def _ingress_taken(seen: Seen) -> Said | None:
    return _name_taken(seen) if any(ref.kind == kinds.INGRESS.kind for ref in seen.world.strangers) else None


def _addressed(seen: Seen) -> Said | None:
    child = seen.world.child(kinds.INGRESS, seen.world.owner.name)
    addresses = (child or {}).get("status", {}).get("loadBalancer", {}).get("ingress")
    return Said("True", "Exposed", "the Ingress has an address") if addresses else None


def _unaddressed(_: Seen) -> Said:
    return Said("Unknown", "NoAddress", "no ingress controller has given the Ingress an address yet")


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


EXPOSURE = (_in_cluster, _ingress_taken, _missing("IngressClass", "Secret"), _addressed, _unaddressed)
READY = (
    _name_taken, _refused, _missing("PersistentVolumeClaim", "Secret", "IngressClass"), _held_back, _zero, _guard_rejected,
    _serving_wrongly, _serving, _missing("ConfigMap"), _pods_refused, _first_trouble, _rolling,
)  # fmt: skip
CONDITIONS: dict[str, tuple[Rule, ...]] = {
    "Available": (_zero, _verification_failed, _answering, *READY),
    "Ready": READY,
    "Progressing": (_paused, _name_taken, _refused, _over_time, _complete, _progressing),
    "Exposed": EXPOSURE,
    "GuardConfigured": (_guard_configured,),
    "Verified": (lambda seen: answers.verified(seen.world),),
}


def status(world: World, spec: api.Spec, settings: config.Config, now: str) -> kinds.Object:
    """Return the status that `world` deserves; `now` is an RFC 3339 time in UTC."""
    owner = world.owner
    deployment = world.child(kinds.DEPLOYMENT, owner.name) or {}
    seen = Seen(world, spec, ingress.exposure(owner.name, spec, settings), deployment, api.unix(now))
    revision = world.child(kinds.CONTROLLER_REVISION, identity.template(owner.name))
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
