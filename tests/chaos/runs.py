"""One workload with one fault, from an empty cluster to rest, in virtual time; and which of them there are."""

import asyncio
import functools
import gc
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests import clock, operator_process
from tests.chaos import at_rest, faults, machinery, watch_faults, workloads
from vllm_operator.kube import kinds, naming

SETTLES_SECONDS = 60.0
AT_REST_SECONDS = 700.0  # a round of periodic checks is among them
STORMS = 20
KILLS = {"killed before", "killed after"}

INGRESS_CLASS = {
    "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "contour"},
}  # fmt: skip

AT_WRITE: dict[str, Callable[[int], faults.AtWrite]] = {
    "killed before": faults.Killed,
    "killed after": faults.KilledAfter,
    "failed over at": faults.FailedOver,
    "ended at": faults.Ended,
    "suspended at": faults.Suspended,
    "cut off at": faults.CutOff,
    **{f"{name} at": functools.partial(faults.Refused, error=error) for name, error in faults.REFUSALS.items()},
    "timed out after": functools.partial(faults.TimedOut, error=faults.TIMED_OUT),
}
WATCHES: dict[str, Callable[[], faults.Fault]] = {
    "watches duplicated": watch_faults.Duplicated,
    "watches rewound": watch_faults.Rewound,
    "watches dropped": watch_faults.Dropped,
    "watches frozen": watch_faults.Frozen,
    "watches expired": watch_faults.Relisted,
    "watches expired again and again": watch_faults.Forgotten,
    **{
        f"{kind}s late": functools.partial(watch_faults.Late, kind)
        for kind in ("ModelDeployment", "Secret", "Deployment")
    },
}


class Run(NamedTuple):
    """One run; its name says what is done, and what goes wrong."""

    workload: str
    fault: str
    make: Callable[[], faults.Fault]

    @property
    def name(self) -> str:
        """Say it in words."""
        return f"{self.workload}: {self.fault}"


class Outcome(NamedTuple):
    """What a run left: what is at rest, how many writes it took, and what should not have been."""

    rest: at_rest.Rest
    writes: int
    wrong: tuple[str, ...]


@functools.cache
def undisturbed(workload: str) -> Outcome:
    """Return what the workload leaves where nothing goes wrong."""
    found = lived(Run(workload, "undisturbed", faults.Fault))
    assert not found.wrong, found.wrong
    return found


def wrong(run: Run) -> tuple[str, ...]:
    """Do a run; return in what it differs from the undisturbed one, nothing where all is well."""
    found, expected = lived(run), undisturbed(run.workload)
    return (*found.wrong, *_differences(found.rest, expected.rest))


def lived(run: Run) -> Outcome:
    """Do a run."""
    random.seed(run.name)
    try:
        with asyncio.Runner(loop_factory=clock.Loop) as runner:
            return runner.run(_live(workloads.WORKLOADS[run.workload], run.make()))
    finally:
        gc.collect()  # a world holds itself


def every(workload: str) -> Iterator[Run]:
    """Yield all runs of a workload: a kill at each write, each other fault at every third, those of watches, and storms."""
    for name, make in WATCHES.items():
        yield Run(workload, name, make)
    for seed in range(STORMS):
        yield Run(workload, f"storm {seed}", functools.partial(faults.Storm, seed))
    for place, (name, of_write) in enumerate(AT_WRITE.items()):
        first, step = (0, 1) if name in KILLS else (place % 3, 3)
        for at in range(first, undisturbed(workload).writes, step):
            yield Run(workload, f"{name} write {at}", functools.partial(of_write, at))


async def _live(steps: tuple[workloads.Step, ...], fault: faults.Fault) -> Outcome:
    world = operator_process.World()
    works = machinery.Machinery(world.cluster)
    world.servers = lambda: machinery.Servers(world.cluster)
    fault.world, world.through = world, fault.through
    world.meet = lambda connection, _verb, _ref, when: fault.meet(connection, when)
    strangers = [await world.cluster.create_by("stranger", one) for one in (INGRESS_CLASS, *_strangers())]
    working = asyncio.create_task(works.run())
    async with world.running("p0"):
        if fault.standby:
            world.start("p1")
        for step in steps:
            await _done(world, fault, step)
        written = len(world.writes)
        await asyncio.sleep(AT_REST_SECONDS)
    working.cancel()
    touched = [f"touched: {kinds.ref(one)}" for one in strangers if world.cluster.objects.get(kinds.ref(one)) != one]
    strays = [f"written without the Lease: {write}" for write in world.strays()]
    restless = [f"written at rest: {write.verb} {write.ref}" for write in world.writes[written:]]
    returned = [f"accepts a revoked key again: {name}" for name in at_rest.returned(world.cluster)]
    found = at_rest.rest(world.cluster, len(works.started))
    return Outcome(found, written, (*touched, *strays, *restless, *returned))


async def _done(world: operator_process.World, fault: faults.Fault, step: workloads.Step) -> None:
    going_wrong = asyncio.create_task(fault.during())
    await asyncio.sleep(0)
    await step(world)
    await going_wrong
    await asyncio.sleep(SETTLES_SECONDS)


def _strangers() -> Iterator[kinds.Object]:
    """Yield what is nobody's of the operator, though its label or its name looks so."""
    for kind, name, labels in (
        ("Secret", "vllm11.key.stranger", {naming.MODEL_LABEL: "vllm11"}),
        ("Secret", "vllm11.old", {}),
        ("Service", "foreign", {naming.MODEL_LABEL: "vllm11"}),
        ("ControllerRevision", "vllm11.template.foreign", {naming.MODEL_LABEL: "vllm11"}),
        ("NetworkPolicy", "default-deny", {}),
    ):
        metadata = {"name": name, "namespace": "models", "labels": labels}
        body = {"spec": {"ports": [{"name": "http", "port": 80}]}} if kind == "Service" else {}
        yield {"apiVersion": kinds.BY_NAME[kind].api_version, "kind": kind, "metadata": metadata, **body}


def _differences(found: at_rest.Rest, expected: at_rest.Rest) -> Iterator[str]:
    yield from at_rest.differences(found.objects, expected.objects)
    if found.keys != expected.keys:
        yield f"keys were made: {found.keys}, not {expected.keys}"
    for name, had in found.templates.items():
        if not _is_among(had, expected.templates.get(name, ())):
            yield f"servers of {name} were made of {had}, not {expected.templates.get(name)}"
    if found.pods > expected.pods:
        yield f"{found.pods} pods were started, not {expected.pods}"


def _is_among(had: tuple[str, ...], expected: tuple[str, ...]) -> bool:
    """Tell whether `had` follows `expected`, where some may be left out."""
    left = iter(expected)
    return all(one in left for one in had)
