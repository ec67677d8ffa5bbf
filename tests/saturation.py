"""Load that keeps a real vLLM at its limit, as hostile as clients are: long prompts, streams that are left, answers nobody reads.

Each caller asks the guard of one pod. None of it may make anybody think that the engine stands still.
"""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from vllm_operator import guard

MODEL = "facebook/opt-125m"
LONG = 3500  # tokens of a long prompt; the context has 4096
PATIENCE = 300.0


class Counts:
    """What became of the requests: how many were `answered` with 200, and what else came back."""

    def __init__(self) -> None:
        self.answered = 0
        self.failures = list[str]()
        self._lock = threading.Lock()

    def tell(self, what: object) -> None:
        with self._lock:
            self.answered += what == http.client.OK
            self.failures += [] if what == http.client.OK else [f"{time.monotonic():.1f}: {what}"]


@contextlib.contextmanager
def of(address: str, key: str, limit: int = 4) -> Iterator[Counts]:
    """Saturate the server in the pod with that address, which runs `limit` requests at a time; end when the block does."""
    counts, over = Counts(), threading.Event()
    callers = [_long, _long, *[_short] * limit, _leaves, _sends_slowly]
    ask = [threading.Thread(target=_repeat, args=(one, address, key, counts, over), daemon=True) for one in callers]
    with _unread(address, key):
        for one in ask:
            one.start()
        try:
            yield counts
        finally:
            over.set()
            for one in ask:
                one.join(PATIENCE)


def _repeat(
    once: Callable[[str, str, int], object], address: str, key: str, counts: Counts, over: threading.Event
) -> None:
    number = 0
    while not over.is_set():
        number += 1
        try:
            counts.tell(once(address, key, number))
        except (OSError, http.client.HTTPException) as error:
            counts.tell(repr(error))


def _long(address: str, key: str, number: int) -> int:
    """Read a prompt that no cache holds."""
    prompt = [5 + (number * 31 + at) % 200 for at in range(LONG)]
    return complete(address, key, prompt=prompt, max_tokens=4)


def _short(address: str, key: str, number: int) -> int:
    return complete(address, key, prompt=f"The {number}", max_tokens=64, ignore_eos=True)


def _leaves(address: str, key: str, number: int) -> int:
    """Leave a stream after its first bytes."""
    with _asking(address, key, {"prompt": f"A {number}", "max_tokens": 500, "stream": True}) as connection:
        reply = connection.getresponse()
        reply.read(100)
        return reply.status


def _sends_slowly(address: str, key: str, _number: int) -> int:
    """Send the half of a body, and go after a while; nothing is answered."""
    with contextlib.closing(http.client.HTTPConnection(address, guard.PUBLIC_PORT, timeout=PATIENCE)) as connection:
        connection.putrequest("POST", "/v1/completions")
        connection.putheader("Authorization", f"Bearer {key}")
        connection.putheader("Content-Length", "500000")
        connection.endheaders(b"{" + b" " * 250_000)
        threading.Event().wait(20)
    return http.client.OK


@contextlib.contextmanager
def _unread(address: str, key: str) -> Iterator[None]:
    """Ask for long answers that nobody reads."""
    with contextlib.ExitStack() as asked:
        body = {"prompt": "A", "max_tokens": 3000, "ignore_eos": True, "stream": True, "logprobs": 5}
        for _ in range(2):
            asked.enter_context(_asking(address, key, body))
        yield


def complete(address: str, key: str, **parameters: Any) -> int:
    """Return the status of a completion that is read to its end."""
    with _asking(address, key, parameters) as connection:
        reply = connection.getresponse()
        reply.read()
        return reply.status


@contextlib.contextmanager
def _asking(address: str, key: str, parameters: Mapping[str, Any]) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(address, guard.PUBLIC_PORT, timeout=PATIENCE)
    connection.connect()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    with contextlib.closing(connection):
        body = json.dumps({"model": MODEL, **parameters})
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request("POST", "/v1/completions", body, headers)
        yield connection
