"""Whether a server may come to a node in spite of the node's taints. Pure."""

from collections.abc import Iterable, Sequence

from vllm_operator.kube import kinds

KEEPING_AWAY = ("NoSchedule", "NoExecute")


def tolerates(tolerations: Sequence[kinds.Object], taints: Iterable[kinds.Object]) -> bool:
    """Tell whether each of the `taints` that keeps pods away is tolerated; an operator that is not known tolerates nothing."""
    return all(
        any(_tolerates(one, taint) for one in tolerations) for taint in taints if taint.get("effect") in KEEPING_AWAY
    )


def _tolerates(toleration: kinds.Object, taint: kinds.Object) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    is_equal = toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", "")
    return is_equal and toleration.get("operator") in (None, "Equal")
