"""kopf's wiring and nothing else: ModelDeployments come in through kopf, are recorded in the store and wake their key.

Only plain events are handled: nothing is patched, no finalizer is set, deletion never waits for the operator.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import kopf

from vllm_operator import config
from vllm_operator.kube import kinds

Record = Callable[[str, kinds.Object], Awaitable[None]]
"""Called with `ADDED`, `MODIFIED`, `DELETED` or `LISTED` and the ModelDeployment."""


class NoDiffBase(kopf.DiffBaseStorage):
    """kopf's memory of what an object was: not needed, and half the CPU of an event."""

    def fetch(self, **_: Any) -> None:
        """Return nothing: there is no memory."""

    def store(self, **_: Any) -> None:
        """Keep nothing."""


async def run(settings: config.Config, record: Record, started: Callable[[], None]) -> None:
    """Watch the ModelDeployments until cancelled; `started` is called once kopf has taken the signals."""
    await kopf.operator(
        registry=_registry(record, started),
        settings=_settings(),
        standalone=True,
        clusterwide=not settings.watch_namespaces,
        namespaces=settings.watch_namespaces,
    )


def _registry(record: Record, started: Callable[[], None]) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def login(**known: Any) -> kopf.ConnectionInfo | None:
        if os.environ.get("KUBECONFIG"):
            return kopf.login_with_kubeconfig(**known)
        return kopf.login_with_service_account(**known) or kopf.login_with_kubeconfig(**known)

    @kopf.on.startup(registry=registry)
    async def begun(**_: Any) -> None:
        asyncio.get_running_loop().call_soon(
            started
        )  # kopf takes the signals in this turn of the loop: ours is the next

    @kopf.on.event(kinds.GROUP, kinds.VERSION, kinds.MODEL_DEPLOYMENT.plural, registry=registry)
    async def changed(event: Any, **_: Any) -> None:
        await record(event["type"] or "LISTED", dict(event["object"]))

    return registry


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.persistence.finalizer = f"{kinds.GROUP}/never-set"
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.consistency_timeout = 0
    settings.queueing.idle_timeout = 1
    settings.watching.chunk_size = 500
    settings.watching.server_timeout = 290
    settings.watching.client_timeout = 320
    settings.watching.initial_streaming = False
    settings.scanning.disabled = True  # the CRD is there: main looked before
    settings.posting.enabled = False
    settings.process.ultimate_exiting_timeout = 10
    return settings
