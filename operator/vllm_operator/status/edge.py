"""What the rules of a status ask of the edge: the Ingress or the HTTPRoute that carries a model's host, and what became of it.

Each question has a model's StatusContext for its subject. An HTTPRoute's status is written by the controllers of its Gateways.
"""

from collections.abc import Iterator
from typing import NamedTuple

from vllm_operator.children import exposure
from vllm_operator.kube import conditions, kinds, shorten
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status.context import StatusContext, joined

REMEDIES = {
    "NotAllowedByListeners": "its owner must let routes of this namespace in (allowedRoutes of its listeners)",
    "NoMatchingListenerHostname": "no listener of it is for this host, so choose another host or have a listener added",
    "NoMatchingParent": "it has no such listener, so correct sectionName",
    "UnsupportedValue": "its controller does not know a part of the route, such as one of Gateway API 1.2",
}
"""What can be done about a reason of the Gateway API for which a route is not accepted."""


class Conflict(NamedTuple):
    """That somebody else has the host, and what can be done."""

    words: str
    remedy: str


class Refusal(NamedTuple):
    """A Gateway that does not serve the route; `gateway` as namespace/name, `words` the controller's own."""

    gateway: str
    words: str


def failure(at: StatusContext) -> ConditionValue | None:
    """Return what keeps a first Ingress or HTTPRoute, whichever is to be, from being written."""
    kind = kinds.HTTP_ROUTE if is_routed(at) else kinds.INGRESS
    return None if _live(at, kind) else joined(at.failures((kind.kind,)))


def violations(at: StatusContext) -> str:
    """Return what the allow-lists refuse of the edge."""
    return "; ".join(one.message for one in at.plan.violations if one.edge)


def missing(at: StatusContext) -> kinds.Ref | None:
    """Return a dependency of the edge."""
    return at.missing_of(lambda one: one.for_edge)


def missing_gateway(at: StatusContext) -> kinds.Ref | None:
    """Return a Gateway that does not exist, where the model lacks nothing else that comes before it."""
    found = at.missing()
    return found if found and found.kind == kinds.GATEWAY.kind else None


def uncertified(at: StatusContext) -> kinds.Ref | None:
    """Return the certificate that an issuer is still to make, where the edge lacks nothing else."""
    return _if_issued(at, missing(at))


def uncertified_alone(at: StatusContext) -> kinds.Ref | None:
    """Return the certificate that an issuer is still to make, where the model lacks nothing else."""
    return _if_issued(at, at.missing())


def _if_issued(at: StatusContext, found: kinds.Ref | None) -> kinds.Ref | None:
    exposed = at.plan.exposure
    if found is None or exposed is None or exposed.issuer is None:
        return None
    return found if (found.kind, found.name) == (kinds.SECRET.kind, exposed.tls_secret) else None


def conflict(at: StatusContext) -> Conflict | None:
    """Return who has the host and path that the model asks for: of what lies in another namespace, its name and nothing else."""
    holder, exposed = at.observed.host_of, at.plan.exposure
    if holder is None or exposed is None:
        return None
    who = f"{holder.kind} {holder.namespace}/{holder.name}"
    words = f"the host {exposed.host}{exposed.path} is held by {who}, which was there first"
    owner, domain = at.observed.owner, at.plan.settings.domain
    own = f"{owner.name}.{owner.namespace}.{domain}"
    is_default = exposed.host == f"{owner.name}.{domain}"
    other = f", such as {own}, which is this model's alone" if is_default else ", or another path of it"
    return Conflict(words, f"choose another host{other} (spec.expose); this heals by itself once that one is gone")


def stays_inside(at: StatusContext) -> bool:
    """Tell whether the model has no address outside the cluster, and is to have none."""
    return at.plan.exposure is None and at.observed.edge() is None


def is_routed(at: StatusContext) -> bool:
    """Tell whether Gateways are to carry the host."""
    return bool(at.plan.exposure and at.plan.exposure.parents)


