"""How the parts are put together, started and ended: order matters, and all of it stands here.

Start: the list of ModelDeployments (no CRD: exit), informers until the store is complete, then the Lease, and only then the
queues. End: begin nothing more, let running work finish, give the Lease back, and then let kopf go, which cancels what it finds.
"""

import asyncio
import contextlib
import logging
import os
import random
import signal
import sys
import threading

import uvloop

from vllm_operator import config
from vllm_operator.controller import handlers, leader_election, metrics, reconcile
from vllm_operator.kube import apply, cache, client, conditions, credentials, errors, informer, kinds, workqueue
from vllm_operator.probes import http_client, prober

LOG = logging.getLogger(__name__)
SWEEP_SECONDS = 600.0  # every model is looked at this often even if nothing happened: the answer to a lost event
GRACE_SECONDS = 5.0
EXIT_SECONDS = 20.0  # a process that does not end by itself after this is ended


class Manager:
    """One operator process."""

    def __init__(self, settings: config.Config, api: client.ApiClient, ask: http_client.Probe) -> None:
        self.settings, self.api, self.store = settings, api, cache.Cache(self._wake)
        self.leader = leader_election.Leader(api, settings.namespace, settings.lease_name, settings.identity)
        api.permit_by(self.leader.check)
        self.lookout = prober.Prober(api, self.store, ask, self._wake)
        work = reconcile.Reconciler(api, self.store, apply.Applier(api, self.store), self.lookout, settings)
        self.queue = workqueue.Queue(metrics.timed(work), settings.workers)
        self.informers = informer.informers(api, self.store, settings.watch_namespaces)
        self.stop, self.relist = asyncio.Event(), asyncio.Event()
        self.leading: asyncio.Task[None] | None = None
        self.failed = False

    async def run(self) -> int:
        """Run until told to end, or until a part of it fails; return the exit status."""
        await self._list_models()
        runner = await metrics.serve(self.settings.http_port, self._is_synced, self._refresh)
        self.leading = asyncio.create_task(self._lead())
        tasks = [asyncio.create_task(one.run()) for one in self.informers]
        watching = asyncio.create_task(handlers.run(self.settings, self._record, self._take_signals))
        tasks += [asyncio.create_task(self._sweep()), self.leading, watching]
        for task in tasks:
            task.add_done_callback(self._ended)
        await self.stop.wait()
        threading.Timer(EXIT_SECONDS, os._exit, (1,)).start()
        await self._end()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await runner.cleanup()
        return 1 if self.failed else 0

    def _take_signals(self) -> None:
        """Take them from kopf, which would cancel what runs before it has finished."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, lambda: asyncio.ensure_future(self._end()))

    async def _end(self) -> None:
        """Begin nothing more, let what runs finish, give the Lease back, and let kopf go. Can be called twice."""
        await self.lookout.stop()
        await self.queue.stop(GRACE_SECONDS)
        if self.leading:
            self.leading.cancel()
            await asyncio.gather(self.leading, return_exceptions=True)
        await self.leader.release()
        self.stop.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A part that ends by itself takes the process along: the next one begins with a clean mind."""
        if not task.cancelled():
            LOG.error("The operator ends part=%s error=%r", task.get_coro(), task.exception())
            self.failed = True
            self.stop.set()

    async def _lead(self) -> None:
        """Work while the Lease is ours."""
        await asyncio.gather(*(one.synced.wait() for one in self.informers))
        await self.leader.acquire()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.leader.keep())
            group.create_task(self.queue.run())
            group.create_task(self.lookout.run())

    async def _record(self, happened: str, model: kinds.Object) -> None:
        """Take in what kopf saw. A list after the start means that deletions may have been missed: list anew ourselves."""
        if happened == "LISTED" and self._is_synced():
            self.relist.set()
        self.store.remove(model) if happened == "DELETED" else self.store.put(model)

    async def _sweep(self) -> None:
        while True:
            pause = SWEEP_SECONDS * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, guards nothing
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.relist.wait(), pause)
            self.relist.clear()
            with contextlib.suppress(errors.ApiError):
                await self._list_models()
            for key in self.store.models():
                self.queue.add(key)

    async def _list_models(self) -> None:
        kind = kinds.MODEL_DEPLOYMENT
        for namespace in self.settings.watch_namespaces or ("",):
            listed, version = set(), "0"
            async for page in self.api.list(kind, namespace):
                version = page.resource_version
                listed |= {kinds.ref(model) for model in page.items}
                for model in page.items:
                    self.store.put(model)
            self.store.purge(kind, namespace, listed, version)

    def _wake(self, key: kinds.Key) -> None:
        self.queue.add(key)

    def _is_synced(self) -> bool:
        return all(one.synced.is_set() for one in self.informers)

    def _refresh(self) -> None:
        metrics.set_depth(self.queue.depth)
        metrics.LEADER.set(self.leader.holds())
        models = [self.store.model(key) or {} for key in self.store.models()]
        metrics.count_models([one for model in models for one in conditions.conditions(model)])


async def _run(settings: config.Config) -> int:
    async with client.ApiClient(credentials.find(), metrics.observe) as api, http_client.Probe() as ask:
        try:
            return await Manager(settings, api, ask).run()
        except errors.NotFound:
            LOG.error("The API server knows no ModelDeployments: install the CRD (helm does, or crds/)")  # noqa: TRY400 - no traceback
            return 1


def main() -> int:
    """Run the operator with the settings of the environment; return the exit status."""
    settings = config.Config()
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    for chatty in ("kopf.objects", "kopf.activities", "kopf._core"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    status_code = uvloop.run(_run(settings))
    logging.shutdown()
    os._exit(status_code)
