"""The private port, the log and the process: of use to probes and operators, of none to anybody else."""

from __future__ import annotations

import contextlib
import http.client
import os
import pathlib
import select
import shutil
import socket
import stat
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.guard import fake_engine, rig
from vllm_operator import guard

if TYPE_CHECKING:
    from tests.guard.conftest import Start

PUBLIC_LIMIT = "envoy.resource_limits.listener.public.connection_limit"


def test_live_is_envoys_and_ready_is_the_engines(start: Start, engine: fake_engine.Engine) -> None:
    running = start()
    assert [running.private(path).status for path in (guard.LIVE_PATH, guard.READY_PATH)] == [200, 200]
    assert engine.seen[-1].path == "/health"
    engine.script = fake_engine.answer(503)
    assert [running.private(path).status for path in (guard.LIVE_PATH, guard.READY_PATH)] == [200, 503]
    engine.stop()
    assert [running.private(path).status for path in (guard.LIVE_PATH, guard.READY_PATH)] == [200, 503]


def test_metrics_are_the_engines(start: Start, engine: fake_engine.Engine) -> None:
    engine.script = fake_engine.answer(body=b"vllm:num_requests_running 0\n")
    assert start().private(guard.METRICS_PATH).body == b"vllm:num_requests_running 0\n"
    assert engine.seen[-1].path == "/metrics"


def test_stats_hold_what_an_operator_needs_and_no_key(start: Start) -> None:
    running = start()
    running.ask("GET", "/v1/models", rig.KEY)
    text = running.private(guard.STATS_PATH).body.decode()
    wanted = {
        "http_local_rate_limit_rate_limited",
        "http_downstream_rq_xx",
        "cluster_upstream_rq_time_bucket",
        "http_rds_version_text",
    }
    assert not {name for name in wanted if f"envoy_{name}{{" not in text}
    assert rig.KEY not in text
    assert len(text) < 150_000


def test_private_port_only_reads(start: Start, engine: fake_engine.Engine) -> None:
    running = start()
    paths = (guard.LIVE_PATH, guard.READY_PATH, guard.METRICS_PATH, guard.STATS_PATH)
    for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"):
        assert [running.private(path, method).status for path in paths] == [404] * 4
    assert not engine.seen


@pytest.mark.parametrize(
    ("status", "paths"),
    [
        (404, ["/", "/config_dump", "/quitquitquit", "/stats", "/stats?filter=x", "/logging", "/clusters", "/certs"]),
        (404, ["/stats/prometheus?filter=x", "/stats/prometheus/", "/stats/prometheus/../../config_dump"]),
        (404, ["/ready?x", "/metrics/../v1/models", "/healthz/", "//healthz", "/reset_counters", "/drain_listeners"]),
        (404, ["/v1/models", "/v1/completions", "/health"]),
        (400, ["/stats/prometheus%2f..%2fconfig_dump", "/metrics%2f..%2fv1%2fmodels"]),
    ],
)
def test_private_port_knows_four_paths(start: Start, engine: fake_engine.Engine, status: int, paths: list[str]) -> None:
    running = start()
    assert {path: running.private(path).status for path in paths} == dict.fromkeys(paths, status)
    assert not engine.seen


def test_admin_is_a_socket_that_the_guard_alone_can_open(start: Start) -> None:
    running = start()
    admin = (running.run / "admin.sock").stat()
    assert stat.S_ISSOCK(admin.st_mode)
    assert stat.S_IMODE(admin.st_mode) == 0o600
    assert _listening(running.process.pid) == {running.site.public_port, running.site.private_port}


