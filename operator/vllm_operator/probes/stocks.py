"""Counts the accelerators of the cluster's nodes, and those that models hold: read when a server finds none free, and seldom."""

import asyncio
import contextlib
from collections import Counter

from vllm_operator.kube import cache, client, errors, kinds
from vllm_operator.status import observed
from vllm_operator.status.accelerators import Stock

AGAIN_SECONDS = 30.0
MOST_NODES = 1000
NEVER = float("-inf")


class Stocks:
    """The last count, None where it failed.

    `sees_nodes`: the operator may list nodes, which it may not where it watches some namespaces alone.
    """

    def __init__(self, api: client.Api, objects: cache.Cache, *, sees_nodes: bool) -> None:
        self._api, self._cache, self._sees_nodes = api, objects, sees_nodes
        self._counted = NEVER
        self.last: Stock | None = None

    async def count(self) -> bool:
        """Count anew, unless that was done a moment ago; tell whether there is news."""
        now = asyncio.get_running_loop().time()
        if not self._sees_nodes or now - self._counted < AGAIN_SECONDS:
            return False
        self._counted = now
        nodes = await self._nodes()
        counted = Stock(_existing(nodes), self._held(), _taints(nodes)) if nodes is not None else None
        before, self.last = self.last, counted
        return self.last != before

    async def _nodes(self) -> list[kinds.Object] | None:
        """Return all nodes; None where they cannot be read, or are more than are counted."""
        found: list[kinds.Object] = []
        try:
            async with contextlib.aclosing(self._api.list(kinds.NODE)) as pages:
                async for page in pages:
                    found += page.items
                    if len(found) > MOST_NODES:
                        return None
        except errors.ApiError:
            return None
        return found

    def _held(self) -> dict[str, dict[kinds.Key, int]]:
        found: dict[str, Counter[kinds.Key]] = {}
        for key in self._cache.models():
            seen = observed.snapshot(self._cache, key)
            for one in seen.pods() if seen else []:
                for name, amount in _of_pod(one).items():
                    found.setdefault(name, Counter())[key] += amount
        return {name: dict(held) for name, held in found.items()}


def _of_pod(one: kinds.Object) -> Counter[str]:
    """Return the accelerators that a pod holds, if it has a node."""
    total: Counter[str] = Counter()
    if "nodeName" not in one.get("spec", {}):
        return total
    for container in one["spec"].get("containers", []):
        limits = container.get("resources", {}).get("limits", {})
        total.update({name: _whole(amount) for name, amount in limits.items() if "/" in name})
    return total


def _existing(nodes: list[kinds.Object]) -> dict[str, int]:
    """Return the accelerators of the nodes that take pods."""
    total: Counter[str] = Counter()
    for node in nodes:
        if not node.get("spec", {}).get("unschedulable"):
            allocatable = node.get("status", {}).get("allocatable", {})
            total.update({name: _whole(amount) for name, amount in allocatable.items() if "/" in name})
    return dict(total)


def _taints(nodes: list[kinds.Object]) -> dict[str, list[kinds.Object]]:
    """Return the taints of each node, without the moments at which they came."""
    return {
        node["metadata"]["name"]: [
            {name: taint[name] for name in ("key", "value", "effect") if name in taint}
            for taint in node.get("spec", {}).get("taints") or []
        ]
        for node in nodes
    }


def _whole(amount: object) -> int:
    """Return a number of devices; extended resources are whole."""
    text = str(amount)
    return int(text) if text.isdigit() else 0
