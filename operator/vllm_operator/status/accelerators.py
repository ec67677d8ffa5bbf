"""How many accelerators of a kind the cluster has, and which models hold them: for a server that finds none free. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from vllm_operator.kube import kinds

MOST_NAMED = 4


class Stock(NamedTuple):
    """`exist`: accelerators of the nodes that take pods, by resource; `held`: how many each model's servers hold, by resource."""

    exist: Mapping[str, int]
    held: Mapping[str, Mapping[kinds.Key, int]]


def in_words(stock: Stock, resource: str, wanted: int) -> str:
    """Return what there is of `resource`, for a server that wants so many."""
    exist, held = stock.exist.get(resource, 0), stock.held.get(resource, {})
    if not exist:
        return f"it wants {wanted} {resource}, and no node has any"
    taken = sum(held.values())
    others = (
        f", the rest ({exist - taken}) is free on nodes where not enough are together, or others hold it"
        if taken < exist
        else ""
    )
    holders = sorted(held.items(), key=lambda one: (-one[1], one[0]))
    named = [f"{amount} by {key}" for key, amount in holders[:MOST_NAMED]]
    more = [f"{sum(amount for _, amount in holders[MOST_NAMED:])} by other models"] if len(holders) > MOST_NAMED else []
    by = f"; held: {', '.join([*named, *more])}" if named else ""
    return f"it wants {wanted} {resource} of the {exist} that there are{by}{others}"