def _listening(pid: int) -> set[int]:
    """Return the TCP ports on which a process listens, from Linux's own tables."""
    process, ours = pathlib.Path(f"/proc/{pid}"), set()
    for link in (process / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            ours.add(str(link.readlink()))
    rows = [row.split() for row in (process / "net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in ours}


def test_probes_pass_while_the_public_port_is_full(start: Start) -> None:
    def narrow(bootstrap: Any) -> None:
        bootstrap["layered_runtime"]["layers"][0]["static_layer"][PUBLIC_LIMIT] = 3

    running = start(alter=narrow)
    with contextlib.ExitStack() as held:
        for _ in range(6):
            one = held.enter_context(socket.create_connection((rig.HOST, running.site.public_port)))
            one.sendall(b"GET / HTTP/1.1\r\n")
        rig.until(lambda: running.raw(b"GET /health HTTP/1.1\r\nHost: model\r\n\r\n") == b"")
        assert [running.private(path).status for path in (guard.LIVE_PATH, guard.READY_PATH)] == [200, 200]


def test_connections_that_read_nothing_cost_little_and_are_soon_gone(start: Start) -> None:
    def hurry(bootstrap: Any) -> None:
        manager = bootstrap["static_resources"]["listeners"][1]["filter_chains"][0]["filters"][-1]["typed_config"]
        assert (manager["stream_idle_timeout"], manager["request_timeout"]) == ("12s", "12s")
        assert manager["common_http_protocol_options"]["idle_timeout"] == "15s"
        manager["stream_idle_timeout"] = manager["common_http_protocol_options"]["idle_timeout"] = "1s"

    running = start(alter=hurry)
    assert running.private(guard.STATS_PATH).status == 200
    before = _most_memory(running.process.pid)
    with contextlib.ExitStack() as held:
        asking = [held.enter_context(_unread(running.site.private_port, guard.STATS_PATH)) for _ in range(700)]
        rig.until(lambda: all(_has_come(one) for one in asking))
        rig.until(lambda: _answers(running, guard.LIVE_PATH))
        assert _most_memory(running.process.pid) - before < 48 * 1024
        assert _answers(running, guard.READY_PATH)


def _unread(port: int, path: str) -> socket.socket:
    """Ask for the path, and leave what comes where it is."""
    asking = socket.socket()
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    asking.connect((rig.HOST, port))
    with contextlib.suppress(ConnectionError):  # closed at once
        asking.sendall(f"GET {path} HTTP/1.1\r\nHost: m\r\n\r\n".encode())
    return asking


def _has_come(asking: socket.socket) -> bool:
    """Tell whether an answer has begun to come, or the connection's end."""
    waiting = select.poll()
    waiting.register(asking, select.POLLIN)
    return bool(waiting.poll(0))


def _answers(running: rig.Guard, path: str) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return running.private(path).status == 200
    return False


def _most_memory(pid: int) -> int:
    """Return the most memory, in KiB, that a process has held so far."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def test_log_tells_who_and_what_and_never_a_key_or_a_prompt(start: Start) -> None:
    running = start()
    running.ask("POST", "/v1/completions?secret=query", rig.KEY, b'{"prompt":"hush"}', x_request_id="mine")
    running.ask("GET", f"/v1/models/{rig.KEY}")
    running.ask("GET", "/v1/models", rig.OTHER)
    running.raw(f"GET /{rig.KEY}%2f HTTP/1.1\r\nHost: m\r\n\r\n".encode())
    rig.until(lambda: len(running.lines()) >= 4 and any(line["request_id"] == "mine" for line in running.lines()))
    (told,) = [line for line in running.lines() if line["request_id"] == "mine"]
    assert set(told) == {
        "time",
        "client",
        "method",
        "path",
        "status",
        "reason",
        "duration_ms",
        "bytes_received",
        "bytes_sent",
        "request_id",
    }
    assert (told["client"], told["method"], told["path"], told["status"]) == ("team-a", "POST", "/v1/completions", 200)
    assert (told["bytes_received"], told["bytes_sent"]) == (17, 11)
    written = running.log.read_text()
    assert not [word for word in (rig.KEY, rig.OTHER, rig.KEY[4:30], "hush", "secret") if word in written]


def test_log_shows_no_key_however_it_was_sent(start: Start) -> None:
    running, spellings = start(), [_spelled(letter, times) for letter in "sk-a" for times in (1, 2, 3)]
    for spelling in spellings:
        assert running.ask("GET", f"/v1/%6dodels/{spelling}", x_request_id=f"my-{rig.KEY}").status == 401
    rig.until(lambda: len(_mine(running)) == len(spellings))
    assert {(one["path"], one["request_id"]) for one in _mine(running)} == {("/v1/models/sk-...", "my-sk-...")}
    assert not [spelling for spelling in (rig.KEY, *spellings) if spelling in running.log.read_text()]


def _mine(running: rig.Guard) -> list[dict[str, Any]]:
    return [line for line in running.lines() if (line["request_id"] or "").startswith("my-")]


def _spelled(letter: str, times: int) -> str:
    """Return the key with a letter percent-encoded so many times."""
    return rig.KEY.replace(letter, f"%{'25' * (times - 1)}{ord(letter):02X}")


def test_log_shows_a_path_without_a_key_as_it_was_sent(start: Start) -> None:
    running = start()
    running.ask("GET", "/v1/%6dodels/%2525", x_request_id="mine")
    (line,) = rig.until(lambda: [one for one in running.lines() if one["request_id"] == "mine"])
    assert line["path"] == "/v1/%6dodels/%2525"


def test_process_needs_no_root(start: Start, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the pod: uid 65532, without capabilities, writing nowhere but into its own directory."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a process as somebody else")
    usual = subprocess.Popen

    def as_nobody(arguments: list[str], **options: Any) -> Any:
        for path in (tmp_path, *tmp_path.parents):
            if path.is_relative_to(tempfile.gettempdir()) and path != pathlib.Path(tempfile.gettempdir()):
                path.chmod(0o755)
        os.chown(arguments[2].removesuffix("etc/bootstrap.yaml") + "run", 65532, 65532)
        binary = shutil.copy(arguments[0], tmp_path)  # the work tree may lie where only root may look
        return usual([binary, *arguments[1:]], user=65532, group=65532, extra_groups=[], **options)

    monkeypatch.setattr(subprocess, "Popen", as_nobody)
    assert start().ask("GET", "/v1/models", rig.KEY).status == 200


def test_termination_is_quick(start: Start) -> None:
    running = start()
    with socket.create_connection((rig.HOST, running.site.public_port)):
        running.process.terminate()
        assert running.process.wait(5) == 0


def test_guard_starts_again_after_it_was_killed(start: Start) -> None:
    """As a restarted container: the socket of the one before still lies in its directory."""
    running = start()
    running.process.kill()
    running.process.wait(rig.DEADLINE)
    running.start()
    assert running.private(guard.STATS_PATH).status == 200
