"""Who reaches the private port keeps neither the kubelet's probes off nor the engine busy, so nobody has servers restarted."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from concurrent import futures
from typing import TYPE_CHECKING

from tests.guard import fake_engine, flood, rig
from vllm_operator import guard

if TYPE_CHECKING:
    import http.server

    from tests.guard.conftest import Start

HALF = b"GET /healthz HTTP/1.1\r\n"


def test_connections_that_ask_nothing_leave_probes_their_place_and_are_gone_in_seconds(start: Start) -> None:
    flood.allow_files(12_000)
    running, watch = start(), select.poll()
    with contextlib.ExitStack() as held:
        for number in range(1500):
            one = held.enter_context(socket.create_connection((rig.HOST, running.site.private_port)))
            one.sendall(HALF if number % 2 == 0 else b"")
            watch.register(one, select.POLLRDHUP)
        assert [running.private(path).status for path in (guard.LIVE_PATH, guard.READY_PATH)] == [200, 200]
        rig.until(lambda: len(watch.poll(0)) == 1500, deadline=10, pause=0.2)


def test_a_connection_is_for_one_question(start: Start) -> None:
    running = start()
    assert running.private(guard.LIVE_PATH).headers["connection"] == "close"


def test_who_asks_whether_the_engine_is_ready_does_not_keep_it_busy(start: Start, engine: fake_engine.Engine) -> None:
    running = start()
    began, engine.seen[:] = int(time.time()), []
    with futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: running.private(guard.READY_PATH).status, range(300))) == {200}
    seconds = int(time.time()) - began + 1
    assert len(engine.seen) <= 8 * seconds + 64  # before the first word, as many may ask as wait at once


def test_an_engine_that_is_slow_to_say_how_it_is_is_asked_by_few(start: Start, engine: fake_engine.Engine) -> None:
    def late(handler: http.server.BaseHTTPRequestHandler) -> None:
        threading.Event().wait(1)
        fake_engine.answer()(handler)

    running = start()
    assert running.private(guard.READY_PATH).status == 200
    engine.script, engine.seen[:] = late, []
    with futures.ThreadPoolExecutor(64) as pool:
        assert set(pool.map(lambda _: running.private(guard.READY_PATH).status, range(64))) == {200}
    assert len(engine.seen) <= 24


def test_metrics_and_statistics_are_read_so_often_and_no_oftener(start: Start, engine: fake_engine.Engine) -> None:
    running = start()
    for path, most in ((guard.METRICS_PATH, 40), (guard.STATS_PATH, 200)):
        statuses = [running.private(path).status for _ in range(2 * most)]
        assert (statuses[:10], 429 in statuses) == ([200] * 10, True)
    assert len([seen for seen in engine.seen if seen.path == guard.METRICS_PATH]) <= 40
    assert running.private(guard.READY_PATH).status == 200
