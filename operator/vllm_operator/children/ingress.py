"""The Ingress, and the URL that it gives a model.

An IngressClass does not tell which controller serves it, so the annotations of Contour and of ingress-nginx are all written. A
controller ignores those of others.
"""

from typing import NamedTuple

from vllm_operator import api, config, policy
from vllm_operator.children import service
from vllm_operator.kube import kinds, naming

STREAMING = {
    "projectcontour.io/response-timeout": "infinity",
    "nginx.ingress.kubernetes.io/proxy-body-size": "0",
    "nginx.ingress.kubernetes.io/proxy-buffering": "off",
    "nginx.ingress.kubernetes.io/proxy-read-timeout": "3600",
}
"""An answer may stream for longer than a controller's default time-out, token by token."""

HTTPS_ONLY = {
    "kubernetes.io/ingress.allow-http": "false",
    "nginx.ingress.kubernetes.io/force-ssl-redirect": "true",
}
"""A key in a plain HTTP request can be read on the way. Contour then serves no HTTP for the host; ingress-nginx redirects."""


class Exposure(NamedTuple):
    """Host, IngressClass and certificate Secret; the last two are "" where there is none."""

    host: str
    class_name: str
    tls_secret: str


def exposure(name: str, spec: api.Spec, settings: config.Config) -> Exposure | None:
    """Return how the model is exposed: by its spec, else by the operator's domain, else not at all."""
    expose = spec.expose or api.Expose()
    host = expose.host or (settings.domain and f"{name}.{settings.domain}")
    if not host:
        return None
    return Exposure(host, expose.ingress.class_name or settings.ingress_class, _certificate(expose, settings))


def _certificate(expose: api.Expose, settings: config.Config) -> str:
    """Return the name of the certificate's Secret; "" for plain HTTP. The operator's certificate is for its own domain alone."""
    if expose.ingress.tls:
        return expose.ingress.tls.secret_name
    if expose.host:
        return ""
    return settings.tls_secret


def url(owner: naming.Owner, spec: api.Spec, settings: config.Config) -> str:
    """Return the model's base URL, ending in a slash: the host's, or the Service's where it has none that is allowed."""
    exposed = exposure(owner.name, spec, settings)
    if exposed is None or not policy.is_host(owner.namespace, spec, settings):
        return inside(owner)
    return f"{'https' if exposed.tls_secret else 'http'}://{exposed.host}/"


def inside(owner: naming.Owner) -> str:
    """Return the model's base URL inside the cluster, ending in a slash."""
    return f"{service.address(owner)}/"


def live_url(live: kinds.Object | None) -> str:
    """Return the base URL that a live Ingress gives, "" where there is none."""
    spec = (live or {}).get("spec") or {}
    host = next((rule["host"] for rule in spec.get("rules") or [] if rule.get("host")), "")
    return f"{'https' if spec.get('tls') else 'http'}://{host}/" if host else ""


def ingress(owner: naming.Owner, spec: api.Spec, settings: config.Config) -> kinds.Object | None:
    """Return the Ingress, or None where the model is not exposed."""
    exposed = exposure(owner.name, spec, settings)
    if exposed is None:
        return None
    backend = {"service": {"name": owner.name, "port": {"number": service.PORT}}}
    body: kinds.Object = {
        "rules": [{"host": exposed.host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    }
    if exposed.class_name:
        body["ingressClassName"] = exposed.class_name
    if exposed.tls_secret:
        body["tls"] = [{"hosts": [exposed.host], "secretName": exposed.tls_secret}]
    child = naming.child(kinds.INGRESS, owner, owner.name, "edge", spec=body)
    child["metadata"]["annotations"] = _annotations(exposed, spec)
    return child


def _annotations(exposed: Exposure, spec: api.Spec) -> dict[str, str]:
    own = {**STREAMING, **HTTPS_ONLY} if exposed.tls_secret else STREAMING
    chosen = spec.expose.ingress.annotations if spec.expose else {}
    return {**own, **chosen}
