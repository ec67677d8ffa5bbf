"""IP families: where a pod has IPv6 addresses, alone or beside IPv4, the guard answers at each, on both ports.

Each test has a network namespace of its own, with the addresses of such a pod: the machine may have no IPv6 address.
"""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import os
import pathlib
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.guard import envoys, fake_engine, rig
from vllm_operator import guard

if TYPE_CHECKING:
    from collections.abc import Iterator

NEW_NETWORK = 0x40000000  # CLONE_NEWNET
LIBC = ctypes.CDLL(None, use_errno=True)
IPV6, IPV4 = "fd00:aaaa::7", "10.77.0.7"
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace needs root"),
    pytest.mark.skipif(not pathlib.Path("/proc/net/if_inet6").exists(), reason="the kernel has no IPv6"),
]


@contextlib.contextmanager
def network(*addresses: str) -> Iterator[None]:
    """Give this thread, and what it starts, a network namespace whose only interface beside loopback has these addresses."""
    with pathlib.Path("/proc/thread-self/ns/net").open() as outside:
        assert LIBC.unshare(NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
        try:
            _ip("link", "set", "lo", "up")
            _ip("link", "add", "pod", "type", "veth", "peer", "name", "node")
            for link in ("pod", "node"):
                _ip("link", "set", link, "up")
            for address in addresses:
                _ip("address", "add", address, "dev", "pod", *(["nodad"] if ":" in address else []))
            yield
        finally:
            assert LIBC.setns(outside.fileno(), NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@contextlib.contextmanager
def guarded(root: pathlib.Path, envoy: envoys.Envoy | None = None) -> Iterator[rig.Guard]:
    """A guard that listens as in a cluster with IPv6, before an engine on the loopback address that every pod has."""
    engine = fake_engine.Engine()
    engine.start()
    running = rig.Guard(root, engine, rig.access(), envoy=envoy, address=guard.BOTH)
    running.start()
    yield running
    running.stop()
    engine.stop()


def ask(address: str, port: int, path: str, key: str = "") -> int:
    with contextlib.closing(http.client.HTTPConnection(address, port, timeout=rig.DEADLINE)) as connection:
        return rig.ask(connection, "GET", path, key).status


@pytest.mark.parametrize("version", envoys.versions())
@pytest.mark.parametrize("addresses", [(IPV6,), (IPV4, IPV6), (IPV6, IPV4)], ids=["IPv6", "IPv4 first", "IPv6 first"])
def test_a_pod_answers_clients_and_probes_at_each_of_its_addresses(
    tmp_path: pathlib.Path, addresses: tuple[str, ...], version: tuple[int, int]
) -> None:
    envoy = envoys.find(version)  # from outside: what is not in the cache yet is fetched
    with network(*addresses), guarded(tmp_path, envoy) as running:
        for address in (*addresses, "127.0.0.1", "::1"):
            assert ask(address, running.site.public_port, "/v1/models", rig.KEY) == 200
            assert ask(address, running.site.public_port, "/v1/models") == 401
            assert ask(address, running.site.private_port, guard.READY_PATH) == 200
