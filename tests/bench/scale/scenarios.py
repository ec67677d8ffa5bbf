"""What is measured, on a fresh cluster each: the floor and the operator with many models, and both with one model at a time."""

import os
from collections.abc import Awaitable, Callable

from tests.bench.scale import audit, cluster, floor, load, measure, recording, rest, wire

ONE_BY_ONE = int(os.environ.get("ONE_BY_ONE", "50"))
FOREIGN = 200

Phases = dict[str, measure.Phase]


async def record() -> recording.Recording:
    """Let the operator make one model and change it; return what it wrote."""
    chosen = [recording.MODEL]
    with cluster.fresh() as on, cluster.operator(on):
        async with wire.Api(on.admin) as api:
            await measure.follow(on, load.create(api, chosen), chosen)
            before = await recording.state(api)
            created, edited = recording.creation(before), {}
            for what in load.EDITS:
                await measure.follow(on, load.edit(api, chosen, what), chosen)
                after = await recording.state(api)
                edited[what] = recording.edition(before, after)
                before = after
            return recording.Recording(before.model["metadata"]["uid"], created, edited)


async def bare(models: int, recorded: recording.Recording) -> Phases:
    """Measure the floor of many models: created at once, and each edit of all."""
    names = load.names(models)
    with cluster.fresh() as on:
        async with floor.writing(on, recorded) as writer:
            done = await measure.follow(on, writer.create(names), names)
            found = {"create": measure.summary(done, models, created=True)}
            for what in load.EDITS:
                done = await measure.follow(on, writer.edit(names, what), names)
                found[what] = measure.summary(done, models, created=False)
    return found


async def crowd(models: int, wakes: int = rest.WAKES) -> Phases:
    """Measure the operator with many models: created at once, each edit of all, woken, looked at, restarted, deleted."""
    names = load.names(models)
    with cluster.fresh() as on, cluster.operator(on) as one:
        async with wire.Api(on.admin) as api:
            done = await measure.follow(on, load.create(api, names), names)
            found = {"create": measure.summary(done, models, created=True)}
            for what in load.EDITS:
                done = await measure.follow(on, load.edit(api, names, what), names)
                found[what] = measure.summary(done, models, created=False)
            found["rest"] = await rest.resting(on)
            found["wake"] = await rest.woken(on, one, api, names, wakes)
            found["look"] = await rest.looked_at(on, one, api, models)
            found["restart"] = await rest.restarted(on, one, models)
            found["rest after restart"] = await rest.resting(on)
            found["delete"] = await rest.deleted(on, api, names)
    return found


async def single_bare(recorded: recording.Recording) -> Phases:
    """Measure the floor of one model at a time."""
    with cluster.fresh() as on:
        async with floor.writing(on, recorded) as writer:
            return {"one": await _one_by_one(on, lambda name: writer.create([name]))}


async def single() -> Phases:
    """Measure the operator without models, with one at a time, and beside large Secrets that are none of its own."""
    with cluster.fresh() as on, cluster.operator(on):
        async with wire.Api(on.admin) as api:
            found = {"rest": await rest.resting(on)}
            found["one"] = await _one_by_one(on, lambda name: load.create(api, [name]))
            before = await rest.resting(on)
            await load.foreign(api, FOREIGN)
            after = await rest.resting(on)
    grown = {field: after[field] - before[field] for field in ("resident MB", "peak MB")}
    return {**found, "foreign": grown}


async def _one_by_one(on: cluster.Cluster, create: Callable[[str], Awaitable[object]]) -> measure.Phase:
    names = load.names(ONE_BY_ONE)
    calls: list[audit.Call] = []
    before = on.cpu()
    for name in names:
        calls += (await measure.follow(on, create(name), [name], quiet=0.0)).calls
    cpu = {part: used - before[part] for part, used in on.cpu().items()}
    return measure.summary(measure.Followed(calls, cpu), len(names), created=True)
