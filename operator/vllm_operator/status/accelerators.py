"""How many accelerators of a kind the cluster has, and which models hold them: for a server that finds none free. Pure.

Models of other namespaces are not named: who reads a status of one namespace need not know what runs in others.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vllm_operator.kube import kinds

MOST_NAMED = 4


class Stock(NamedTuple):
    """What was counted of all nodes.

    `exist`: accelerators of those that take pods, by resource; `held`: how many each model's servers hold, by resource;
    `taints`: by node.
    """

    exist: Mapping[str, int]
    held: Mapping[str, Mapping[kinds.Key, int]]
    taints: Mapping[str, Sequence[kinds.Object]] = {}


def in_words(stock: Stock, resource: str, wanted: int, namespace: str) -> str:
    """Return what there is of `resource`, for a server of that namespace that wants so many."""
    exist, held = stock.exist.get(resource, 0), stock.held.get(resource, {})
    if not exist:
        return f"it wants {wanted} {resource}, and no node has any"
    taken = sum(held.values())
    others = (
        f", the rest ({exist - taken}) is free on nodes where not enough are together, or others hold it"
        if taken < exist
        else ""
    )
    own = {key: amount for key, amount in held.items() if key.namespace == namespace}
    holders = sorted(own.items(), key=lambda one: (-one[1], one[0]))[:MOST_NAMED]
    named = [f"{amount} by {key}" for key, amount in holders]
    unnamed = taken - sum(amount for _, amount in holders)
    more = [f"{unnamed} by other models"] if unnamed else []
    by = f"; held: {', '.join([*named, *more])}" if taken else ""
    return f"it wants {wanted} {resource} of the {exist} that there are{by}{others}"
