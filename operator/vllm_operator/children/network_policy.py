"""The NetworkPolicy: the public port is open, since the guard authenticates; the private one is for operator and monitoring."""

from vllm_operator import config, guard, identity, kinds

NAMESPACE_NAME = "kubernetes.io/metadata.name"


def network_policy(owner: identity.Owner, settings: config.Config) -> kinds.Object:
    """Return the policy on the model's pods; vLLM itself listens on loopback and needs none."""
    inside = sorted({settings.namespace, *settings.monitoring_namespaces})
    return identity.child(kinds.NETWORK_POLICY, owner, owner.name, "server", spec={
        "podSelector": {"matchLabels": identity.selector(owner.name)},
        "policyTypes": ["Ingress"],
        "ingress": [
            {"ports": [{"port": guard.PUBLIC_PORT, "protocol": "TCP"}]},
            {
                "from": [{"namespaceSelector": {"matchExpressions": [
                    {"key": NAMESPACE_NAME, "operator": "In", "values": inside},
                ]}}],
                "ports": [{"port": guard.PRIVATE_PORT, "protocol": "TCP"}],
            },
        ],
    })  # fmt: skip
