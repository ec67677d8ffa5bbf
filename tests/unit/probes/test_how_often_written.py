"""How often the status of a server that starts changes, however often it is looked at: at each phase, and seldom within one."""

import asyncio
import itertools
from typing import Any

import pytest

from tests import clock, observations
from tests.unit.probes import inquired
from tests.unit.probes.inquired import BEGUN, CREATING, KEY, World
from vllm_operator import api
from vllm_operator.probes import inquiries
from vllm_operator.status import observed, summary

pytestmark = pytest.mark.long

SHARDS = "Loading safetensors checkpoint shards:  50% Completed | {}/400 [00:08<00:08, 4.1s/it]\n"
LOADED = "INFO Loading weights took 100.01 seconds\n"
GRAPHS = "\rCapturing CUDA graphs (mixed prefill-decode, PIECEWISE):  {}%|####      | 22/51 [00:02<00:03]"


class Start:
    """A server that starts; `said`: reason and moment of each status that differs from the one before."""

    def __init__(self) -> None:
        self.world, self.said = World(), list[tuple[str, float]]()
        self._before: dict[str, Any] = {}

    @property
    def message(self) -> str:
        return observations.messages(self._before)["Ready"]

    def look(self) -> None:
        """Note the status that the model deserves now."""
        seen = observed.snapshot(self.world.store, KEY)
        assert seen
        model = {**seen.model, "status": self._before}
        found = seen._replace(model=model, evidence=self.world.inquiries.of(KEY))
        now = api.moment(BEGUN + clock.now())
        body = summary.status(found, observations.plan(found, now=now), now)
        if body != self._before:
            self.said.append((observations.condition(body, "Ready")["reason"], clock.now()))
        self._before = body

    async def lasts(self, seconds: float, log: str = "") -> None:
        """Let a phase last, in which the engine's log goes on."""
        for second in range(int(seconds * 2)):
            self.world.api.logs["a", "vllm", False] = log.format(second)
            self.world.inquiries.queue.add(KEY)
            await asyncio.sleep(0.5)
            self.look()


@clock.virtual
async def test_a_start_writes_each_phase_and_its_progress_at_most_every_ten_seconds() -> None:
    start = Start()
    running = asyncio.create_task(start.world.inquiries.queue.run())
    start.world.pod(state=CREATING)
    await start.lasts(3)
    await start.world.api.create_by("kubelet", inquired.event("uid-a", 'Pulling image "x"', "Pulling"))
    await start.lasts(60)
    start.world.pod(state={"running": {"startedAt": api.moment(BEGUN + clock.now())}})
    await start.lasts(120, SHARDS)
    await start.lasts(80, LOADED + GRAPHS)
    await start.world.inquiries.queue.stop(0)
    await running
    reasons = [reason for reason, _ in itertools.groupby(reason for reason, _ in start.said)]
    assert reasons == ["Starting", "Pulling", "Loading", "Compiling"]
    progress = [(one, other) for one, other in itertools.pairwise(start.said) if one[0] == other[0]]
    assert progress
    assert min(other[1] - one[1] for one, other in progress) >= inquiries.TOLD_SECONDS


@clock.virtual
async def test_how_long_an_image_was_pulled_is_not_told_of_the_engine() -> None:
    start = Start()
    running = asyncio.create_task(start.world.inquiries.queue.run())
    await start.world.api.create_by("kubelet", inquired.event("uid-a", 'Pulling image "x"', "Pulling"))
    start.world.pod(state=CREATING)
    await start.lasts(60)
    assert start.message.endswith(", for 52s")
    start.world.pod(state={"running": {"startedAt": api.moment(BEGUN + clock.now())}})
    await start.lasts(5)
    assert start.message == "vLLM is loading the model in the pod a"
    await start.world.inquiries.queue.stop(0)
    await running
