"""What stands between a spec and its objects, as rules of the status; and those of Exposed, which has little else.

Must not look at pods: what keeps those from answering stands in pod_diagnosis.py.
"""

from vllm_operator.kube import kinds
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status.context import StatusContext

_PLAIN = (
    "it has no certificate, so clients' keys travel in plain text: set spec.expose.ingress.tls,"
    " or expose.tlsSecret of the operator's chart"
)


def unwritten(seen: StatusContext) -> ConditionValue | None:
    """Say which object could not be written: a name that somebody else holds comes first."""
    failures = sorted(seen.world.failures.items(), key=lambda one: (one[1].reason != "NameTaken", one[0]))
    return failures[0][1] if failures else None


def not_allowed(seen: StatusContext) -> ConditionValue | None:
    """Say what the operator's allow-lists refuse."""
    words = "; ".join(finding.message for finding in seen.plan.violations)
    return ConditionValue("False", "NotAllowed", f"{words} (values of the operator's chart)") if words else None


def imageless(seen: StatusContext) -> ConditionValue | None:
    """Say that neither the spec nor the operator's settings name an image of the engine."""
    words = "no image of the engine is known for spec.resources: set spec.engine.image, or engine.images of the operator's chart"
    return None if seen.plan.image else ConditionValue("False", "NoEngineImage", words)


def missing(seen: StatusContext) -> ConditionValue | None:
    """Say what the spec names and nobody has made."""
    return next((_absent(ref) for ref in sorted(seen.world.missing) if not _of_a_setting(ref, seen)), None)


def unconfigured(seen: StatusContext) -> ConditionValue | None:
    """Say what the operator's settings name and nobody has made: not held against a model that serves without it."""
    return next((_absent(ref) for ref in sorted(seen.world.missing) if _of_a_setting(ref, seen)), None)


def _of_a_setting(ref: kinds.Ref, seen: StatusContext) -> bool:
    pulls = not seen.plan.spec.image_pull_secrets and (ref.kind, ref.name) not in _edge(seen)
    return ref.kind == kinds.CONFIG_MAP.kind or (ref.kind == kinds.SECRET.kind and pulls)


def _absent(ref: kinds.Ref) -> ConditionValue:
    return ConditionValue("False", f"{ref.kind}NotFound", f"{ref} does not exist: create it; this heals by itself")


def _in_cluster(seen: StatusContext) -> ConditionValue | None:
    words = "reached by its Service inside the cluster; an address outside needs spec.expose.host"
    return None if seen.plan.exposure else ConditionValue("True", "InCluster", words)


def _edge_not_allowed(seen: StatusContext) -> ConditionValue | None:
    edge = tuple(one for one in seen.plan.violations if one.edge)
    return not_allowed(seen._replace(plan=seen.plan._replace(violations=edge)))


def _edge_missing(seen: StatusContext) -> ConditionValue | None:
    return next((_absent(ref) for ref in sorted(seen.world.missing) if (ref.kind, ref.name) in _edge(seen)), None)


def _edge(seen: StatusContext) -> set[tuple[str, str]]:
    """Return kind and name of what the Ingress names."""
    _, class_name, tls_secret = seen.plan.exposure or ("", "", "")
    return {(kinds.INGRESS_CLASS.kind, class_name), (kinds.SECRET.kind, tls_secret)}


def _ingress_unwritten(seen: StatusContext) -> ConditionValue | None:
    return next((said for ref, said in seen.world.failures.items() if ref.kind == kinds.INGRESS.kind), None)


def _addressed(seen: StatusContext) -> ConditionValue | None:
    child = seen.world.child(kinds.INGRESS, seen.world.owner.name)
    addresses = (child or {}).get("status", {}).get("loadBalancer", {}).get("ingress")
    if not addresses:
        return None
    if seen.plan.exposure and not seen.plan.exposure.tls_secret:
        return ConditionValue("True", "ExposedWithoutTLS", f"the Ingress has an address; {_PLAIN}")
    return ConditionValue("True", "Exposed", "the Ingress has an address")


def _unaddressed(_: StatusContext) -> ConditionValue:
    return ConditionValue("Unknown", "NoAddress", "no ingress controller has given the Ingress an address yet")


EXPOSED = (
    _in_cluster, _edge_not_allowed, _ingress_unwritten, _edge_missing, _addressed, not_allowed, imageless, _unaddressed,
)  # fmt: skip
"""The rules of the condition Exposed, in order."""
