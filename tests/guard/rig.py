"""A real guard on loopback: Envoy with its files laid out as the kubelet lays out a Secret, and a client of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tests.guard import envoys, fake_engine, secret_volume
from vllm_operator import guard
from vllm_operator.engine import endpoints

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

T = TypeVar("T")

DEADLINE = 60.0
HOST = fake_engine.HOST
KEY, OTHER, STALE, FRESH = (f"sk-{letter * 43}" for letter in "aoxf")
PAGE = guard.Page("/guide", "<!doctype html>", (("cache-control", "no-store"),))
MINUTE = guard.RateLimit(6000, "Minute")


ENDPOINTS = endpoints.of("Generate")


def access(
    *keys: str, name: str = "team-a", limit: guard.RateLimit = MINUTE, more: tuple[guard.Client, ...] = ()
) -> guard.Access:
    """Return one client with these keys, and `more` clients."""
    client = guard.Client(name, limit, tuple(guard.Credential(key) for key in keys or (KEY,)))
    return guard.Access((client, *more), "localhost")


def rendered(now: guard.Access) -> guard.Rendered:
    """Return what a guard at the place of a pod's gets."""
    return guard.rendered(now, ENDPOINTS, envoys.newest().version)


def until(what: Callable[[], T], deadline: float = DEADLINE, pause: float = 0.02) -> T:
    """Return the first true value of `what`; fail at the deadline."""
    end = time.monotonic() + deadline
    while not (value := what()):
        assert time.monotonic() < end, f"not within {deadline} s"
        threading.Event().wait(pause)
    return value


def manager(bootstrap: dict[str, Any]) -> dict[str, Any]:
    """Return what the public port does with HTTP."""
    (public,) = (one for one in bootstrap["static_resources"]["listeners"] if one["name"] == "public")
    found: dict[str, Any] = public["filter_chains"][0]["filters"][-1]["typed_config"]
    return found


def without_script(bootstrap: dict[str, Any]) -> None:
    """Take the script out, and with it all that an older script does not do."""
    filters = manager(bootstrap)["http_filters"]
    filters[:] = [one for one in filters if one["name"] != "guard"]


class Reply(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """OpenAI's error object: exactly its four fields."""
        error: dict[str, Any] = json.loads(self.body)["error"]
        assert self.headers["content-type"] == "application/json"
        assert set(error) == {"message", "type", "param", "code"}
        return error


class Guard:
    """A running Envoy, the newest or another; `alter` may change its bootstrap for one test."""

    def __init__(
        self,
        root: pathlib.Path,
        engine: fake_engine.Engine,
        now: guard.Access,
        alter: Callable[[Any], None] | None = None,
        envoy: envoys.Envoy | None = None,
        *,
        address: str = HOST,
    ) -> None:
        self.envoy = envoy or envoys.newest()
        self.mount, self.run = secret_volume.Mount(root / "etc"), root / "run"
        directory = str(self.mount.directory)
        self.site = guard.Site(
            address, fake_engine.free_port(), fake_engine.free_port(), HOST, engine.port, directory, str(self.run)
        )
        self.run.mkdir()
        self.engine = engine
        self.alter = alter
        self.log = root / "log"
        self.write(now)

    def write(self, now: guard.Access) -> str:
        """Put the files where Envoy reads them, and return their version."""
        files, version = guard.rendered(now, ENDPOINTS, self.envoy.version, self.site)
        if self.alter:
            bootstrap = json.loads(files["bootstrap.yaml"])
            self.alter(bootstrap)
            files["bootstrap.yaml"] = json.dumps(bootstrap)
        self.mount.swap(files)
        return version

    def change(self, now: guard.Access) -> None:
        """Write other access, and return once Envoy has it."""
        version = self.write(now)
        until(lambda: self.state().version == version)

    def start(self) -> None:
        self.launch()
        until(self.is_up)

    def launch(self) -> None:
        """Start Envoy without waiting for it."""
        arguments = ["-c", f"{self.site.directory}/bootstrap.yaml", *guard.ARGUMENTS[2:]]
        with self.log.open("w") as log:
            self.process = subprocess.Popen([self.envoy.executable, *arguments], stdout=log, stderr=log)

    def stop(self) -> None:
        """End Envoy, which must have had no error, such as one in its script."""
        self.process.terminate()
        self.process.wait(DEADLINE)
        assert not re.findall(r".*\]\[(?:error|critical)\].*", self.log.read_text())

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError):
            return self.private(guard.LIVE_PATH).status == 200 and self.ask("GET", "/nothing").status == 404
        return False

    def state(self) -> guard.State:
        return guard.state(self.private(guard.STATS_PATH).body.decode())

    def members(self) -> int:
        """Return how many guards this one takes to share its limits."""
        text = self.private(guard.STATS_PATH).body.decode()
        return int(text.split('envoy_cluster_membership_total{envoy_cluster_name="guards"} ')[1].split()[0])

    def count(self, client: str, code: int) -> int:
        """Return how many requests of the client had that answer."""
        text = self.private(guard.STATS_PATH).body.decode()
        found = re.search(
            rf'^envoy_guard_requests{{model="[^"]*",client="{client}",code="{code}"}} (\d+)$', text, re.MULTILINE
        )
        return int(found[1]) if found else 0

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(HOST, self.site.public_port, timeout=DEADLINE)

    def ask(self, method: str, path: str, key: str = "", body: bytes | None = None, **headers: str) -> Reply:
        with contextlib.closing(self.connection()) as connection:
            return ask(connection, method, path, key, body, **headers)

    def private(self, path: str, method: str = "GET", **headers: str) -> Reply:
        with contextlib.closing(
            http.client.HTTPConnection(HOST, self.site.private_port, timeout=DEADLINE)
        ) as connection:
            return ask(connection, method, path, **headers)

    def raw(self, request: bytes, answers: int = 1) -> bytes:
        """Send bytes and return what comes back: until the guard closes, or is silent after so many answers."""
        return exchange((HOST, self.site.public_port), request, answers)

    def lines(self) -> list[dict[str, Any]]:
        """Return the access log."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


def asked_from(running: Guard, address: str, path: str, times: int) -> list[int]:
    """Return the answers to requests without a key from an address of this machine."""
    connection = http.client.HTTPConnection(
        HOST, running.site.public_port, timeout=DEADLINE, source_address=(address, 0)
    )
    with contextlib.closing(connection):
        return [ask(connection, "GET", path).status for _ in range(times)]


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    key: str = "",
    body: bytes | None = None,
    **headers: str,
) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, {**({"authorization": f"Bearer {key}"} if key else {}), **named})
    reply = connection.getresponse()
    return Reply(reply.status, reply.headers, reply.read())


def exchange(address: tuple[str, int], request: bytes, answers: int = 1) -> bytes:
    """Send bytes and return what comes back: until who listens closes, or is silent after so many answers."""
    received = b""
    connection = socket.create_connection(address, timeout=DEADLINE)
    with contextlib.closing(connection), contextlib.suppress(ConnectionError, TimeoutError):
        connection.sendall(request)
        while piece := connection.recv(65536):
            received += piece
            connection.settimeout(0.05 if len(statuses(received)) >= answers else DEADLINE)
    return received


def statuses(answer: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3})", answer)]
