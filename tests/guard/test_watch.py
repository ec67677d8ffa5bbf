"""The watch of a real guard over its engine: what hangs is found though `/health` says 200, and nothing else is.

Whole minutes are for tests/e2e; when a silence is too long is for tests/unit/guard/test_watch.py.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent import futures
from typing import TYPE_CHECKING, Any

import pytest

from tests.guard import envoys, fake_engine, moving_engine, rig
from vllm_operator import guard
from vllm_operator.guard import watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.guard.conftest import Start

SECONDS = 2
WAITS = b'envoy_cluster_upstream_rq_active{envoy_cluster_name="vllm"} 1\n'
ALIVE = {guard.ALIVE_HEADER[0]: guard.ALIVE_HEADER[1]}
FORMS: list[tuple[str, dict[str, str]]] = [(guard.ALIVE_PATH, {}), (guard.READY_PATH, ALIVE)]


@pytest.fixture
def vllm(engine: fake_engine.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[moving_engine.Vllm]:
    """An engine that moves, and variables for the guards that are started."""
    for name, value in moving_engine.variables(SECONDS).items():
        monkeypatch.setenv(name, value)
    engine.script = found = moving_engine.Vllm()
    yield found
    found.moves.set()


@contextlib.contextmanager
def waiting(running: rig.Guard) -> Iterator[None]:
    """Let a client wait for an answer meanwhile."""
    with contextlib.closing(running.connection()) as connection:
        connection.request("POST", "/v1/completions", b"{}", {"authorization": f"Bearer {rig.KEY}"})
        yield
        connection.sock.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def sending(running: rig.Guard) -> Iterator[None]:
    """Let a client send a body without an end meanwhile."""
    head = (
        f"POST /v1/completions HTTP/1.1\r\nHost: m\r\nAuthorization: Bearer {rig.KEY}\r\nContent-Length: 99999\r\n\r\n"
    )
    with socket.create_connection((rig.HOST, running.site.public_port)) as slow:
        slow.sendall(head.encode() + b"{")
        rig.until(lambda: WAITS in running.private(guard.STATS_PATH).body)
        yield


def answered(running: rig.Guard) -> None:
    assert running.ask("POST", "/v1/completions", rig.KEY, b"{}").status == 200


def statuses(running: rig.Guard) -> list[int]:
    """Return what liveness, in both forms, and readiness are answered."""
    return [running.private(path, **headers).status for path, headers in [*FORMS, (guard.READY_PATH, {})]]


def stalls(running: rig.Guard) -> guard.Stalls | None:
    return watch.stalls(running.private(guard.STATS_PATH).headers.get(guard.STALLS_HEADER, ""))


@pytest.mark.parametrize("version", envoys.versions())
def test_an_engine_that_hangs_is_found_and_believed_when_it_moves_again(
    start: Start, vllm: moving_engine.Vllm, version: tuple[int, int]
) -> None:
    running = start(envoy=envoys.find(version))
    answered(running)
    vllm.moves.clear()
    with waiting(running):
        assert statuses(running) == [200, 200, 200]
        assert stalls(running) is None
        rig.until(lambda: running.private(guard.ALIVE_PATH).status == 503, pause=0.2)
        assert statuses(running) == [503, 503, 503]
        found = stalls(running)
        assert found
        assert (found.count, found.waiting, found.seconds >= SECONDS, found.is_now) == (1, 1, True, True)
        assert [running.private(guard.LIVE_PATH).status, running.ask("GET", "/health").status] == [200, 200]
        vllm.moves.set()
        rig.until(lambda: statuses(running) == [200, 200, 200])
    after = stalls(running)
    assert after
    assert (after.count, after.is_now) == (1, False)


def test_an_engine_whose_server_is_stopped_is_found(
    start: Start, engine: fake_engine.Engine, vllm: moving_engine.Vllm
) -> None:
    del vllm
    engine.stop()
    command = [sys.executable, "-m", "tests.guard.moving_engine", str(engine.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        running = start()
        answered(running)
        with sending(running):
            assert running.private(guard.ALIVE_PATH).status == 200
            process.send_signal(signal.SIGSTOP)
            rig.until(lambda: (running.private(guard.ALIVE_PATH).status, stalls(running) is None) == (503, False))
        process.send_signal(signal.SIGCONT)
        rig.until(lambda: statuses(running) == [200, 200, 200])
        process.kill()


def test_before_the_first_answer_nothing_is_found(start: Start, vllm: moving_engine.Vllm) -> None:
    """It may be compiling for the first request."""
    running = start()
    vllm.moves.clear()
    with waiting(running):
        _ask_for_a_while(running, {200})
    assert stalls(running) is None


def test_a_guard_without_variables_does_not_watch(
    start: Start, vllm: moving_engine.Vllm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a pod whose template is of an earlier operator."""
    monkeypatch.delenv(watch.SECONDS)
    running = start()
    answered(running)
    vllm.moves.clear()
    with waiting(running):
        _ask_for_a_while(running, {200})
    assert vllm.proofs == 0


