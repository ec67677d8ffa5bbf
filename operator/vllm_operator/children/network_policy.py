"""The NetworkPolicies: the public port is open to all, since the guard authenticates, the private one to operator and monitoring.

Settings narrow the public port to namespaces; the operator, which verifies each model, is always among them. egress.py has what
pods may reach.
"""

from collections.abc import Iterable

from vllm_operator import api, config, guard
from vllm_operator.children import claim, egress, fetch
from vllm_operator.kube import kinds, naming


def network_policy(
    owner: naming.Owner, spec: api.Spec, settings: config.Config, templates: Iterable[kinds.Object]
) -> kinds.Object:
    """Return the policy on the model's pods, which are made of `templates`; vLLM itself listens on loopback and needs none."""
    fetches = claim.is_fetched(spec) and spec.model.cache is None
    callers = _of({settings.namespace, *settings.client_namespaces}) if settings.client_namespaces else {}
    return naming.child(kinds.NETWORK_POLICY, owner, owner.name, "server", spec={
        "podSelector": {"matchLabels": naming.selector(owner.name)},
        "ingress": [
            {**callers, "ports": [{"port": guard.PUBLIC_PORT, "protocol": "TCP"}]},
            {
                **_of({settings.namespace, *settings.monitoring_namespaces}),
                "ports": [{"port": guard.PRIVATE_PORT, "protocol": "TCP"}],
            },
            *([_progress(settings)] if fetches else []),
        ],
        **_outwards(egress.of_servers(templates, settings), settings),
    })  # fmt: skip


def of_fetch(owner: naming.Owner, settings: config.Config, jobs: Iterable[kinds.Object]) -> kinds.Object:
    """Return the policy on the pods of `jobs`, which fetch weights: only the operator may ask them how far they are."""
    templates = [one["spec"]["template"] for one in jobs]
    return naming.child(kinds.NETWORK_POLICY, owner, naming.fetch_policy(owner.name), fetch.FETCH, spec={
        "podSelector": {"matchLabels": {naming.FETCH_LABEL: owner.name}},
        "ingress": [_progress(settings)],
        **_outwards(egress.of_fetch(templates, settings), settings),
    })  # fmt: skip


def _outwards(rules: list[kinds.Object], settings: config.Config) -> kinds.Object:
    """Return what says that pods reach what the rules hold, or, where the settings bound nothing, everything."""
    return {"policyTypes": ["Ingress", "Egress"], "egress": rules} if settings.egress else {"policyTypes": ["Ingress"]}


def _progress(settings: config.Config) -> kinds.Object:
    return {**_of({settings.namespace}), "ports": [{"port": fetch.PORT, "protocol": "TCP"}]}


def _of(namespaces: Iterable[str]) -> kinds.Object:
    """Return what lets in the pods of these namespaces."""
    wanted = {"key": egress.NAMESPACE_NAME, "operator": "In", "values": sorted(namespaces)}
    return {"from": [{"namespaceSelector": {"matchExpressions": [wanted]}}]}
