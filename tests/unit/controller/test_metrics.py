"""/healthz, /readyz and /metrics as kubelet, helm and Prometheus ask for them."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import aiohttp

from vllm_operator.controller import metrics
from vllm_operator.kube import informer, kinds, workqueue


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Operator:
    """What is served is `readiness`; `refreshed` counts how often the gauges were set."""

    def __init__(self) -> None:
        self.readiness = metrics.Readiness(False, "not yet")
        self.refreshed = 0
        self.port = free_port()

    def refresh(self) -> None:
        self.refreshed += 1

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[aiohttp.ClientSession]:
        task = asyncio.create_task(metrics.serve(self.port, lambda: self.readiness, self.refresh))
        async with aiohttp.ClientSession(f"http://127.0.0.1:{self.port}") as session, asyncio.timeout(30):
            while not await self._answers(session):  # noqa: ASYNC110 - the server begins in a task
                await asyncio.sleep(0.01)
            yield session
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        with contextlib.suppress(aiohttp.ClientConnectorError):
            return (await asked(session, "/healthz")) == (200, "ok\n")
        return False


async def asked(session: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with session.get(path) as answer:
        return answer.status, await answer.text()


def value(name: str, **labels: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(f"vllm_operator_{name}", labels)


async def test_readiness_is_told_as_it_is() -> None:
    operator = Operator()
    async with operator.serving() as session:
        assert await asked(session, "/readyz") == (503, "not yet\n")
        operator.readiness = metrics.Readiness(True, "ok\npods in gone cannot be read")
        assert await asked(session, "/readyz") == (200, "ok\npods in gone cannot be read\n")


async def test_metrics_are_brought_up_to_date_before_they_are_told() -> None:
    operator = Operator()
    async with operator.serving() as session:
        metrics.observe("create", "secrets", 201)
        status, text = await asked(session, "/metrics")
        assert status == 200
        assert 'vllm_operator_api_calls_total{code="201",resource="secrets",verb="create"}' in text
        assert operator.refreshed == 1


async def test_runs_are_counted_by_what_became_of_them() -> None:
    async def work(key: kinds.Key) -> float | None:
        if key.name == "bad":
            raise ValueError
        return 7.0

    before = {outcome: value("reconciles_total", outcome=outcome) or 0 for outcome in ("ok", "error")}
    assert await metrics.timed(work)(kinds.Key("models", "good")) == 7
    with contextlib.suppress(ValueError):
        await metrics.timed(work)(kinds.Key("models", "bad"))
    for outcome in ("ok", "error"):
        assert value("reconciles_total", outcome=outcome) == before[outcome] + 1


def test_models_are_counted_by_condition_and_those_that_are_gone_are_not() -> None:
    up, down = ("Ready", "True", "Ready"), ("Ready", "False", "OutOfMemory")
    serves = ("Available", "True", "Serving")
    metrics.count_models([(up, serves), (down, serves), (("Ready", "Unknown", "Checking"),), ()])
    assert value("models", condition="Available", status="True") == 2
    assert value("models", condition="Ready", status="False") == 1
    assert value("models_checked") == 4
    assert (value("models_not_ready", reason="OutOfMemory"), value("models_not_ready", reason="Checking")) == (1, 1)
    assert value("models_not_ready", reason="Ready") is None
    metrics.count_models([(up,)])
    assert value("models_not_ready", reason="OutOfMemory") is None
    assert value("models", condition="Available", status="True") is None
    assert value("models_checked") == 1


def test_what_waits_is_told_by_priority() -> None:
    metrics.set_depth(workqueue.Depth(changed=3, idle=40))
    assert (value("queue_depth", priority="changed"), value("queue_depth", priority="idle")) == (3, 40)


def test_what_cannot_be_read_is_told_while_it_cannot() -> None:
    failures = [informer.Failure(kinds.POD, "", 100.0, "Forbidden"), informer.Failure(kinds.SECRET, "a", 150.0, "Down")]
    metrics.set_failing(failures, now=160.0)
    assert value("informer_failing_seconds", kind="pods", namespace="*") == 60
    assert value("informer_failing_seconds", kind="secrets", namespace="a") == 10
    metrics.set_failing([], now=200.0)
    assert value("informer_failing_seconds", kind="pods", namespace="*") is None
