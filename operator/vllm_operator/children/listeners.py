"""Which listeners of a Gateway carry a host of which clients are told https: one without TLS would answer with a key too. Pure.

Listeners are chosen where it is certain that they take the route. Whatever is not certain is left as it is, since a served model
must not lose its edge by it, and `Exposure.plain` names the listeners that answer without TLS.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from vllm_operator import api
from vllm_operator.children import exposure, versions
from vllm_operator.kube import conditions, kinds, naming

MOST_PARENTS = 32
"""Of one HTTPRoute: the Gateway API's own limit."""

NEEDED = ("Accepted", "Programmed", "ResolvedRefs")
"""Conditions of a listener without which it serves nothing."""

Gateways = Mapping[kinds.Ref, kinds.Object]


class Choice(NamedTuple):
    """`parents`: what the route names of one Gateway; `plain`: the listeners that answer it without TLS."""

    parents: tuple[api.ParentRef, ...]
    plain: tuple[str, ...] = ()


class Asked(NamedTuple):
    """What a listener has to take. `tls_before`: TLS may end before the Gateway, since spec or settings say how clients come."""

    owner: naming.Owner
    host: str
    tls_before: bool


def chosen(exposed: exposure.Exposure, inputs: versions.Inputs) -> exposure.Exposure:
    """Return the exposure with the listeners that carry the host.

    Of a Gateway that could not be read the route keeps the listeners that the live one names.
    """
    if not exposed.url.startswith("https:"):
        return exposed
    is_told = inputs.settings.scheme or (inputs.spec.expose and inputs.spec.expose.url)
    asked = Asked(inputs.owner, exposed.host, bool(is_told))
    choices = [_choice(parent, asked, inputs.gateways, inputs.edges) for parent in exposed.parents]
    parents = tuple(one for choice in choices for one in choice.parents)
    if len(parents) > MOST_PARENTS:
        return exposed
    return exposed._replace(parents=parents, plain=", ".join(one for choice in choices for one in choice.plain))


def _choice(parent: api.ParentRef, asked: Asked, gateways: Gateways, edges: tuple[kinds.Object, ...]) -> Choice:
    gateway = gateways.get(exposure.gateway(asked.owner, parent.name, parent.namespace))
    before = () if parent.section_name else _sections(parent, asked.owner, edges)
    if gateway is None:
        return _of(parent, before)
    taking = [one for one in gateway["spec"].get("listeners") or [] if _may_take(one, gateway, parent, asked)]
    plain = tuple(f"{one['name']} of {parent.name}" for one in taking if one["protocol"] == "HTTP")
    secure = [one for one in taking if one["protocol"] == "HTTPS"]
    if plain and not asked.tls_before and not parent.section_name:
        is_known = all(_origin(one) != "Selector" for one in secure)  # else that one may have the host to itself
        chosen = [one["name"] for one in secure if one["name"] in before or (is_known and _is_served(one, gateway))]
        return _of(parent, chosen, plain)
    is_meant = asked.tls_before and (not secure or parent.section_name)
    return Choice((parent,), () if is_meant else plain)


def _of(parent: api.ParentRef, sections: Sequence[str], plain: tuple[str, ...] = ()) -> Choice:
    """Return the choice of some listeners, or of all where none is named, of which `plain` are without TLS."""
    named = tuple(parent.model_copy(update={"section_name": name}) for name in sections)
    return Choice(named) if named else Choice((parent,), plain)


def _may_take(listener: kinds.Object, gateway: kinds.Object, parent: api.ParentRef, asked: Asked) -> bool:
    """Tell whether a listener may take the route: one that selects namespaces by their labels may."""
    if parent.section_name not in (None, listener["name"]) or not _covers(listener.get("hostname") or "", asked.host):
        return False
    is_here = gateway["metadata"]["namespace"] == asked.owner.namespace
    return _origin(listener) in ("All", "Selector", *(("Same",) if is_here else ()))


def _origin(listener: kinds.Object) -> str:
    """Return from which namespaces a listener takes routes: All, Same, Selector or None."""
    allowed = listener.get("allowedRoutes") or {}
    routes = allowed.get("kinds") or [{"kind": kinds.HTTP_ROUTE.kind}]
    if kinds.HTTP_ROUTE.kind not in [one.get("kind") for one in routes]:
        return "None"
    return str((allowed.get("namespaces") or {}).get("from") or "Same")


def _is_served(listener: kinds.Object, gateway: kinds.Object) -> bool:
    """Tell whether a listener's controller says nothing against it."""
    said = [one for one in (gateway.get("status") or {}).get("listeners") or [] if one.get("name") == listener["name"]]
    needed = [found for one in said for kind in NEEDED if (found := conditions.condition({"status": one}, kind))]
    return all(one["status"] != "False" for one in needed)


def _covers(hostname: str, host: str) -> bool:
    """Tell whether a listener's host name, where it has one, is that host, or a wildcard that it falls under."""
    return hostname in ("", host) or (hostname.startswith("*.") and host.endswith(hostname[1:]))


def _sections(parent: api.ParentRef, owner: naming.Owner, edges: tuple[kinds.Object, ...]) -> tuple[str, ...]:
    """Return the listeners of a Gateway that the live route names."""
    ref = exposure.gateway(owner, parent.name, parent.namespace)
    return tuple(name for edge in edges for one, name in _parents(edge, owner) if one == ref and name)


def _parents(edge: kinds.Object, owner: naming.Owner) -> Iterator[tuple[kinds.Ref, str]]:
    """Yield the Gateways of a live route, and the listener of each, "" for all."""
    for one in edge["spec"].get("parentRefs") or []:
        yield exposure.gateway(owner, one["name"], one.get("namespace")), one.get("sectionName") or ""
