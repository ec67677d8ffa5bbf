"""What is counted of each request: by client and code at every end that it can come to, and how long the answers took."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from tests.guard import fake_engine, rig
from vllm_operator import guard

if TYPE_CHECKING:
    import http.server

    from tests.guard.conftest import Start

MODEL = "org/model-3.1"


def access(limit: guard.RateLimit = rig.MINUTE, count: int = 1) -> guard.Access:
    clients = [
        guard.Client(f"team-{number}", limit, (guard.Credential(f"sk-{number:043}"),)) for number in range(count)
    ]
    return guard.Access(tuple(clients), "localhost", model=MODEL)


def key(number: int = 0) -> str:
    return f"sk-{number:043}"


def counts(running: rig.Guard) -> dict[tuple[str, str], int]:
    """Return how many requests there were, by client and code."""
    text = running.private(guard.STATS_PATH).body.decode()
    found = re.findall(
        rf'^envoy_guard_requests{{model="{MODEL}",client="(.*)",code="(\d+)"}} (\d+)$', text, re.MULTILINE
    )
    return {(client, code): int(number) for client, code, number in found}


def test_every_end_is_counted_by_client_and_code(start: Start, engine: fake_engine.Engine) -> None:
    running = start(access(guard.RateLimit(3, "Hour"), 2))
    started = counts(running)[("", "404")]
    assert [running.ask("GET", "/v1/models", key()).status for _ in range(5)] == [200] * 3 + [429] * 2
    assert [running.ask("GET", "/v1/models", rig.OTHER).status for _ in range(4)] == [401] * 4
    assert running.ask("GET", "/v1/unknown", key(1)).status == 404
    engine.script = fake_engine.answer(503)
    assert running.ask("GET", "/v1/models", key(1)).status == 503
    assert rig.statuses(running.raw(b"GET /v1%2f HTTP/1.1\r\nHost: m\r\n\r\n")) == [400]
    wanted = {("team-0", "200"): 3, ("team-0", "429"): 2, ("team-1", "503"): 1, ("team-1", "404"): 1,
              ("", "401"): 4, ("", "404"): started, ("", "400"): 1}  # fmt: skip
    rig.until(lambda: counts(running) == wanted)


def test_duration_is_of_answers_and_not_of_refusals(start: Start, engine: fake_engine.Engine) -> None:
    def slow(handler: http.server.BaseHTTPRequestHandler) -> None:
        threading.Event().wait(0.15)
        fake_engine.answer()(handler)

    engine.script = slow
    running = start(access(guard.RateLimit(2, "Hour")))
    assert [running.ask("GET", "/v1/models", key()).status for _ in range(5)] == [200] * 2 + [429] * 3
    rig.until(lambda: duration(running, "count") == 2)  # Envoy brings its histograms up every 5 s
    assert 300 <= duration(running, "sum") < 2000
    assert [duration(running, "bucket", f',le="{bound}"') for bound in (100, 60000)] == [0, 2]


def duration(running: rig.Guard, kind: str, more: str = "") -> float:
    line = f'envoy_guard_request_duration_milliseconds_{kind}{{model="{MODEL}",client="team-0"{more}}} '
    text = running.private(guard.STATS_PATH).body.decode()
    return float(text.partition(line)[2].partition("\n")[0] or 0)


def test_nothing_that_a_caller_sends_is_a_label(start: Start) -> None:
    running = start(access())
    before = counts(running)
    for number in range(20):
        running.ask(f"X{number}", f"/{number}", x_client_id=f"c{number}", x_request_id=f"r{number}", host=f"h{number}")
    assert set(counts(running)) <= {*before, ("", "400"), ("", "404")}


def test_operator_reads_a_guard_of_many_clients(start: Start) -> None:
    """What the operator reads of a guard stands before all that grows with the number of clients."""
    now = access(count=200)
    running = start(now)
    for number in range(200):
        assert running.ask("GET", "/v1/models", key(number)).status == 200
    text = running.private(guard.STATS_PATH).body.decode()
    assert len(text) < 1_000_000
    assert guard.state(text[:150_000]) == guard.State(rig.rendered(now).version, 0)
