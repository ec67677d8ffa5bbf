"""Whoever backs off as documented is answered after each 429 that a guard sends: the OpenAI SDK, as it is."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import openai
import pytest

from tests import waiting
from tests.guard import fake_engine, rig
from vllm_operator import guard

if TYPE_CHECKING:
    from tests.guard.conftest import Start

LISTED = json.dumps({"object": "list", "data": [{"id": "opt", "object": "model", "created": 0, "owned_by": "vllm"}]})


@pytest.mark.parametrize(
    "limit", [guard.RateLimit(1, "Second"), guard.RateLimit(40, "Minute"), guard.RateLimit(2400, "Hour")]
)
def test_the_sdk_waits_as_long_as_it_is_told_and_is_answered(
    start: Start, engine: fake_engine.Engine, limit: guard.RateLimit
) -> None:
    engine.script = fake_engine.answer(body=LISTED.encode())
    running = start(rig.access(rig.KEY, limit=limit))
    connection = running.connection()
    while rig.ask(connection, "GET", "/v1/models", rig.KEY).status != 429:
        pass
    connection.close()
    with openai.OpenAI(api_key=rig.KEY, base_url=f"http://{rig.HOST}:{running.site.public_port}/v1") as client:
        waiting.until("an answer after a 429", lambda: retries(client), seconds=30)


def retries(client: openai.OpenAI) -> int:
    """Return how often the SDK was refused before it was answered, which it may not take long for."""
    began = time.monotonic()
    taken = client.models.with_raw_response.list().retries_taken
    assert time.monotonic() - began < 6
    return taken
