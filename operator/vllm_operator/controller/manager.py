"""How the parts of the process are put together, started and ended.

Start: /readyz and /metrics, and the informers. Once these are ready: the Lease. While it is held: its renewal, the work queue and
the prober. Where it is lost: all work ends, and it is sought again.
End: nothing new begins, running work ends within a grace, the Lease is given back, and then the rest ends.
"""

import asyncio
import collections
import gc
import logging
import sys
from collections.abc import Callable

import uvloop

from vllm_operator import config
from vllm_operator.controller import handlers, hosts, leader_election, memory, metrics, reconcile, schedule
from vllm_operator.kube import apply, cache, client, conditions, errors, informer, kinds, workqueue
from vllm_operator.probes import http_client, prober

LOG = logging.getLogger(__name__)
GARBAGE = (50_000, 20, 50)  # what is decoded holds no cycles: collected this seldom, a list costs half the CPU
GRACE_SECONDS, STOP_SECONDS = 5.0, 15.0
CHECKED_AT_ONCE = 4
"""Models of one namespace without a change: a check is CPU alone, but for the first one after an upgrade, which writes."""
MOST_MISSED = 10_000  # changes that are remembered while another process leads
LONG_SECONDS = 60.0  # after which an informer that fails is named in /readyz


class Manager:
    """One operator process. `ended` is set once it has ended, or a part of it has by itself, which is `failed`."""

    def __init__(
        self,
        settings: config.Config,
        api: client.ApiClient,
        ask: prober.Asking,
        clock: Callable[[], float] = leader_election.boottime,
    ) -> None:
        self.ended, self.failed = asyncio.Event(), False
        self._settings = settings
        self._leader = leader_election.Leader(
            api, settings.namespace, settings.lease_name, settings.identity, clock=clock
        )
        api.permit_by(self._leader.check)
        claims = hosts.Hosts(settings, self._wake)
        self._cache = cache.Cache(self._wake, claims, memory.for_objects())
        self._informers = informer.Informers(api, self._cache, settings.watch_namespaces, self._synced)
        sees_nodes = not settings.watch_namespaces
        self._prober = prober.Prober(api, self._cache, ask, self._wake, sees_nodes=sees_nodes)
        applier = apply.Applier(api, self._cache)
        self._reconciler = reconcile.Reconciler(api, self._cache, applier, self._prober, settings, claims=claims)
        self._reconcile = metrics.timed(self._reconciler)
        self._queue = workqueue.Queue(
            self._work, settings.workers, idle_from=schedule.SOONEST_RESYNC_SECONDS, idle_workers=CHECKED_AT_ONCE
        )
        self._missed: collections.OrderedDict[kinds.Key, None] = collections.OrderedDict()
        self._checked: dict[kinds.Key, metrics.Conditions] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start all parts."""
        serving = metrics.serve(self._settings.http_port, self.readiness, self.refresh)
        for part in (serving, self._informers.run(), self._lead()):
            task = asyncio.create_task(part)
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    async def stop(self) -> None:
        """End in order; what takes longer than STOP_SECONDS is cut off. The Lease of work that was cut off runs out by itself."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._prober.stop()
                all_ended = await self._queue.stop(GRACE_SECONDS)
                await self._cancel()
                if all_ended:
                    await self._leader.release()
        except TimeoutError:
            LOG.warning("The process did not end in order within %.0f s", STOP_SECONDS)
        self.ended.set()

    def readiness(self) -> metrics.Readiness:
        """Return the answer of /readyz: ready once what is watched is known, and what cannot be read for a minute."""
        now = asyncio.get_running_loop().time()
        long = [one for one in self._informers.failures() if now - one.since >= LONG_SECONDS]
        lines = [
            f"{one.kind.plural} in {one.namespace or 'all namespaces'} cannot be read for {now - one.since:.0f} s: {one.reason}"
            for one in long
        ]
        ready = self._informers.are_ready()
        return metrics.Readiness(ready, "\n".join(["ok" if ready else "not all that is watched is known yet", *lines]))

    def refresh(self) -> None:
        """Set the gauges."""
        metrics.LEADER.set(self._leader.holds())
        metrics.LEFT.set(len(self._reconciler.left))
        metrics.set_depth(self._queue.depth)
        metrics.set_failing(self._informers.failures(), asyncio.get_running_loop().time())
        metrics.count_models(self._checked.values())

    async def _lead(self) -> None:
        """Work whenever the Lease is ours."""
        await self._informers.ready()
        while True:
            await self._leader.acquire()
            self._checked.clear()
            self._check_missed()
            self._check_all()
            try:
                async with asyncio.TaskGroup() as group:
                    for part in (self._leader.keep(), self._queue.run(), self._prober.run()):
                        group.create_task(part)
            except* errors.Lost as lost:
                LOG.warning("All work has ended: %s", lost.exceptions[0])

    async def _work(self, key: kinds.Key) -> float | None:
        """Work on one model, unless what is not known of its namespace yet would look deleted."""
        if not self._informers.knows(key.namespace):
            return None
        due = await self._reconcile(key)
        self._checked.pop(key, None)
        if model := self._cache.model(key):
            found = conditions.conditions(model)
            self._checked[key] = tuple((one["type"], one["status"], one["reason"]) for one in found)
        return due

    def _wake(self, key: kinds.Key) -> None:
        """Queue a model: first where it changed under our eyes, in its turn where it was only listed.

        While another leads it is only noted, the last to change at the end.
        """
        if self._leader.holds():
            self._queue.add(key, idle=not self._informers.knows(key.namespace))
            return
        self._missed[key] = None
        self._missed.move_to_end(key)
        if len(self._missed) > MOST_MISSED:
            self._missed.popitem(last=False)

    def _synced(self, namespace: str) -> None:
        """Queue the models of a namespace that became known while we lead."""
        if self._leader.holds():
            self._check_all(namespace)

    def _check_missed(self) -> None:
        """Queue what changed while we did not lead, the newest change first; a spec that no leader has seen before all checks."""
        for key in reversed(self._missed):
            self._queue.add(key, idle=self._is_seen(key))
        self._missed.clear()

    def _is_seen(self, key: kinds.Key) -> bool:
        """Tell whether a leader has worked on the model's newest spec, or there is no such model."""
        model = self._cache.model(key)
        return not model or model.get("status", {}).get("observedGeneration") == model["metadata"]["generation"]

    def _check_all(self, namespace: str = "") -> None:
        for key in self._cache.models():
            if namespace in ("", key.namespace):
                self._queue.add(key, idle=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A part that ends by itself takes the process along: the next one begins with a clean mind."""
        if not task.cancelled():
            LOG.error("A part of the operator ended part=%s", task.get_coro(), exc_info=task.exception())
            self.failed = True
            self.ended.set()

    async def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _run(settings: config.Config) -> int:
    try:
        async with client.ApiClient(handlers.login, metrics.observe) as api, http_client.Probe() as ask:
            return await handlers.run(Manager(settings, api, ask))
    except errors.Denied as error:
        LOG.error("The operator cannot log in error=%s", error)  # noqa: TRY400 - the words say it all
        return 1


def main() -> int:
    """Run the operator with the settings of the environment; return the exit status."""
    settings = config.Config()
    gc.set_threshold(*GARBAGE)
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    for chatty in ("kopf.activities", "kopf._core"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return uvloop.run(_run(settings))