def addressed(at: StatusContext) -> bool:
    """Tell whether an ingress controller has taken up the Ingress."""
    return bool((_live(at, kinds.INGRESS) or {}).get("status", {}).get("loadBalancer", {}).get("ingress"))


def addressed_without_tls(at: StatusContext) -> bool:
    """Tell whether clients' keys travel in plain text, as far as the operator knows."""
    return addressed(at) and exposure.live_url(_live(at, kinds.INGRESS)).startswith("http:")


def refusal(at: StatusContext) -> Refusal | None:
    """Return the first Gateway that does not serve the route, with the controller's words and what can be done."""
    route = _live(at, kinds.HTTP_ROUTE)
    return next(_refusals(route), None) if route else None


def accepted(at: StatusContext) -> str:
    """Return the Gateways that serve the route, where all of them do; else ""."""
    route = _live(at, kinds.HTTP_ROUTE)
    if route is None or any(not _answers(route, ref) for ref in _parents(route)) or refusal(at):
        return ""
    return ", ".join(dict.fromkeys(_name(route, ref) for ref in _parents(route)))


def accepted_without_tls(at: StatusContext) -> str:
    """Return the Gateways that serve the route, where clients are told plain HTTP."""
    return accepted(at) if exposure.live_url(_live(at, kinds.HTTP_ROUTE)).startswith("http:") else ""


def accepted_beside_tls(at: StatusContext) -> str:
    """Return the listeners of Gateways that serve the route without TLS, where clients are told https."""
    return at.plan.exposure.plain if accepted(at) and at.plan.exposure else ""


def silent(at: StatusContext) -> str:
    """Return the Gateways whose controller has not answered yet, where Gateways are to carry the host."""
    if not is_routed(at):
        return ""
    route = _live(at, kinds.HTTP_ROUTE)
    if route is None:
        return "none has been asked"
    return ", ".join(dict.fromkeys(_name(route, ref) for ref in _parents(route) if not _answers(route, ref)))


def _refusals(route: kinds.Object) -> Iterator[Refusal]:
    for ref in _parents(route):
        for answer in _answers(route, ref):
            for kind in ("Accepted", "ResolvedRefs"):
                found = conditions.condition({"status": answer}, kind)
                if found and found["status"] == "False":
                    yield Refusal(_name(route, ref), _words(found))


def _words(condition: kinds.Object) -> str:
    reason = condition.get("reason", "")
    said = f"{reason}: {condition.get('message') or 'no more is said'}".rstrip(".")
    return shorten.with_remedy(said, REMEDIES[reason]) if reason in REMEDIES else said


def _answers(route: kinds.Object, ref: kinds.Object) -> list[kinds.Object]:
    """Return what controllers said of one parent of the route as it is now: of an earlier one they say nothing of use."""
    answers = (route.get("status") or {}).get("parents") or []
    return [one for one in answers if _same(route, one.get("parentRef") or {}, ref) and _is_current(route, one)]


def _is_current(route: kinds.Object, answer: kinds.Object) -> bool:
    generation = route["metadata"].get("generation", 0)
    found = conditions.condition({"status": answer}, "Accepted")
    return found is not None and found.get("observedGeneration", generation) >= generation


def _same(route: kinds.Object, one: kinds.Object, other: kinds.Object) -> bool:
    return (_name(route, one), one.get("sectionName")) == (_name(route, other), other.get("sectionName"))


def _name(route: kinds.Object, ref: kinds.Object) -> str:
    return f"{ref.get('namespace') or route['metadata']['namespace']}/{ref.get('name', '')}"


def _parents(route: kinds.Object) -> list[kinds.Object]:
    found: list[kinds.Object] = route["spec"].get("parentRefs") or []
    return found


def _live(at: StatusContext, kind: kinds.Kind) -> kinds.Object | None:
    return at.observed.child(kind, at.observed.owner.name)
