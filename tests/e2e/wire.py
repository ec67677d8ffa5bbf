"""Connections that stay open, and streams that run, while keys change: what a user's client holds of a model.

Nothing here connects twice: a connection that was dropped fails the request that meets it.
"""

import contextlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from typing import Self

from dev import demo, provider
from tests.guard import rig

MODEL = "facebook/opt-125m"
SECONDS = 60.0
HOSTILE_SECONDS = 10
"""How long an answer to what is no request is waited for."""
EVERY = 0.02
"""Seconds between two requests of a load."""


class Line(http.client.HTTPConnection):
    """One kept-alive connection: through the Ingress, without TLS to a host that is not the demo's, or to the guard of a pod."""

    auto_open = 0

    def __init__(self, address: str = "", host: str = demo.HOST) -> None:
        super().__init__(address or host, timeout=SECONDS)
        has_tls = host == demo.HOST and not address
        edge = provider.current().address(), 443 if has_tls else 80
        raw = socket.create_connection((address, 8000) if address else edge, SECONDS)
        trust = ssl.create_default_context(cafile=str(demo.AUTHORITY / "ca.crt"))
        self.sock = trust.wrap_socket(raw, server_hostname=host) if has_tls else raw

    def ask(self, key: str) -> tuple[int, str]:
        """Return status and body of a keyed request."""
        self.request("GET", "/v1/models", headers={"Authorization": f"Bearer {key}"})
        answer = self.getresponse()
        return answer.status, answer.read().decode()

    def status(self, key: str) -> int:
        """Return the status of a keyed request."""
        return self.ask(key)[0]


class Stream(threading.Thread):
    """A streamed completion that runs by itself; `events` until now, `whole` once its last was there."""

    def __init__(self, key: str, tokens: int, host: str = demo.HOST) -> None:
        super().__init__(daemon=True)
        self.events, self.whole = 0, False
        self._key, self._tokens, self._host = key, tokens, host
        self.start()

    def run(self) -> None:
        """Read to the end."""
        body = {"model": MODEL, "prompt": "a", "max_tokens": self._tokens, "ignore_eos": True, "stream": True}
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        with contextlib.closing(Line(host=self._host)) as line, contextlib.suppress(OSError, http.client.HTTPException):
            line.request("POST", "/v1/completions", json.dumps(body), headers)
            for event in line.getresponse():
                self.events += event.startswith(b"data: ")
                self.whole = self.whole or event.startswith(b"data: [DONE]")


class Client(threading.Thread):
    """A client that asks again and again while a block runs, and whose last request is waited for at its end."""

    def __init__(self, key: str, host: str = demo.HOST) -> None:
        super().__init__(daemon=True)
        self._key, self._host, self._over = key, host, threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


class Streams(Client):
    """Streams that run one after the other, so that one always runs; `whole` and `broken` count those that ended."""

    def __init__(self, key: str, host: str = demo.HOST, tokens: int = 50) -> None:
        super().__init__(key, host)
        self.whole = self.broken = 0
        self._tokens = tokens

    def run(self) -> None:
        """Stream until told to end."""
        while not self._over.is_set():
            stream = Stream(self._key, self._tokens, self._host)
            stream.join()
            self.whole += stream.whole
            self.broken += not stream.whole


def exchange(request: bytes, answers: int) -> bytes:
    """Send bytes through the Ingress and return what comes back: until the edge closes, or is silent after so many answers."""
    trust = ssl.create_default_context(cafile=str(demo.AUTHORITY / "ca.crt"))
    trust.set_alpn_protocols(["http/1.1"])
    received = b""
    with contextlib.suppress(ConnectionError, TimeoutError, ssl.SSLError):
        plain = socket.create_connection((provider.current().address(), 443), timeout=HOSTILE_SECONDS)
        with trust.wrap_socket(plain, server_hostname=demo.HOST) as connection:
            connection.sendall(request)
            while piece := connection.recv(65536):
                received += piece
                connection.settimeout(0.3 if len(rig.statuses(received)) >= answers else HOSTILE_SECONDS)
    return received


def status_over_plain_http(path: str, key: str) -> int | None:
    """Return the status at the edge's port 80; None where nothing listens, as when no host is served over plain HTTP."""
    connection = http.client.HTTPConnection(provider.current().address(), 80, timeout=HOSTILE_SECONDS)
    try:
        connection.request("GET", path, headers={"Host": demo.HOST, "Authorization": f"Bearer {key}"})
        return connection.getresponse().status
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()


class Load(Client):
    """Requests of another client on a connection of its own; counts what goes wrong."""

    def __init__(self, key: str, host: str = demo.HOST) -> None:
        super().__init__(key, host)
        self.requests = self.failed = self.dropped = 0

    def run(self) -> None:
        """Ask until told to end."""
        line = Line(host=self._host)
        while not self._over.wait(EVERY):
            self.requests += 1
            try:
                self.failed += line.status(self._key) != http.HTTPStatus.OK
            except (OSError, http.client.HTTPException):
                self.dropped += 1
                line.close()
                line = Line(host=self._host)
        line.close()


@contextlib.contextmanager
def lines(addresses: Iterable[str]) -> Iterator[list[Line]]:
    """Open one connection through the Ingress, which goes first, and one to each pod."""
    with contextlib.ExitStack() as held:
        yield [held.enter_context(contextlib.closing(Line(address))) for address in ("", *addresses)]


def answers(held: list[Line], key: str, edge: int = 6) -> set[int]:
    """Return what `key` is answered: several times through the Ingress, which goes by turns to the pods, once by each pod."""
    return {held[0].status(key) for _ in range(edge)} | {line.status(key) for line in held[1:]}
