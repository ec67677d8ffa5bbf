"""/healthz, /readyz and /metrics of the operator itself.

Live: the event loop turns. Ready: the store is complete, so that a rolling upgrade never runs blind. Metrics carry kinds, verbs,
codes and reasons; never a name that a client chose, and never a secret.
"""

from collections.abc import Awaitable, Callable, Iterable

import prometheus_client
from aiohttp import web

from vllm_operator.kube import kinds, workqueue

Work = Callable[[kinds.Key], Awaitable[float | None]]

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
LEADER = prometheus_client.Gauge("vllm_operator_leader", "1 while this process holds the Lease.", registry=REGISTRY)
MODELS = prometheus_client.Gauge(
    "vllm_operator_models", "Models by condition and its status.", ["condition", "status"], registry=REGISTRY
)


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


def count_models(conditions: Iterable[kinds.Object]) -> None:
    """Count the conditions of all models by type and status."""
    MODELS.clear()
    for one in conditions:
        MODELS.labels(one["type"], one["status"]).inc()


async def serve(port: int, is_ready: Callable[[], bool], refresh: Callable[[], None]) -> web.AppRunner:
    """Serve on all addresses; `refresh` brings the gauges up to date before they are read."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        return (
            web.Response(text="ok\n")
            if is_ready()
            else web.Response(status=503, text="the store is not complete yet\n")
        )

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
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, None, port).start()
    return runner
