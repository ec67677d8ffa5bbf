"""Requests that are made to get past the guard, or to ask for more than one may."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from concurrent import futures
from typing import TYPE_CHECKING

from dev import demo
from tests.attack import attack, site
from tests.e2e import wire
from tests.guard import hostile, rig
from vllm_operator.engine import endpoints

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = endpoints.max_request_bytes("Generate")
JSON_TYPE = {"content_type": "application/json"}
TOGETHER, SECONDS = 16, 10.0


def past_the_guard(where: site.Site) -> attack.Seen:
    """Send what is made to get past a guard, to the guard itself."""

    def ask(case: hostile.Case) -> list[int]:
        return rig.statuses(rig.exchange(where.guard, case.bytes(demo.HOST, where.key)))

    return _as_expected(ask, lambda case: case.guard)


def past_the_edge(where: site.Site) -> attack.Seen:
    """Send the same through the Ingress."""

    def ask(case: hostile.Case) -> list[int]:
        return rig.statuses(wire.exchange(case.bytes(demo.HOST, where.key), len(case.at_edge())))

    return _as_expected(ask, hostile.Case.at_edge)


def too_long(where: site.Site) -> attack.Seen:
    """Tell of bodies that are too long, with the key and without, and send none of them; then send one in chunks."""
    head = b"POST /v1/completions HTTP/1.1\r\nHost: model\r\nContent-Type: application/json\r\n"
    bearer = f"Authorization: Bearer {where.key}\r\n".encode()
    begun = time.monotonic()
    told = [
        rig.statuses(rig.exchange(where.guard, head + key + b"Content-Length: %d\r\n\r\n" % length))
        for length in (MOST + 1, 2**40)
        for key in (b"", bearer)
    ]
    slowest = (time.monotonic() - begun) / len(told)
    chunked, sent = _in_chunks(where, head + bearer)
    refused = f"413 to {told.count([413])} of {len(told)}, {slowest * 1000:.0f} ms each"
    is_cut = sent < 2 * MOST and chunked in ([413], [])  # who goes on sending may be cut before the answer is read
    return attack.Seen(told == [[413]] * len(told) and is_cut, f"{refused}; in chunks cut after {sent / 2**20:.0f} MiB")


def obeyed_headers(where: site.Site) -> attack.Seen:
    """Send what vLLM and its server obey: rank, priority, load metrics, tracing, and a request's id of 15,000 characters."""
    headers = {name: text.replace(rig.KEY, where.key) for name, text in hostile.OBEYED.items()}
    body = json.dumps({"model": site.NAME, "prompt": "a", "max_tokens": 1}).encode()
    reply = where.ask("POST", "/v1/completions", where.key, body, **JSON_TYPE, **headers, x_request_id="i" * 15_000)
    told = [name for name in reply.headers if "load-metrics" in name.lower() or name.lower() == "server-timing"]
    longest = max(len(reply.headers["x-request-id"]), len(str(json.loads(reply.body).get("id", ""))) - len("cmpl-"))
    without = where.ask("GET", "/v1/models", "", **{name: text for name, text in headers.items() if where.key in text})
    is_held = (reply.status, told, without.status) == (200, [], 401) and longest <= 128 + len("-0")
    return attack.Seen(
        is_held, f"{len(headers)} headers: none obeyed; id of {longest} characters; the key elsewhere: {without.status}"
    )


def one_request(where: site.Site) -> attack.Seen:
    """Ask in one request for more answers, prompts and stop texts than one may."""
    asked = ({"n": 65}, {"n": 10_000}, {"prompt": ["a"] * 129}, {"stop": ["a"] * 5})
    statuses = [_completed(where, **one) for one in asked]
    product = _completed(where, prompt=["a"] * 128, n=64)
    told = f"{len(asked)} requests for too much: {_counted(statuses)}; one for all that one may of both, and no room: {product}"
    return attack.Seen(set(statuses) == {400} and product == 503, told)


def over_plain_http(where: site.Site) -> attack.Seen:
    """Send the key over plain http to the edge, whose host has a certificate."""
    statuses = [wire.status_over_plain_http(path, where.key) for path in ("/v1/models", "/health", "/guide", "/")]
    is_held = set(statuses) <= {None, 404}
    return attack.Seen(is_held, f"port 80: {_counted([status or 'nobody listens' for status in statuses])}")


def streams(where: site.Site) -> attack.Seen:
    """Have 40 streams at once, ten times as many as the engine runs, and see each to its end."""
    running = [wire.Stream(where.key, 30) for _ in range(40)]
    for one in running:
        one.join()
    whole = sum(one.whole for one in running)
    return attack.Seen(whole == len(running), f"{whole} of {len(running)} streams whole")


def _completed(where: site.Site, **more: object) -> int:
    body = json.dumps({"model": site.NAME, "prompt": "a", "max_tokens": 1, **more}).encode()
    return where.ask("POST", "/v1/completions", where.key, body, **JSON_TYPE).status


def _in_chunks(where: site.Site, head: bytes) -> tuple[list[int], int]:
    """Return what a body in chunks is answered, and the bytes that were taken of it."""
    chunk = b"%x\r\n%s\r\n" % (2**20, b" " * 2**20)
    sent, answer = 0, b""
    with socket.create_connection(where.guard, SECONDS) as one, contextlib.suppress(OSError):
        one.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        while sent <= 2 * MOST and not select.select([one], [], [], 0)[0]:
            one.sendall(chunk)
            sent += 2**20
        answer = one.recv(65536)
    return rig.statuses(answer), sent


def _as_expected(
    ask: Callable[[hostile.Case], list[int]], expected: Callable[[hostile.Case], list[int]]
) -> attack.Seen:
    with futures.ThreadPoolExecutor(TOGETHER) as callers:
        found = list(callers.map(ask, hostile.CASES))
    wrong = [case.name for case, one in zip(hostile.CASES, found, strict=True) if one != expected(case)]
    passed = f"; not: {', '.join(wrong)}" if wrong else ""
    return attack.Seen(
        not wrong, f"{len(found) - len(wrong)} of {len(found)} requests answered as they must be{passed}"
    )


def _counted(found: list[object]) -> str:
    return ", ".join(f"{one} ({found.count(one)})" for one in dict.fromkeys(found))
