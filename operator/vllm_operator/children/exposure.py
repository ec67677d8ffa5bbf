"""How a model answers outside the cluster, and the URL that clients are told: decided from its spec and the operator's settings.

Knows no object but the address that a live one gives: ingress.py and http_route.py have what carries a host.
"""

import re
from typing import NamedTuple

from vllm_operator import api, config, policy
from vllm_operator.children import service
from vllm_operator.kube import addresses, kinds, naming


class Exposure(NamedTuple):
    """`host` and `path` of the edge, `url` as clients are told it, ending in a slash; the rest is empty where there is none.

    `path`: such as /opt, "" where the host is the model's alone. `class_name`: an IngressClass. `tls_secret`: the certificate's
    Secret; `issuer`: who of cert-manager makes it. `parents`: the Gateways that carry the host, where no Ingress does; `plain`:
    the listeners of these that answer without TLS although clients are told https.
    """

    host: str
    path: str
    url: str
    class_name: str = ""
    tls_secret: str = ""
    issuer: api.IssuerRef | None = None
    parents: tuple[api.ParentRef, ...] = ()
    plain: str = ""


def exposure(name: str, spec: api.Spec, settings: config.Config) -> Exposure | None:
    """Return how the model `name` is exposed: by its spec, else by the operator's domain, else not at all."""
    expose = spec.expose or api.Expose()
    host = expose.host or (settings.domain and f"{name}.{settings.domain}")
    if not host:
        return None
    if parents := _parents(expose, settings):
        return Exposure(host, expose.path or "", _told(host, expose, settings, "https"), parents=parents)
    tls_secret, issuer = _certificate(name, expose, settings)
    return Exposure(
        host=host,
        path=expose.path or "",
        url=_told(host, expose, settings, "https" if tls_secret else "http"),
        class_name=expose.ingress.class_name or settings.ingress_class,
        tls_secret=tls_secret,
        issuer=issuer,
    )


def address(model: kinds.Object, settings: config.Config) -> addresses.Address | None:
    """Return the host and path that a ModelDeployment asks for, as it is stored; None for nothing.

    It is what `exposure` has, and costs no reading of the whole spec.
    """
    expose = (model.get("spec") or {}).get("expose") or {}
    host = expose.get("host") or (settings.domain and f"{model['metadata']['name']}.{settings.domain}")
    return addresses.Address(host, expose.get("path") or "") if host else None


def gateways(owner: naming.Owner, spec: api.Spec, settings: config.Config) -> frozenset[kinds.Ref]:
    """Return the Gateways that are to carry the model's host."""
    exposed = exposure(owner.name, spec, settings)
    parents = exposed.parents if exposed else ()
    return frozenset(gateway(owner, one.name, one.namespace) for one in parents)


def gateway(owner: naming.Owner, name: str, namespace: str | None) -> kinds.Ref:
    """Return the Gateway that a route names, by default of its own namespace."""
    return kinds.Ref(kinds.GATEWAY.kind, namespace or owner.namespace, name)


def is_asked(owner: naming.Owner, spec: api.Spec, settings: config.Config, edge: kinds.Object) -> bool:
    """Tell whether a live edge carries the host and path that the model asks for."""
    exposed = exposure(owner.name, spec, settings)
    return exposed is not None and addresses.Address(exposed.host, exposed.path) in addresses.addresses(edge)


def _parents(expose: api.Expose, settings: config.Config) -> tuple[api.ParentRef, ...]:
    """Return the Gateways; the setting is for models that say nothing of an Ingress."""
    if expose.gateway:
        return expose.gateway.parent_refs
    ingress = expose.ingress
    asks_for_ingress = bool(ingress.class_name or ingress.annotations or ingress.tls)
    return (settings.gateway,) if settings.gateway and not asks_for_ingress else ()


def _told(host: str, expose: api.Expose, settings: config.Config, scheme: str) -> str:
    """Return the URL that clients are told; `scheme` is the one of the edge, before which TLS may end."""
    path = expose.path or ""
    return f"{expose.url or f'{settings.scheme or scheme}://{host}{path}'}/"


def _certificate(name: str, expose: api.Expose, settings: config.Config) -> tuple[str, api.IssuerRef | None]:
    """Return the certificate's Secret, "" for plain HTTP, and its issuer. The operator's are for its own domain alone."""
    if tls := expose.ingress.tls:
        return tls.secret_name or naming.certificate(name), tls.issuer_ref
    if expose.host:
        return "", None
    if settings.tls_secret or settings.issuer_ref is None:
        return settings.tls_secret, None
    return naming.certificate(name), settings.issuer_ref


def url(owner: naming.Owner, spec: api.Spec, settings: config.Config) -> str:
    """Return the model's base URL, ending in a slash: the host's, or the Service's where it has none that is allowed."""
    exposed = exposure(owner.name, spec, settings)
    if exposed is None or not policy.is_host(owner.key, spec, settings):
        return inside(owner)
    return exposed.url


def path(owner: naming.Owner, spec: api.Spec, settings: config.Config) -> str:
    """Return the path that requests from outside the cluster will have, "" where there is none."""
    exposed = exposure(owner.name, spec, settings)
    return exposed.path if exposed else ""


def inside(owner: naming.Owner) -> str:
    """Return the model's base URL inside the cluster, ending in a slash."""
    return f"{service.address(owner)}/"


def live_url(edge: kinds.Object | None) -> str:
    """Return the base URL that a live edge is annotated with, "" where there is no edge.

    An Ingress that an operator older than the annotation has written tells it by its host and its certificate, and so does one
    whose annotation somebody made into anything else: clients' Secrets and the guide hold what it says.
    """
    if edge is None:
        return ""
    told = str(edge["metadata"].get("annotations", {}).get(naming.URL_ANNOTATION, ""))
    if len(told) <= api.LONGEST_URL + len("/") and re.fullmatch(f"{api.URL}/", told):
        return told
    spec = edge.get("spec") or {}
    host = next((rule["host"] for rule in spec.get("rules") or [] if rule.get("host")), "")
    return f"{'https' if spec.get('tls') else 'http'}://{host}/" if host else ""


def live_path(edge: kinds.Object) -> str:
    """Return the path that a live edge sends requests with, "" for all of the host, or where somebody wrote what is no path."""
    (rule, *_) = (edge.get("spec") or {}).get("rules") or [{}]
    found = _path_of_route(rule) if edge["kind"] == kinds.HTTP_ROUTE.kind else _path_of_ingress(rule)
    return found if len(found) <= api.LONGEST_PATH and re.fullmatch(api.PATH, found) else ""


def _path_of_ingress(rule: kinds.Object) -> str:
    return str(next((one.get("path") for one in (rule.get("http") or {}).get("paths") or []), ""))


def _path_of_route(rule: kinds.Object) -> str:
    return str(next(((one.get("path") or {}).get("value") for one in rule.get("matches") or []), ""))
