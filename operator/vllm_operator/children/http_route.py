"""The HTTPRoute of the Gateway API that carries a model's host, in place of an Ingress.

Its Gateway, with the listeners and their certificates, is its owner's: the operator writes none.
"""

from vllm_operator import api
from vllm_operator.children import service
from vllm_operator.children.exposure import Exposure
from vllm_operator.kube import kinds, naming

TIMEOUTS = {"request": "0s"}
"""None: an answer may stream for longer than a controller's default time-out, token by token."""


def http_route(owner: naming.Owner, exposed: Exposure | None) -> kinds.Object | None:
    """Return the HTTPRoute, or None where no Gateway exposes the model."""
    if exposed is None or not exposed.parents:
        return None
    child = naming.child(kinds.HTTP_ROUTE, owner, owner.name, "edge", spec={
        "parentRefs": [_parent(one) for one in exposed.parents],
        "hostnames": [exposed.host],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": exposed.path or "/"}}],
                "backendRefs": [{"kind": "Service", "name": owner.name, "port": service.PORT}],
                "timeouts": TIMEOUTS,
            }
        ],
    })  # fmt: skip
    child["metadata"]["annotations"] = {naming.URL_ANNOTATION: exposed.url}
    return child


def _parent(ref: api.ParentRef) -> kinds.Object:
    group, _, _ = kinds.GATEWAY.api_version.partition("/")
    given = {"namespace": ref.namespace, "sectionName": ref.section_name}
    found = {"group": group, "kind": kinds.GATEWAY.kind, "name": ref.name}
    return found | {name: value for name, value in given.items() if value}
