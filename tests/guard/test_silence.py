"""Long silence within an answer: what the guard allows, and that nothing between it and its caller forgets the connection.

15 minutes of it, through Contour, are waited for by `make bench ONLY=silence`.
"""

from __future__ import annotations

import contextlib
import pathlib
import threading
from typing import TYPE_CHECKING

import pytest

from tests.guard import envoys, fake_engine, rig

if TYPE_CHECKING:
    import http.server

    from tests.guard.conftest import Start

KEEPALIVE = "02"
"""What /proc/net/tcp calls the timer that TCP has for a connection on which nothing is sent."""


def timers(port: int) -> set[str]:
    """Return the timers of the established connections to that local port."""
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {line[5][:2] for line in lines if line[1].endswith(f":{port:04X}") and line[3] == "01"}


@pytest.mark.parametrize("version", envoys.versions())
def test_a_silent_connection_is_kept_alive(start: Start, engine: fake_engine.Engine, version: tuple[int, int]) -> None:
    running, asked, done = start(envoy=envoys.find(version)), threading.Event(), threading.Event()

    def silent(handler: http.server.BaseHTTPRequestHandler) -> None:
        asked.set()
        done.wait(rig.DEADLINE)
        fake_engine.answer()(handler)

    engine.script = silent
    with contextlib.closing(running.connection()) as connection:
        connection.request("POST", "/v1/completions", b"{}", {"authorization": f"Bearer {rig.KEY}"})
        assert asked.wait(rig.DEADLINE)
        assert timers(running.site.public_port) == {KEEPALIVE}
        done.set()
        assert connection.getresponse().status == 200
