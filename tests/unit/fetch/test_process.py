"""The program as a pod starts it: its last words, its end, and a kill in the middle."""

import asyncio
import contextlib
import json
import os
import pathlib
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dev import paths
from tests import fake_hub, fetching, hub_faults
from tests.guard import fake_engine

MIB = 1 << 20
LARGE = fetching.WEIGHTS * 64
SECONDS = 60.0


class Program:
    """The program for one rig. `result` is what stands in the termination message."""

    def __init__(self, rig: fetching.Rig, path: pathlib.Path) -> None:
        self.port = fake_engine.free_port()
        self._rig, self._result, self.log = rig, path / "result", path / "log"

    @contextlib.asynccontextmanager
    async def started(self, **more: str) -> AsyncIterator[asyncio.subprocess.Process]:
        told = {
            "FETCH_SOURCES": json.dumps([{"source": fetching.SOURCE, "into": str(self._rig.into)}]),
            "FETCH_ENDPOINTS": json.dumps({"hf": self._rig.hub.url}),
            "FETCH_PORT": str(self.port),
            "FETCH_RESULT": str(self._result),
            "HF_TOKEN": fake_hub.GOOD,
            "PYTHONPATH": str(paths.ROOT / "operator"),
            **more,
        }
        with self.log.open("ab") as log:
            command = (sys.executable, "-m", "vllm_operator.fetch")
            process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **told}, stdout=log, stderr=log)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def end(self, **more: str) -> int:
        async with self.started(**more) as process:
            return await asyncio.wait_for(process.wait(), SECONDS)

    @property
    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._result.read_text())
        return found


@pytest.fixture
def program(rig: fetching.Rig, tmp_path: pathlib.Path) -> Program:
    rig.put("model.safetensors", LARGE)
    return Program(rig, tmp_path)


async def half(rig: fetching.Rig) -> None:
    """Wait until half of the weights are noted."""
    journal = rig.into / ".fetch/journal"
    await fetching.until(lambda: journal.exists() and journal.read_text().count("have ") >= 4)


async def test_the_last_words_name_the_model_and_servers_may_read_it(rig: fetching.Rig, program: Program) -> None:
    assert await program.end() == 0
    assert program.result["revision"] == rig.hub.commit("org/tiny")
    assert program.result["files"] == "3/3"
    assert program.result["seconds"] >= 0
    assert rig.fetched["model.safetensors"] == LARGE
    assert all(file.stat().st_mode & 0o044 == 0o044 for file in rig.into.rglob("*"))


async def test_a_failure_is_the_last_word_without_a_token_or_a_traceback(program: Program) -> None:
    assert await program.end(HF_TOKEN="hf_wrong_s3cret") == 1
    assert program.result["reason"] == "SourceUnauthorized"
    log = program.log.read_text()
    assert "SourceUnauthorized" in log
    assert "s3cret" not in log + str(program.result)
    assert "Traceback" not in log


async def test_after_a_kill_in_the_middle_only_the_rest_is_fetched(rig: fetching.Rig, program: Program) -> None:
    rig.hub.faults = [fake_hub.Fault("signature=", hub_faults.holding(asyncio.Event(), after=28 * MIB), times=2)]
    async with program.started() as process:
        await half(rig)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert not rig.whole
    rig.hub.ranges.clear()
    assert await program.end() == 0
    assert rig.fetched["model.safetensors"] == LARGE
    asked = [tuple(map(int, one.removeprefix("bytes=").split("-"))) for one in rig.hub.ranges]
    assert sum(end + 1 - start for start, end in asked) <= 32 * MIB


async def test_a_stop_ends_at_once_and_keeps_what_came(rig: fetching.Rig, program: Program) -> None:
    rig.hub.faults = [fake_hub.Fault("signature=", hub_faults.holding(asyncio.Event(), after=28 * MIB), times=2)]
    async with program.started() as process:
        await half(rig)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), SECONDS) == 143
    assert "Traceback" not in program.log.read_text()
    assert await program.end() == 0


async def test_progress_is_served_while_it_fetches(rig: fetching.Rig, program: Program) -> None:
    import aiohttp  # noqa: PLC0415

    go_on = asyncio.Event()
    rig.hub.faults = [fake_hub.Fault("signature=", hub_faults.holding(go_on, after=28 * MIB), times=2)]
    async with program.started() as process, aiohttp.ClientSession() as session:
        await half(rig)
        async with session.get(f"http://127.0.0.1:{program.port}/progress") as answer:
            told = await answer.json()
        assert told["bytes"] == len(LARGE) + len(fetching.FILES["config.json"]) + len(fetching.FILES["tokenizer.json"])
        assert 32 * MIB <= told["fetched"] < told["bytes"]
        assert told["bytesPerSecond"] > 0
        assert told["files"] == "2/3"
        assert told["revision"] == rig.hub.commit("org/tiny")
        go_on.set()
        assert await asyncio.wait_for(process.wait(), SECONDS) == 0
