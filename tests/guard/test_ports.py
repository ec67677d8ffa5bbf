"""The guard's two ports are its own: the engine runs as the same user, and must not get a request with a key in it."""

from __future__ import annotations

import contextlib
import itertools
import socket
from typing import TYPE_CHECKING

import pytest

from tests.guard import envoys, rig

if TYPE_CHECKING:
    from tests.guard.conftest import Start

OPTIONS = ((), (socket.SO_REUSEPORT,), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT, socket.SO_REUSEADDR))


def bind(address: str, port: int, options: tuple[int, ...] = (socket.SO_REUSEPORT,)) -> socket.socket:
    """Listen on the port as a process of the engine's container could; raise OSError where the kernel refuses."""
    listening = socket.socket()
    try:
        for option in options:
            listening.setsockopt(socket.SOL_SOCKET, option, 1)
        listening.bind((address, port))
        listening.listen()
    except OSError:
        listening.close()
        raise
    return listening


@pytest.mark.parametrize("version", envoys.versions())
def test_no_other_process_can_listen_on_a_port_of_the_guard(start: Start, version: tuple[int, int]) -> None:
    site = start(envoy=envoys.find(version)).site
    ports, addresses = (site.public_port, site.private_port), (rig.HOST, "0.0.0.0")
    for port, address, options in itertools.product(ports, addresses, OPTIONS):
        with pytest.raises(OSError, match="Address already in use"):
            bind(address, port, options).close()


@pytest.mark.parametrize("name", ["public_port", "private_port"])
def test_guard_whose_port_is_taken_ends_and_does_not_serve_beside_the_other(start: Start, name: str) -> None:
    running = start()
    running.process.kill()
    running.process.wait(rig.DEADLINE)
    with contextlib.closing(bind(rig.HOST, getattr(running.site, name))):
        running.launch()
        assert running.process.wait(rig.DEADLINE) != 0
    running.start()


def test_guard_listens_again_at_once_after_it_was_killed_under_a_connection(start: Start) -> None:
    running = start()
    with contextlib.closing(running.connection()) as open_connection:
        assert rig.ask(open_connection, "GET", "/v1/models", rig.KEY).status == 200
        running.process.kill()
        running.process.wait(rig.DEADLINE)
        running.start()
    assert running.ask("GET", "/v1/models", rig.KEY).status == 200
