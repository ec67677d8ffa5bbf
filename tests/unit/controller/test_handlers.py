"""kopf, the real one, runs the process: it starts the manager, stops it before anything else ends, and needs no API server."""

import asyncio
import contextlib
import logging
import os
import pathlib
import signal
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests import clock, http_stub
from vllm_operator.controller import handlers
from vllm_operator.kube import backoff

DEFINITIONS = "apiextensions.k8s.io"
VERSIONS = {
    "/api": {"versions": ["v1"]},
    "/api/v1": {
        "resources": [
            {
                "name": "namespaces",
                "singularName": "",
                "namespaced": False,
                "kind": "Namespace",
                "verbs": ["list", "watch"],
            },
            {"name": "events", "singularName": "", "namespaced": True, "kind": "Event", "verbs": ["create"]},
        ]
    },
    "/apis": {
        "groups": [
            {"name": DEFINITIONS, "versions": [{"version": "v1"}], "preferredVersion": {"version": "v1"}},
            {"name": "serving.byteshop.in", "versions": [{"version": "v1"}], "preferredVersion": {"version": "v1"}},
        ]
    },
    f"/apis/{DEFINITIONS}/v1": {
        "resources": [
            {
                "name": "customresourcedefinitions", "singularName": "", "namespaced": False,
                "kind": "CustomResourceDefinition", "verbs": ["list", "watch"],
            }
        ]
    },
}  # fmt: skip


class Manager:
    """Has one part that works until `stop`, which takes a moment."""

    def __init__(self) -> None:
        self.ended, self.failed = asyncio.Event(), False
        self.part: asyncio.Task[None] | None = None
        self.worked_to_the_end = False

    def start(self) -> None:
        self.part = asyncio.create_task(asyncio.sleep(1000))

    async def stop(self) -> None:
        assert self.part
        await asyncio.sleep(0.3)
        self.worked_to_the_end = not self.part.done()
        self.part.cancel()
        self.ended.set()

    def fail(self) -> None:
        self.failed = True
        self.ended.set()

    def is_started(self) -> bool:
        return self.part is not None


class ApiServer:
    """Answers `troubles` first, and then which versions it has."""

    def __init__(self, *troubles: str) -> None:
        self.troubles = list(troubles)
        self.stub = http_stub.Stub(self.answer)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble == "cut":
            assert request.transport
            request.transport.abort()
        if trouble.isdecimal():
            return web.json_response(http_stub.status("Trouble"), status=int(trouble))
        return web.json_response(VERSIONS[request.path])

    def is_scanned(self) -> bool:
        return not self.troubles and {path for _, path in self.stub.requests} == set(VERSIONS)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "PAUSE", backoff.Backoff(0.01, 0.05))


@contextlib.asynccontextmanager
async def operated(
    monkeypatch: pytest.MonkeyPatch, directory: pathlib.Path, manager: Manager, api: ApiServer
) -> AsyncIterator[asyncio.Task[int]]:
    """Run `manager` beside an API server."""
    async with api.stub.serving() as url, asyncio.timeout(60):
        path = directory / "kubeconfig"
        path.write_text(
            "{current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],"
            f" clusters: [{{name: a, cluster: {{server: '{url}'}}}}], users: [{{name: a, user: {{token: t}}}}]}}"
        )
        monkeypatch.setenv("KUBECONFIG", str(path))
        running = asyncio.create_task(handlers.run(manager))
        yield running
        if not running.done():
            os.kill(os.getpid(), signal.SIGTERM)
            await running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_manager_before_anything_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, number: signal.Signals
) -> None:
    manager = Manager()
    async with operated(monkeypatch, tmp_path, manager, ApiServer()) as running:
        await clock.until(manager.is_started)
        os.kill(os.getpid(), number)
        assert await running == 0
    assert manager.worked_to_the_end


async def test_a_part_that_failed_ends_the_process_in_order_and_with_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    manager = Manager()
    async with operated(monkeypatch, tmp_path, manager, ApiServer()) as running:
        await clock.until(manager.is_started)
        manager.fail()
        assert await running == 1
    assert manager.worked_to_the_end


async def test_kopf_asks_for_versions_alone_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    manager, api = Manager(), ApiServer()
    async with operated(monkeypatch, tmp_path, manager, api) as running:
        await clock.until(api.is_scanned)
        await asyncio.sleep(0.5)
        assert not running.done()
    assert sorted(api.stub.requests) == sorted(("GET", path) for path in VERSIONS)


@pytest.mark.parametrize("trouble", ["503", "500", "429", "403", "401", "cut"])
async def test_an_api_server_in_trouble_ends_nothing_and_holds_up_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    manager, api = Manager(), ApiServer(*[trouble] * 25)
    async with operated(monkeypatch, tmp_path, manager, api) as running:
        await clock.until(manager.is_started)
        await clock.until(api.is_scanned)
        await asyncio.sleep(0.2)
        assert not running.done()
    assert await running == 0


async def test_a_signal_counts_while_the_api_server_is_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    manager, api = Manager(), ApiServer(*["503"] * 1_000_000)
    async with operated(monkeypatch, tmp_path, manager, api) as running:
        await clock.until(lambda: len(api.stub.requests) > 5)
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await running == 0
    assert manager.worked_to_the_end
