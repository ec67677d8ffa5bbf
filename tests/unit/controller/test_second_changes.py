"""A change that comes at any moment of an earlier one's run is acted on at once, and not by the next check. In virtual time."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests import clock, operator_process
from vllm_operator.kube import kinds

pytestmark = pytest.mark.long

SOON_SECONDS = 10.0
"""Far less than until the next check, and more than two runs take whose events come late, one after the other."""
MOST_MOMENTS = 100
ENOUGH = 100
"""Second changes with each lateness."""
CHANGES: dict[str, Callable[[int], dict[str, Any]]] = {
    "replicas": lambda number: {"replicas": number},
    "context": lambda number: {"engine": {"maxModelLen": number}},
    "options": lambda number: {"engine": {"args": [f"--seed={number}"]}},
    "clients": lambda number: {"access": {"clients": [{"name": f"client-{number}"}]}},
}


class Changes:
    """A model that is changed, and changed once more when the operator's writes have come to a moment."""

    def __init__(self, world: operator_process.World, key: kinds.Key) -> None:
        self._world, self._key = world, key
        self._left, self._second = 0, dict[str, Any]()
        world.meet = self._meet

    async def acted(self, first: dict[str, Any], second: dict[str, Any], moment: int) -> bool:
        """Change the model twice, and wait until that shows; tell whether its run came to that moment."""
        self._left, self._second = moment, second
        await self._world.change(self._key, **first)
        await asyncio.sleep(SOON_SECONDS)
        return not self._second

    def _meet(self, _by: operator_process.Connection, _verb: str, _ref: kinds.Ref, _when: str) -> None:
        """Count the moments before and after each write of the operator, and change the model at the one that was chosen."""
        self._left -= 1
        if self._left < 0 and self._second:
            self._world.background(self._world.change(self._key, **self._second))
            self._second = {}

    def shows(self, what: str, number: int) -> bool:
        """Tell whether the children are those of a change, and the status is that of the newest spec."""
        objects = self._world.cluster.objects
        deployment = objects[kinds.Ref(kinds.DEPLOYMENT.kind, *self._key)]
        engine = deployment["spec"]["template"]["spec"]["containers"][0]
        secret = kinds.Ref(kinds.SECRET.kind, self._key.namespace, f"{self._key.name}.key.client-{number}")
        shown = {
            "replicas": deployment["spec"]["replicas"] == number,
            "context": f"--max-model-len={number}" in engine["args"],
            "options": f"--seed={number}" in engine["args"],
            "clients": secret in objects,
        }
        return shown[what] and self._world.is_done(self._key)()


@pytest.mark.parametrize("late", [0.0, 0.02, 0.3], ids=["at once", "soon", "late"])
def test_300_of_300_second_changes_are_acted_on_at_once(late: float) -> None:
    """`late`: after how many seconds a watch shows what happened, beside the answers to the operator's own writes."""

    @clock.virtual
    async def scenario() -> None:
        world = operator_process.World()
        world.cluster.latency = {kind.kind: late for kind in (kinds.MODEL_DEPLOYMENT, kinds.SECRET, kinds.DEPLOYMENT)}
        async with world.running():
            changes, numbers = Changes(world, key := await world.create("vllm11")), itertools.count(2)
            await clock.until(world.is_done(key))
            await asyncio.sleep(SOON_SECONDS)
            tried = 0
            for first, second in itertools.product(CHANGES, CHANGES):
                for moment in range(MOST_MOMENTS):
                    number = next(numbers)
                    if not await changes.acted(CHANGES[first](next(numbers)), CHANGES[second](number), moment):
                        break
                    assert changes.shows(second, number), f"{first}, then {second} at moment {moment}"
                    tried += 1
            assert tried >= ENOUGH

    scenario()
