"""Several guards of one model: each limit is shared over all of them, by the DNS name of the headless Service."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.guard import rig, test_answers
from vllm_operator import guard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.guard.conftest import Start


class Names:
    """A DNS server that answers every question for an IPv4 address with `count` addresses, none for IPv6."""

    def __init__(self) -> None:
        self.count = 1
        self.silent = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((rig.HOST, 0))
        self.port = self._socket.getsockname()[1]
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", (rig.HOST, self.port))
        self._serving.join(rig.DEADLINE)
        self._socket.close()

    def use(self, bootstrap: Any, port: int | None = None) -> None:
        """Point Envoy to this server, or to another port."""
        bootstrap["typed_dns_resolver_config"] = {
            "name": "envoy.network.dns_resolver.cares",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
                "resolvers": [{"socket_address": {"address": rig.HOST, "port_value": port or self.port}}],
            },
        }

    def _serve(self) -> None:
        while query := (received := self._socket.recvfrom(512))[0]:
            if self.silent:
                continue
            question = query[12 : query.index(b"\0", 12) + 5]
            count = self.count if question[-4:-2] == b"\0\1" else 0
            records = b"".join(
                struct.pack("!HHHIH4B", 0xC00C, 1, 1, 1, 4, 127, 0, 1, number) for number in range(1, count + 1)
            )
            head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, count, 0, 0)
            self._socket.sendto(head + question + records, received[1])


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names()
    yield names
    names.stop()


def members(running: rig.Guard) -> int:
    text = running.private(guard.STATS_PATH).body.decode()
    return int(text.split('envoy_cluster_membership_total{envoy_cluster_name="guards"} ')[1].split()[0])


def shared(limit: guard.RateLimit) -> guard.Access:
    return guard.Access(rig.access(limit=limit).clients, "model-peers.models.svc")


@pytest.mark.parametrize("count", [2, 3])
def test_each_guard_has_its_share_and_a_true_retry_after(start: Start, names: Names, count: int) -> None:
    names.count = count
    running = start(shared(guard.RateLimit(60, "Minute")), alter=names.use)
    rig.until(lambda: members(running) == count)
    with contextlib.closing(running.connection()) as connection:
        replies = [rig.ask(connection, "GET", "/v1/models", rig.KEY).status for _ in range(60 // count + 2)]
        assert replies.count(200) == pytest.approx(60 / count, abs=1)
        promised = [test_answers.assert_true_retry_after(connection) for _ in range(2)]
    assert promised == [count, count]


def test_shares_follow_a_change_of_membership(start: Start, names: Names) -> None:
    running = start(shared(guard.RateLimit(100, "Hour")), alter=names.use)
    rig.until(lambda: members(running) == 1)
    names.count = 4
    rig.until(lambda: members(running) == 4)
    with contextlib.closing(running.connection()) as connection:
        replies = [rig.ask(connection, "GET", "/v1/models", rig.KEY) for _ in range(30)]
    assert [reply.status for reply in replies].count(200) == 25
    assert int(replies[-1].headers["retry-after"]) == pytest.approx(4 * 36, abs=2)


@pytest.mark.parametrize("silent", [True, False])
def test_guard_starts_where_dns_is_away(start: Start, names: Names, silent: bool) -> None:
    def nowhere(bootstrap: Any) -> None:
        names.silent = silent
        names.use(bootstrap, names.port if silent else rig.free_port())

    since = time.monotonic()
    assert start(shared(rig.MINUTE), alter=nowhere).ask("GET", "/v1/models", rig.KEY).status == 200
    assert time.monotonic() - since < 4
