"""Which models need no run: the last one found nothing to do, and all that it was decided from is as it was.

A run is decided from what is seen of the model, from what probes were answered, from whose the host is, from the objects that the
spec names, and from the time. The settings stay as they are. Each of these is compared, or asked for, before a run is left out,
and whatever cannot be compared is never left out:

- a run that wrote, deleted, failed, or found something missing or wrong;
- a claim that somebody brought, or a Gateway, which are no objects of the model's;
- pods that have failed: after a while they are told no more;
- a model that waits for the upgrades of others.

Writes nothing, and decides nothing but this.
"""

from collections.abc import Callable
from typing import NamedTuple

from vllm_operator import api
from vllm_operator.controller import hosts, lookups
from vllm_operator.kube import cache, kinds
from vllm_operator.kube.addresses import Address
from vllm_operator.probes import prober
from vllm_operator.status import observed
from vllm_operator.status.dependencies import Dependency


class Inputs(NamedTuple):
    """What is compared. `stamp`: another for each change of anything that is seen of the model."""

    stamp: cache.Stamp
    answers: prober.Answers
    context: int | None
    holder: kinds.Ref | None


class Asked(NamedTuple):
    """What the model asks of others: the address of its edge, the edges that it has, and the objects that it names."""

    address: Address | None
    edges: tuple[kinds.Ref, ...]
    named: tuple[Dependency, ...] = ()


class Run(NamedTuple):
    """A run that found nothing to do, and until when the same is decided again, in unix seconds."""

    inputs: Inputs
    asked: Asked
    until: float


class Settled:
    """The last such run of each model. `clock` gives unix seconds."""

    def __init__(
        self,
        objects: cache.Cache,
        probes: prober.Prober,
        claims: hosts.Hosts,
        named: lookups.Lookups,
        clock: Callable[[], float],
    ) -> None:
        self._cache, self._prober, self._hosts, self._lookups, self._clock = objects, probes, claims, named, clock
        self._runs: dict[kinds.Key, Run] = {}

    def inputs(self, key: kinds.Key, asked: Asked) -> Inputs:
        """Return what a run of the model would be decided from now; nobody else is given its host until `Hosts.end`."""
        holder = self._hosts.holder(key, asked.address, asked.edges)
        return Inputs(self._cache.stamp(key), self._prober.answers(key), self._prober.context(key), holder)

    def keep(self, key: kinds.Key, inputs: Inputs, asked: Asked, until: float) -> None:
        """Keep a run that was decided from `inputs` and found nothing to do, if they are still the same at its end."""
        if self.inputs(key, asked) == inputs:
            self._runs[key] = Run(inputs, asked, until)

    async def until(self, key: kinds.Key) -> float | None:
        """Return until when no run of the model is needed, in unix seconds; None where one is."""
        last = self._runs.get(key)
        if last is None:
            return None
        is_same = last.inputs == self.inputs(key, last.asked) and self._clock() < last.until
        if is_same and not await self._lookups.missing(last.asked.named):
            return last.until
        self.forget(key)
        return None

    def forget(self, key: kinds.Key) -> None:
        """Forget what was decided of the model."""
        self._runs.pop(key, None)


def is_comparable(seen: observed.ObservedState, spec: api.Spec) -> bool:
    """Tell whether `Inputs` holds all that a run of the model is decided from."""
    brought = spec.model.cache.existing_claim if spec.model.cache else None
    routed = kinds.HTTP_ROUTE.kind in {one["kind"] for one in seen.edges().values()}
    return not brought and not routed and not seen.failed()
