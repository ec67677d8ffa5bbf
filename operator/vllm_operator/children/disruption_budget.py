"""The PodDisruptionBudget: of several servers a drain takes one at a time, and waits until its successor answers."""

from vllm_operator import api
from vllm_operator.kube import kinds, naming

SEVERAL = 2


def disruption_budget(owner: naming.Owner, spec: api.Spec) -> kinds.Object | None:
    """Return the budget of the model's servers; None for less than two, since it would hold up every drain.

    Pods that do not answer may always be evicted: one that never starts must not keep a node.
    """
    if spec.replicas < SEVERAL:
        return None
    return naming.child(kinds.POD_DISRUPTION_BUDGET, owner, owner.name, "server", spec={
        "maxUnavailable": 1,
        "selector": {"matchLabels": naming.server_selector(owner.name)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    })  # fmt: skip
