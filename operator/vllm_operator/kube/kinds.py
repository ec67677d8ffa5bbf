"""The kinds of the Kubernetes API that the operator reads or writes, and how one object of them is referred to.

Knows group, version and plural; must not know what any of them is for.
"""

import sys
from typing import Any, NamedTuple

Object = dict[str, Any]
"""A Kubernetes object as JSON, with `apiVersion` and `kind` filled in."""


class Kind(NamedTuple):
    """One kind of the API: `api_version` as in manifests (`apps/v1`), `plural` as in URLs."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True


class Ref(NamedTuple):
    """A reference to one object; `namespace` is empty for cluster-scoped kinds."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Key(NamedTuple):
    """The namespace and name of one ModelDeployment: the key of queue and store."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


GROUP = "serving.byteshop.in"
VERSION = "v1alpha1"

MODEL_DEPLOYMENT = Kind(f"{GROUP}/{VERSION}", "ModelDeployment", "modeldeployments")
SECRET = Kind("v1", "Secret", "secrets")
CONTROLLER_REVISION = Kind("apps/v1", "ControllerRevision", "controllerrevisions")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
SERVICE = Kind("v1", "Service", "services")
INGRESS = Kind("networking.k8s.io/v1", "Ingress", "ingresses")
HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
NETWORK_POLICY = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
POD_DISRUPTION_BUDGET = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
POD = Kind("v1", "Pod", "pods")
JOB = Kind("batch/v1", "Job", "jobs")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
PERSISTENT_VOLUME_CLAIM = Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
GATEWAY = Kind("gateway.networking.k8s.io/v1", "Gateway", "gateways")
INGRESS_CLASS = Kind("networking.k8s.io/v1", "IngressClass", "ingressclasses", namespaced=False)
STORAGE_CLASS = Kind("storage.k8s.io/v1", "StorageClass", "storageclasses", namespaced=False)
ISSUER = Kind("cert-manager.io/v1", "Issuer", "issuers")
CLUSTER_ISSUER = Kind("cert-manager.io/v1", "ClusterIssuer", "clusterissuers", namespaced=False)
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts")
PRIORITY_CLASS = Kind("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", namespaced=False)
RESOURCE_CLAIM = Kind("resource.k8s.io/v1", "ResourceClaim", "resourceclaims")
RESOURCE_CLAIM_TEMPLATE = Kind("resource.k8s.io/v1", "ResourceClaimTemplate", "resourceclaimtemplates")
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")
NODE = Kind("v1", "Node", "nodes", namespaced=False)
EVENT = Kind("events.k8s.io/v1", "Event", "events")

CHILDREN = (
    SECRET, CONTROLLER_REVISION, DEPLOYMENT, SERVICE, INGRESS, HTTP_ROUTE, NETWORK_POLICY, POD_DISRUPTION_BUDGET,
    PERSISTENT_VOLUME_CLAIM, JOB,
)  # fmt: skip
"""The kinds that a ModelDeployment owns, in the order in which a reader meets them."""

WATCHED = (*CHILDREN, POD)
"""What the operator lists and watches by label, beside all ModelDeployments."""

SHARED = (INGRESS, HTTP_ROUTE)
"""Of those, the kinds of which others' objects are seen too: a host is one's alone, whoever has it."""

OPTIONAL = (HTTP_ROUTE,)
"""Of those, the kinds that a cluster may not have: the Gateway API is installed or it is not."""

BY_NAME = {
    kind.kind: kind
    for kind in (
        *WATCHED, MODEL_DEPLOYMENT, CONFIG_MAP, INGRESS_CLASS, GATEWAY, SERVICE_ACCOUNT, PRIORITY_CLASS,
        LEASE, EVENT, NODE, STORAGE_CLASS, ISSUER, CLUSTER_ISSUER, RESOURCE_CLAIM, RESOURCE_CLAIM_TEMPLATE,
    )
}  # fmt: skip


def ref(obj: Object) -> Ref:
    """Return the reference of `obj`."""
    metadata = obj["metadata"]
    return Ref(sys.intern(obj["kind"]), sys.intern(metadata.get("namespace", "")), metadata["name"])
