"""`python -m tests.attack.attacker`: a process that sends what it is told, so that it takes no turn of the client who measures.

The first line of its input is an `Order` as JSON. It answers each line with a JSON line of what has come of it, and ends with its
input. A key stands in no command line.
"""

from __future__ import annotations

import base64
import collections
import contextlib
import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.guard import flood

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = 12_000
LEAST = 19
"""The priority at which it runs: who floods a guard has processors of their own, and takes none from guard and model."""
SECONDS = 10.0


class Order(NamedTuple):
    """What to send, and to whom.

    Either `number` of connections send the things, each one of them in equal shares, and wait; where `read` is not 0, the kernel
    takes no more than so many bytes of an answer. Or so many `callers` send the things by turns as fast as they are answered.
    """

    address: tuple[str, int]
    sent: list[bytes]
    number: int = 0
    read: int = 0
    callers: int = 0

    def line(self) -> str:
        """Return what the process reads."""
        encoded = [base64.b64encode(one).decode() for one in self.sent]
        return json.dumps({**self._asdict(), "sent": encoded})


class Attacker:
    """The process, seen by who started it."""

    def __init__(self, process: subprocess.Popen[str], order: Order) -> None:
        self._process = process
        self.told = self.ask(order.line())

    def ask(self, line: str = "") -> dict[str, int]:
        """Return what has come of it so far."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        found: dict[str, int] = json.loads(self._process.stdout.readline())
        return found


@contextlib.contextmanager
def sending(order: Order) -> Iterator[Attacker]:
    """Have a process that sends, until the block ends."""
    command = [sys.executable, "-m", "tests.attack.attacker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Attacker(process, order)
        finally:
            process.stdin.close()  # type: ignore[union-attr]  # it has one


def main() -> None:
    """Do what the first line says."""
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    os.nice(LEAST)
    flood.allow_files(FILES)
    address, sent = (order["address"][0], order["address"][1]), [base64.b64decode(one) for one in order["sent"]]
    with contextlib.ExitStack() as held:
        told = _crowd(address, sent, order, held) if order["number"] else _callers(address, sent, order["callers"])
        for found in told:
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()
            if not sys.stdin.readline():
                return


def _crowd(
    address: tuple[str, int], sent: list[bytes], order: dict[str, Any], held: contextlib.ExitStack
) -> Iterator[Any]:
    crowd = flood.Crowd(address, held)
    for one in sent:
        crowd.send(order["number"] // len(sent), one, order["read"])
    while True:
        yield {"open": order["number"], "gone": crowd.gone()}


def _callers(address: tuple[str, int], sent: list[bytes], callers: int) -> Iterator[Any]:
    counts: collections.Counter[str] = collections.Counter()
    for _ in range(callers):
        threading.Thread(target=_ask, args=(address, sent, counts), daemon=True).start()
    while True:
        yield dict(counts)


def _ask(address: tuple[str, int], sent: list[bytes], counts: collections.Counter[str]) -> None:
    """Ask by turns over a kept connection, and over a new one where it was closed."""
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException), socket.create_connection(address, SECONDS) as one:
            for request in itertools.cycle(sent):
                one.sendall(request)
                counts[_status(one)] += 1


def _status(one: socket.socket) -> str:
    """Read an answer to its end and return its status."""
    answer = http.client.HTTPResponse(one)
    answer.begin()
    answer.read()
    return str(answer.status)


if __name__ == "__main__":
    main()