def test_a_body_that_is_sent_slowly_is_no_stall(start: Start, vllm: moving_engine.Vllm) -> None:
    """The guard has passed the request on, and the engine has nothing to do yet: it is asked for a token, and makes it."""
    running = start()
    answered(running)
    with sending(running):
        _until_asked(running, vllm)
    assert stalls(running) is None


def test_an_answer_that_nobody_reads_is_no_stall(start: Start, vllm: moving_engine.Vllm) -> None:
    running = start()
    answered(running)
    vllm.unread = 64 * 1024 * 1024
    with waiting(running):
        rig.until(lambda: vllm.steps == 2)
        vllm.unread = 0
        _until_asked(running, vllm)
    assert stalls(running) is None


def test_a_server_too_busy_for_its_metrics_is_not_stalled(start: Start, vllm: moving_engine.Vllm) -> None:
    """One caller can keep vLLM's API server busy for seconds at a time with huge bodies, while its core makes tokens."""
    running = start()
    answered(running)
    with sending(running):
        assert _asked_in(running) == (200, True)
        vllm.lag = watch.FOR_METRICS + 0.5
        assert [_asked_in(running) for _ in range(3)] == [(200, True)] * 3
    assert stalls(running) is None


def test_many_who_ask_are_one_look_a_second(start: Start, engine: fake_engine.Engine, vllm: moving_engine.Vllm) -> None:
    running = start()
    answered(running)
    with sending(running):
        vllm.lag = 1.5
        with futures.ThreadPoolExecutor(20) as pool:
            assert set(pool.map(lambda _: running.private(guard.ALIVE_PATH).status, range(20))) == {200}
    assert 1 <= len([seen for seen in engine.seen if seen.path == guard.METRICS_PATH]) <= 3


def test_an_engine_that_is_gone_and_comes_back_begins_anew(
    start: Start, engine: fake_engine.Engine, vllm: moving_engine.Vllm
) -> None:
    """Readiness alone is asked while an engine that was restarted for its stall loads, and must not keep it from being ready."""
    running = start()
    answered(running)
    vllm.moves.clear()
    with waiting(running):
        rig.until(lambda: running.private(guard.ALIVE_PATH).status == 503, pause=0.2)
    engine.stop()
    assert running.private(guard.READY_PATH).status == 503
    engine.script = moving_engine.Vllm()
    engine.start()
    rig.until(lambda: running.private(guard.READY_PATH).status == 200)
    vllm.moves.set()


def test_an_error_of_the_script_is_counted_and_bites_nobody(start: Start, vllm: moving_engine.Vllm) -> None:
    running = start(alter=_break)
    answered(running)
    vllm.moves.clear()
    with waiting(running):
        _ask_for_a_while(running, {200})
    counted = running.private(guard.STATS_PATH).body.decode()
    assert 'envoy_http_lua_errors{envoy_http_conn_manager_prefix="private"} 0' not in counted
    assert 'envoy_http_lua_errors{envoy_http_conn_manager_prefix="private"} ' in counted
    assert "broken on purpose" in running.log.read_text()
    running.log.write_text("")


def _break(bootstrap: Any) -> None:
    """Let the script fail where it looks at the engine."""
    listeners = {one["name"]: one for one in bootstrap["static_resources"]["listeners"]}
    manager = listeners["private"]["filter_chains"][0]["filters"][-1]["typed_config"]
    code = manager["http_filters"][0]["typed_config"]["default_source_code"]
    code["inline_string"] += 'function looked() error("broken on purpose") end\n'


def _ask_for_a_while(running: rig.Guard, wanted: set[int]) -> None:
    """Ask whether the engine is alive for longer than it may be silent."""
    over = threading.Event()
    timer = threading.Timer(SECONDS + 2, over.set)
    timer.start()
    while not over.wait(0.2):
        assert set(statuses(running)) == wanted


def _asked_in(running: rig.Guard) -> tuple[int, bool]:
    """Return what liveness is answered, and whether the kubelet would have waited for it."""
    began = time.monotonic()
    status = running.private(guard.ALIVE_PATH).status
    return status, time.monotonic() - began < watch.FOR_ALL + 0.5


def _until_asked(running: rig.Guard, vllm: moving_engine.Vllm) -> None:
    """Ask until the engine was asked for a token three times, each time because it was silent."""

    def is_asked() -> bool:
        assert statuses(running) == [200, 200, 200]
        return vllm.proofs >= 3

    rig.until(is_asked, pause=0.2)
