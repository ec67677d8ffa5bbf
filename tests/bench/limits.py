"""What a limit lets through: three units after the first burst, over fleets of guards that share it.

Real guards on loopback before a stand-in for vLLM; a name server stands for the headless Service. All fleets are measured at
once, each offered twice its limit, by turns to each of its guards. Nothing of a cluster is needed.
"""

import contextlib
import http.client
import pathlib
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from typing import NamedTuple

from tests.bench import figures
from tests.guard import dns_server, fake_engine, load, rig
from vllm_operator import guard

UNITS = 3
OFFERED = 2.0  # times the limit
SHORT_BELOW, OVER_BELOW = 10.0, 0.5  # percent: 90 % to 100 %, and half a percent of what the clocks differ by


class Case(NamedTuple):
    """A limit, and how many guards share it; `reached`: how many of them the client meets."""

    requests: int
    unit: str
    guards: int
    reached: int = 0

    @property
    def name(self) -> str:
        """Say it."""
        met = f", the client meets {self.reached}" if self.reached else ""
        return f"{self.requests}/{self.unit}, {self.guards} guards{met}"

    @property
    def due(self) -> float:
        """The requests a second that the client is to have."""
        share = (self.reached or self.guards) / self.guards
        return self.requests / guard.UNITS[self.unit] * share


CASES = (
    Case(60, "Minute", 1), Case(60, "Minute", 2), Case(600, "Minute", 4), Case(600, "Minute", 4, reached=1),
    Case(60, "Second", 1), Case(60, "Second", 4), Case(7200, "Hour", 2),
)  # fmt: skip
LONGEST = 60.0  # seconds of a unit that is measured: an hour's limit refills each second as a minute's does


def main() -> list[figures.Figure]:
    """Measure every case at once; the figures are in percent of the limit."""
    with contextlib.ExitStack() as running, futures.ThreadPoolExecutor(len(CASES)) as pool:
        root = pathlib.Path(running.enter_context(tempfile.TemporaryDirectory()))
        fleets = [running.enter_context(_fleet(root / str(number), case)) for number, case in enumerate(CASES)]
        found = list(pool.map(_passed, CASES, fleets))
    return [figure for case, passed in zip(CASES, found, strict=True) for figure in _figures(case, passed)]


def _figures(case: Case, passed: load.Passed) -> list[figures.Figure]:
    share = 100 * passed.requests / (case.due * passed.seconds)
    return [
        figures.Figure(f"{case.name}: passed of the limit", "%", (share,), 100 + OVER_BELOW),
        figures.Figure(f"{case.name}: short of the limit", "%", (max(0.0, 100 - share),), SHORT_BELOW),
    ]


@contextlib.contextmanager
def _fleet(root: pathlib.Path, case: Case) -> Iterator[list[rig.Guard]]:
    """Start guards that share the limit; yield those that the client meets."""
    engine, server = fake_engine.Engine(), dns_server.Names()
    server.count = case.guards
    clients = rig.access(limit=guard.RateLimit(case.requests, case.unit)).clients
    now = guard.Access(clients, "model-peers.models.svc")
    with contextlib.ExitStack() as running:
        running.callback(server.stop)
        engine.start()
        running.callback(engine.stop)
        guards = []
        for number in range(case.reached or case.guards):
            own = root / str(number)
            own.mkdir(parents=True)
            guards.append(one := rig.Guard(own, engine, now, server.use))
            running.callback(one.stop)
            one.start()
        rig.until(lambda: all(one.members() == case.guards for one in guards))
        yield guards


def _passed(case: Case, guards: list[rig.Guard]) -> load.Passed:
    """Spend the first burst, then offer more than the limit for three units, by turns to each guard."""
    load.drain(*guards)
    seconds = UNITS * min(LONGEST, guard.UNITS[case.unit])
    pause, since, passed, number = 1 / (case.due * OFFERED), time.monotonic(), 0, 0
    with contextlib.ExitStack() as held:
        connections = [held.enter_context(contextlib.closing(one.connection())) for one in guards]
        while (now := time.monotonic()) < since + seconds:
            passed += _passes(connections[number % len(connections)])
            number += 1
            threading.Event().wait(max(0.0, since + number * pause - now))
        return load.Passed(passed, time.monotonic() - since)


def _passes(connection: http.client.HTTPConnection) -> bool:
    return rig.ask(connection, "GET", "/v1/models", rig.KEY).status == 200
