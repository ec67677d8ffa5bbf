"""Whatever somebody sends without a key costs a guard little more than the plainest refusal does.

Also where each request has a connection of its own, and the model as many clients, keys and origins as it may have. A ratio:
docs/security.md has the figure, which test_keyless.py holds for the plainest.
"""

from __future__ import annotations

import dataclasses
import re
import socket
from typing import TYPE_CHECKING

from tests.guard import flood, rig, test_looked_up
from vllm_operator import guard

if TYPE_CHECKING:
    from tests.guard.conftest import Start

REQUESTS = 80
MOST, MOST_ALONE = 2.3, 4.0
"""How many times as much as the plainest another request may cost, and one with a connection of its own as one without."""
ORIGINS = tuple(f"https://app{number}.example.com" for number in range(32))
PAGE = guard.Page("/guide", "<!doctype html>" + "x" * 60_000, (("cache-control", "no-store"),))
HOST = b"Host: model\r\n"
GET = b"GET %s HTTP/1.1\r\n" + HOST
PLAIN = GET % b"/v1/models"
PREFLIGHT = b"OPTIONS /v1/completions HTTP/1.1\r\n" + HOST + b"Access-Control-Request-Method: POST\r\n"
ENCODED = b"/%" + b"25" * 290
KINDS = {
    "an unknown path": (404, GET % b"/nothing"),
    "a wrong key": (404, GET % b"/nothing" + b"Authorization: Bearer %s\r\n" % rig.OTHER.encode()),
    "a path that is encoded again": (404, GET % ENCODED + b"X-Request-Id: %s\r\n" % ENCODED),
    "a long path": (404, GET % (b"/" + b"a" * 14_000)),
    "a long query": (401, GET % (b"/v1/models?" + b"%25" * 4600)),
    "a long key": (401, PLAIN + b"Authorization: Bearer sk-%s\r\n" % (b"a" * 14_000)),
    "many spaces": (401, PLAIN + b"Authorization: Bearer%ssk-\r\n" % (b" " * 14_000)),
    "many headers": (401, PLAIN + b"".join(b"x%d: %s\r\n" % (number, b"a" * 100) for number in range(90))),
    "the guide": (200, GET % b"/guide"),
    "health": (200, GET % b"/health"),
    "a preflight of the last origin": (200, PREFLIGHT + b"Origin: %s\r\n" % ORIGINS[-1].encode()),
    "a preflight of no origin": (404, PREFLIGHT + b"Origin: https://evil.example.com\r\n"),
    "a body that is too long": (413, flood.HEAD + b"Content-Length: 1099511627776\r\n"),
    "what is malformed": (400, PLAIN + b"no header\r\n"),
    "slashes that are encoded": (400, GET % (b"/%2f" * 1000)),
    "wide headers": (431, PLAIN + flood.WIDE),
}
"""The answer, and the request without its last line."""


def test_what_is_sent_without_a_key_costs_little_more_than_the_plainest(start: Start) -> None:
    running = start(dataclasses.replace(test_looked_up.many(), origins=ORIGINS, page=PAGE, path=""))
    plain = (401, PLAIN)
    assert any(_cost(running, plain, alone=True) < MOST_ALONE * _cost(running, plain, alone=False) for _ in flood.TRIES)
    for name, kind in KINDS.items():
        assert any(_cost(running, kind) < MOST * _cost(running, plain) for _ in flood.TRIES), name


def _cost(running: rig.Guard, kind: tuple[int, bytes], *, alone: bool = True) -> float:
    """Return the CPU of many requests of a kind; `alone`: each over a connection of its own."""
    before = flood.cpu(running.process.pid)
    found = {_ask(running, kind[1], 1) for _ in range(REQUESTS)} if alone else {_ask(running, kind[1], REQUESTS)}
    assert found == {kind[0]}
    return flood.cpu(running.process.pid) - before


def _ask(running: rig.Guard, request: bytes, times: int) -> int:
    with (
        socket.create_connection((rig.HOST, running.site.public_port), rig.DEADLINE) as one,
        one.makefile("rb") as answer,
    ):
        for _ in range(times):
            one.sendall(request + b"\r\n")
            head = b"".join(iter(answer.readline, b"\r\n"))
            answer.read(int((re.findall(rb"content-length: (\d+)", head) or [b"0"])[0]))
    return rig.statuses(head)[0]
