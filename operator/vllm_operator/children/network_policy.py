"""The NetworkPolicies: the public port is open to all, since the guard authenticates, the private one to operator and monitoring.

Settings narrow the public port to namespaces; the operator, which verifies each model, is always among them.
"""

from collections.abc import Iterable

from vllm_operator import api, config, guard
from vllm_operator.children import claim, fetch
from vllm_operator.kube import kinds, naming

NAMESPACE_NAME = "kubernetes.io/metadata.name"


def network_policy(owner: naming.Owner, spec: api.Spec, settings: config.Config) -> kinds.Object:
    """Return the policy on the model's pods; vLLM itself listens on loopback and needs none."""
    fetches = claim.is_fetched(spec) and spec.model.cache is None
    callers = _of({settings.namespace, *settings.client_namespaces}) if settings.client_namespaces else {}
    return naming.child(kinds.NETWORK_POLICY, owner, owner.name, "server", spec={
        "podSelector": {"matchLabels": naming.selector(owner.name)},
        "policyTypes": ["Ingress"],
        "ingress": [
            {**callers, "ports": [{"port": guard.PUBLIC_PORT, "protocol": "TCP"}]},
            {
                **_of({settings.namespace, *settings.monitoring_namespaces}),
                "ports": [{"port": guard.PRIVATE_PORT, "protocol": "TCP"}],
            },
            *([_progress(settings)] if fetches else []),
        ],
    })  # fmt: skip


def of_fetch(owner: naming.Owner, settings: config.Config) -> kinds.Object:
    """Return the policy on the pod that fetches weights: only the operator may ask it how far it is."""
    return naming.child(kinds.NETWORK_POLICY, owner, naming.fetch_policy(owner.name), fetch.FETCH, spec={
        "podSelector": {"matchLabels": {naming.FETCH_LABEL: owner.name}},
        "policyTypes": ["Ingress"],
        "ingress": [_progress(settings)],
    })  # fmt: skip


def _progress(settings: config.Config) -> kinds.Object:
    return {**_of({settings.namespace}), "ports": [{"port": fetch.PORT, "protocol": "TCP"}]}


def _of(namespaces: Iterable[str]) -> kinds.Object:
    """Return what lets in the pods of these namespaces."""
    wanted = {"key": NAMESPACE_NAME, "operator": "In", "values": sorted(namespaces)}
    return {"from": [{"namespaceSelector": {"matchExpressions": [wanted]}}]}
