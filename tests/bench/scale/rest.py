"""Phases in which the operator is to write nothing: at rest, woken, looked at, restarted, and after the models are gone."""

import asyncio
import os
import time

from tests.bench.scale import audit, cluster, load, measure, processes, wire
from vllm_operator.kube import kinds, naming, requests

REST = float(os.environ.get("REST", "5"))  # seconds
WAKES = 300
POLL = 0.1
POLLED = 20_000  # models a second that an answer of /metrics may count, for it counts them all
SETTLE = 3.0
GONE_POLL = 1.0
LEASE = "/apis/coordination.k8s.io/v1/namespaces/default/leases/vllm-operator"
CHECKED = "vllm_operator_reconciles_total"
WAITING = "vllm_operator_queue_depth"


async def resting(on: cluster.Cluster) -> measure.Phase:
    """Rest; return what the operator holds in memory then, and what it did meanwhile."""
    on.log.fresh()
    before = on.cpu()["operator"]
    await asyncio.sleep(REST)
    pid = on.servers["operator"]
    return {
        "resident MB": processes.resident(pid),
        "peak MB": processes.peak(pid),
        "cpu share": (on.cpu()["operator"] - before) / REST,
        "writes": len(audit.writes(on.log.fresh())),
    }


async def woken(
    on: cluster.Cluster, one: cluster.Operator, api: wire.Api, names: list[str], wakes: int
) -> measure.Phase:
    """Wake models for nothing, `wakes` times at least; return the operator's CPU milliseconds for each run."""
    chosen = names[:wakes]
    rounds = -(-wakes // len(chosen))
    on.log.fresh()
    before, runs = on.cpu()["operator"], one.metrics()[CHECKED]
    for number in range(rounds):
        await load.wake(api, chosen, number)
        await asyncio.sleep(SETTLE)  # or two wakes of a model are one run
    cpu = on.cpu()["operator"] - before
    runs = one.metrics()[CHECKED] - runs
    calls = on.log.fresh()
    return {
        "runs": runs,
        "wakes": rounds * len(chosen),
        "cpu ms": 1000 * cpu / max(runs, 1),
        "calls per model": {name: count / max(runs, 1) for name, count in audit.counts(calls).items()},
        "writes": len(audit.writes(calls)),
    }


async def looked_at(on: cluster.Cluster, one: cluster.Operator, api: wire.Api, models: int) -> measure.Phase:
    """Have the operator look at all models of which nothing changed; return its CPU milliseconds for each.

    It does so every ten minutes, and whenever it begins to lead: so its Lease is given back in its name. The first look
    finds out that there is nothing to do.
    """
    found: measure.Phase = {}
    for _ in range(2):
        on.log.fresh()
        before, runs = on.cpu()["operator"], one.metrics()[CHECKED]
        await api.ask("PATCH", LEASE, {"spec": {"holderIdentity": None, "leaseDurationSeconds": 1}}, wire.MERGE)
        while not _is_done(one.metrics(), runs + models):  # noqa: ASYNC110 - the operator is another process
            await asyncio.sleep(1)
        cpu, calls = on.cpu()["operator"] - before, on.log.fresh()
        found = {"cpu ms": 1000 * cpu / models, "writes": len(audit.writes(calls))}
    return found


async def restarted(on: cluster.Cluster, one: cluster.Operator, models: int) -> measure.Phase:
    """Restart the operator; return how long it took from the start of the process until every model was checked."""
    one.end()
    on.log.fresh()
    since = time.monotonic()
    one.start()
    on.servers["operator"] = one.process.pid
    while not _is_done(one.metrics(), models):  # noqa: ASYNC110 - the operator is another process
        await asyncio.sleep(max(POLL, models / POLLED))
    seconds, cpu = time.monotonic() - since, on.cpu()["operator"]
    await asyncio.sleep(SETTLE)
    calls = on.log.fresh()
    return {
        "seconds": seconds,
        "cpu": {"operator": cpu},
        "runs": one.metrics()[CHECKED],
        "calls per model": {name: count / models for name, count in audit.counts(calls).items()},
        "writes": len(audit.writes(calls)),
    }


async def deleted(on: cluster.Cluster, api: wire.Api, names: list[str]) -> measure.Phase:
    """Delete all models; return how long it took until nothing of them was left."""
    on.log.fresh()
    since = time.monotonic()
    await load.delete(api, names)
    while left := await _left(api):
        if time.monotonic() > since + measure.PATIENCE:
            break
        await asyncio.sleep(GONE_POLL)
    seconds = time.monotonic() - since
    return {"seconds": seconds, "left": left, "writes": len(audit.writes(on.log.fresh()))}


def _is_done(metrics: dict[str, float], runs: float) -> bool:
    """Tell whether every model was worked on: as many runs as that, and none waits."""
    return metrics.get(CHECKED, 0) >= runs and metrics.get(WAITING) == 0


async def _left(api: wire.Api) -> list[str]:
    """Return the kinds of which something of a model is left."""
    found = []
    for kind in (one for one in kinds.CHILDREN if one not in kinds.OPTIONAL):
        path = f"{requests.all_of(kind, 'default').path}?limit=1&labelSelector={naming.MODEL_LABEL}"
        if (await api.ask("GET", path))["items"]:
            found.append(kind.kind)
    return found
