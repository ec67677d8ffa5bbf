"""The Ingress that carries a model's host.

An IngressClass does not tell which controller serves it, so the annotations of Contour and of ingress-nginx are all written. A
controller ignores those of others; docs/exposure.md has what other controllers need.
"""

from vllm_operator import api, config
from vllm_operator.children import service
from vllm_operator.children.exposure import Exposure
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

ISSUER_KEYS = {"Issuer": "cert-manager.io/issuer", "ClusterIssuer": "cert-manager.io/cluster-issuer"}
"""The annotations by which cert-manager makes the certificate of an Ingress."""


def ingress(
    owner: naming.Owner, spec: api.Spec, settings: config.Config, exposed: Exposure | None
) -> kinds.Object | None:
    """Return the Ingress, or None where the model is not exposed by one."""
    if exposed is None or exposed.parents:
        return None
    backend = {"service": {"name": owner.name, "port": {"number": service.PORT}}}
    paths = [{"path": exposed.path or "/", "pathType": "Prefix", "backend": backend}]
    body: kinds.Object = {"rules": [{"host": exposed.host, "http": {"paths": paths}}]}
    if exposed.class_name:
        body["ingressClassName"] = exposed.class_name
    if exposed.tls_secret:
        body["tls"] = [{"hosts": [exposed.host], "secretName": exposed.tls_secret}]
    child = naming.child(kinds.INGRESS, owner, owner.name, "edge", spec=body)
    child["metadata"]["annotations"] = {
        **_annotations(exposed, settings),
        **_chosen(spec),
        naming.URL_ANNOTATION: exposed.url,
    }
    return child


def _annotations(exposed: Exposure, settings: config.Config) -> dict[str, str]:
    """Return the operator's annotations; the setting, which is for one controller, takes the place of those for all."""
    secure = HTTPS_ONLY if exposed.tls_secret else {}
    issued = {ISSUER_KEYS[exposed.issuer.kind]: exposed.issuer.name} if exposed.issuer else {}
    return {**STREAMING, **secure, **settings.ingress_annotations, **issued}


def _chosen(spec: api.Spec) -> dict[str, str]:
    return spec.expose.ingress.annotations if spec.expose else {}
