"""/healthz, /readyz and /metrics of the operator itself.

Live: the event loop turns. Ready: what is watched is known, so that a rolling upgrade never runs blind. Metrics carry kinds,
verbs, codes and reasons; never a name that a client chose, and never a secret.
"""

import asyncio
import collections
import itertools
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

import prometheus_client
from aiohttp import web

from vllm_operator.kube import informer, kinds, workqueue

Work = Callable[[kinds.Key], Awaitable[float | None]]
Conditions = tuple[tuple[str, str, str], ...]
"""The conditions of one model: type, status and reason of each."""
CLOSE_SECONDS = 1.0

REGISTRY = prometheus_client.CollectorRegistry()
RECONCILES = prometheus_client.Counter(
    "vllm_operator_reconciles", "Models worked on, by outcome.", ["outcome"], registry=REGISTRY
)
DURATION = prometheus_client.Histogram(
    "vllm_operator_reconcile_duration_seconds", "How long one model was worked on.", registry=REGISTRY
)
API_CALLS = prometheus_client.Counter(
    "vllm_operator_api_calls", "Calls to the API server.", ["verb", "resource", "code"], registry=REGISTRY
)
QUEUE_DEPTH = prometheus_client.Gauge(
    "vllm_operator_queue_depth",
    "Models that wait to be worked on: because something changed, or for their periodic check (idle).",
    ["priority"],
    registry=REGISTRY,
)
LEFT = prometheus_client.Gauge(
    "vllm_operator_models_left", "Models that another installation of the operator works on.", registry=REGISTRY
)
LEADER = prometheus_client.Gauge("vllm_operator_leader", "1 while this process holds the Lease.", registry=REGISTRY)
MODELS = prometheus_client.Gauge(
    "vllm_operator_models", "Models by condition and its status.", ["condition", "status"], registry=REGISTRY
)
NOT_READY = prometheus_client.Gauge(
    "vllm_operator_models_not_ready", "Models that are not Ready, by reason.", ["reason"], registry=REGISTRY
)
CHECKED = prometheus_client.Gauge(
    "vllm_operator_models_checked",
    "Models that were worked on at least once since this process began to lead.",
    registry=REGISTRY,
)
FAILING = prometheus_client.Gauge(
    "vllm_operator_informer_failing_seconds",
    "How long a kind could not be listed or watched, while it cannot. The namespace * means all.",
    ["kind", "namespace"],
    registry=REGISTRY,
)


class Readiness(NamedTuple):
    """The answer of /readyz."""

    ready: bool
    text: str


def observe(verb: str, resource: str, code: int) -> None:
    """Count one call to the API server; `code` 0 means that no answer came."""
    API_CALLS.labels(verb, resource, str(code)).inc()


def timed(work: Work) -> Work:
    """Return `work`, counted and timed."""

    async def measured(key: kinds.Key) -> float | None:
        outcome = "error"
        with DURATION.time():
            try:
                again = await work(key)
                outcome = "ok"
            finally:
                RECONCILES.labels(outcome).inc()
        return again

    return measured


def set_depth(depth: workqueue.Depth) -> None:
    """Set how many models wait, by priority."""
    QUEUE_DEPTH.labels("changed").set(depth.changed)
    QUEUE_DEPTH.labels("idle").set(depth.idle)


def count_models(conditions: Iterable[Conditions]) -> None:
    """Count the models that were worked on, their conditions by type and status, and why they are not Ready."""
    checked = list(conditions)
    CHECKED.set(len(checked))
    found = list(itertools.chain.from_iterable(checked))
    _count(MODELS, ((kind, status) for kind, status, _ in found))
    _count(NOT_READY, ((reason,) for kind, status, reason in found if kind == "Ready" and status != "True"))


def _count(gauge: prometheus_client.Gauge, labels: Iterable[tuple[str, ...]]) -> None:
    """Set the gauge to how often its labels were found; the others of before are gone."""
    gauge.clear()
    for values, count in collections.Counter(labels).items():
        gauge.labels(*values).set(count)


def set_failing(failures: Iterable[informer.Failure], now: float) -> None:
    """Set since when which kinds cannot be read; `now` is on the clock of the event loop."""
    FAILING.clear()
    for one in failures:
        FAILING.labels(one.kind.plural, one.namespace or "*").set(now - one.since)


async def serve(port: int, readiness: Callable[[], Readiness], refresh: Callable[[], None]) -> None:
    """Serve on all addresses until cancelled; `refresh` sets the gauges before they are read."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        ready, text = readiness()
        return web.Response(status=200 if ready else 503, text=f"{text}\n")

    async def metrics(_: web.Request) -> web.Response:
        refresh()
        return web.Response(
            body=prometheus_client.generate_latest(REGISTRY),
            headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST},
        )

    application = web.Application()
    application.router.add_get("/healthz", healthz)
    application.router.add_get("/readyz", readyz)
    application.router.add_get("/metrics", metrics)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=CLOSE_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, _listening(port)).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _listening(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
