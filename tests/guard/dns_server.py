"""A name server for the guards of one model: what a headless Service is in a cluster."""

from __future__ import annotations

import socket
import struct
import threading
from typing import Any

from tests.guard import rig


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

    def use(self, bootstrap: Any, port: int | None = None, refresh: str = "5s") -> None:
        """Point Envoy to this server, or to another port, to be asked every `refresh`."""
        (peers,) = (one for one in bootstrap["static_resources"]["clusters"] if one["name"] == "guards")
        peers["cluster_type"]["typed_config"]["dns_refresh_rate"] = refresh
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
