"""The operator's own questions, put to a real guard: what it has and refused, and one token through it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from tests.guard import fake_engine, rig
from vllm_operator import guard
from vllm_operator.engine import verification
from vllm_operator.probes import http_client

if TYPE_CHECKING:
    from tests.guard.conftest import Start

CHOICES = b'{"choices": [{"text": "a"}]}'


def test_the_operator_reads_what_a_guard_has(start: Start) -> None:
    running = start(rig.access(rig.STALE))
    first = rig.rendered(rig.access(rig.STALE)).version
    assert asyncio.run(_state(running)) == guard.State(first, 0)
    broken = json.loads(rig.rendered(rig.access(rig.FRESH)).files["routes.yaml"])
    broken["resources"][0]["virtual_hosts"][0]["routes"][0]["match"] = {"safe_regex": {"regex": "("}}
    running.mount.swap({"routes.yaml": json.dumps(broken)})
    rig.until(lambda: running.state().rejected > 0)
    refused = asyncio.run(_state(running))
    assert refused
    assert (refused.version, refused.rejected > 0) == (first, True)
    running.change(rig.access(rig.FRESH))
    now = asyncio.run(_state(running))
    assert now
    assert now.version == rig.rendered(rig.access(rig.FRESH)).version


def test_the_operators_request_passes_the_guard_with_a_key_and_not_without(
    start: Start, engine: fake_engine.Engine
) -> None:
    engine.script = fake_engine.answer(body=CHOICES)
    running = start(rig.access(rig.KEY))
    right = asyncio.run(_complete(running, rig.KEY))
    assert verification.fault(right.status, right.text) is None
    wrong = asyncio.run(_complete(running, rig.STALE))
    assert (verification.fault(wrong.status, wrong.text) or "").startswith("401: No valid API key")


async def _state(running: rig.Guard) -> guard.State | None:
    async with http_client.Probe(running.site.private_port) as one:
        return await one.ask_guard(rig.HOST)


async def _complete(running: rig.Guard, key: str) -> http_client.Answer:
    async with http_client.Probe() as one:
        return await one.ask_model(f"http://{rig.HOST}:{running.site.public_port}", key, verification.request("opt"))
