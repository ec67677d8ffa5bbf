"""Floods of one guard: what becomes of its memory, of those who flood it, and of the client who asks with a key meanwhile.

What is sent is that of tests/guard, from another process. A ratio of the slowest requests is what the machine shows on which
attacker, guard and model share the processors.
"""

from __future__ import annotations

import contextlib
import pathlib
import statistics
import time
from typing import TYPE_CHECKING

from tests.attack import attack, attacker, site
from tests.guard import flood, rig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

QUIET, MEASURED, GONE = 4.0, 5.0, 75.0
"""The seconds for which the client is measured before and meanwhile, and after which who waits must be gone."""
LATEST = 130.0
DEEP = b"%" + b"25" * 290
WRONG = b"Authorization: Bearer sk-" + b"w" * 43 + b"\r\n"
NO_KEY = b"GET /v1/models HTTP/1.1\r\nHost: model\r\n\r\n"
KINDS = {
    "no key": [NO_KEY],
    "a wrong key": [NO_KEY.replace(b"\r\n\r\n", b"\r\n" + WRONG + b"\r\n")],
    "a path that is encoded again and again": [
        b"GET /%s HTTP/1.1\r\nHost: model\r\nX-Request-Id: %s\r\n\r\n" % (DEEP, DEEP)
    ],
    "questions for /health": [b"GET /health HTTP/1.1\r\nHost: model\r\n\r\n"],
    "questions for the guide": [b"GET /guide HTTP/1.1\r\nHost: model\r\n\r\n"],
}
CALLERS, REFUSALS, _IDLE = 16, 500, 3


def gone_as_seen(one: attacker.Attacker) -> int:
    """Return how many connections the attacker has seen closed."""
    return one.ask()["gone"]


def held_back(name: str) -> Callable[[site.Site], attack.Seen]:
    """Return the flood of connections of that name, without a key."""

    def run(where: site.Site) -> attack.Seen:
        number, sent = flood.HELD_BACK[name]
        return _crowd(where, attacker.Order(where.guard, [sent], number=number), GONE)

    return run


def held_back_with_a_key(where: site.Site) -> attack.Seen:
    bearer = f"Authorization: Bearer {where.key}\r\n".encode()
    sent = flood.HEAD + bearer + b"Content-Length: 16384\r\n\r\n" + b"b" * 16383
    return _crowd(where, attacker.Order(where.guard, [sent], number=2500), LATEST)


def unread(where: site.Site) -> attack.Seen:
    """Ask for the guide over each connection, and read nothing; the guard says when it has closed them, as no end arrives."""
    sent = KINDS["questions for the guide"][0]
    order = attacker.Order(where.guard, [sent, sent * 40], number=900, read=2048)
    return _crowd(where, order, GONE, lambda _: order.number - where.connections())


def asked(name: str) -> Callable[[site.Site], attack.Seen]:
    """Return the flood of requests of that kind, as fast as they are answered."""

    def run(where: site.Site) -> attack.Seen:
        quiet, idle = _quiet(where)
        with attacker.sending(attacker.Order(where.guard, KINDS[name], callers=CALLERS)) as one:
            before, begun, spent = _sum(one.ask().values()), time.monotonic(), flood.cpu(where.guard_process)
            meanwhile = where.pace(MEASURED)
            counts = one.ask()
            requests = _sum(counts.values()) - before
            cost = (flood.cpu(where.guard_process) - spent) / max(1, requests + meanwhile.asked)
        rate = requests / (time.monotonic() - begun)
        told = (
            f"{rate:,.0f} requests/s of {CALLERS} callers, answered {_told(counts)}; {cost * 1000:.2f} ms of CPU each"
        )
        return _seen(quiet, meanwhile, told, cost < flood.MOST_CPU, idle)

    return run


def wrong_keys(where: site.Site) -> attack.Seen:
    """Compare the CPU of a wrong key with one client and with the most that a model may have."""
    few = _costs_of_a_wrong_key(where)
    clients = [{"name": "default"}, *({"name": f"client-{number}"} for number in range(127))]
    was = where.admin.get("vllm", site.MODEL)["spec"].get("access", {}).get("clients")
    where.admin.patch("vllm", site.MODEL, {"spec": {"access": {"clients": clients}}})
    try:
        last = where.until("the last client's key", lambda: where.admin.key(site.MODEL, "client-126"))
        where.until("the guard to take it", lambda: where.ask("GET", "/v1/models", last).status == 200, 150)
        most = _costs_of_a_wrong_key(where)
    finally:
        where.admin.patch("vllm", site.MODEL, {"spec": {"access": {"clients": was}}})
        where.until("one client", lambda: not where.admin.get("secret", f"{site.MODEL}.key.client-126"))
    is_held = all(most[call] < 1.5 * few[call] + 0.00002 for call in few)
    return attack.Seen(
        is_held, f"{max(few.values()) * 1000:.3f} ms with 1 client, {max(most.values()) * 1000:.3f} ms with 128"
    )


def private_port(where: site.Site) -> attack.Seen:
    """Hold connections to the port of probes, half of them with half a question, and ask what the kubelet asks meanwhile."""
    restarts = where.restarts()
    order = attacker.Order((where.pod, site.PRIVATE), [b"", b"GET /healthz HTTP/1.1\r\n"], number=1500)
    with attacker.sending(order) as one:
        probes = [where.private(path).status for path in ("/healthz", "/ready")]
        begun = time.monotonic()
        where.until("the end of who asks nothing", lambda: one.ask()["gone"] == order.number, GONE)
    gone = time.monotonic() - begun
    is_held = probes == [200, 200] and where.restarts() == restarts
    return attack.Seen(
        is_held, f"probes {probes[0]} and {probes[1]}; {order.number:,} gone after {gone:.0f} s; no restart"
    )


def _crowd(
    where: site.Site, order: attacker.Order, latest: float, gone_of: Callable[[attacker.Attacker], int] = gone_as_seen
) -> attack.Seen:
    quiet, idle = _quiet(where)
    where.forget_peak()
    with attacker.sending(order) as one:
        begun = time.monotonic()
        meanwhile = where.pace(MEASURED)
        memory = flood.memory(where.guard_process)
        is_over = _is_over(lambda: gone_of(one), order.number, begun + latest)
        gone = time.monotonic() - begun
    told = f"{order.number:,} connections, {'gone' if is_over else 'NOT gone'} after {gone:.0f} s; memory {memory:.0%}"
    return _seen(quiet, meanwhile, told, is_over and memory < flood.MOST, idle)


def _is_over(gone: Callable[[], int], number: int, latest: float) -> bool:
    while gone() < number:
        if time.monotonic() > latest:
            return False
        time.sleep(0.5)
    return True


def _seen(quiet: site.Pace, meanwhile: site.Pace, told: str, is_held: bool, idle: float) -> attack.Seen:
    ratio = meanwhile.p99 / quiet.p99
    fared = (
        f"with a key {meanwhile.answered} of {meanwhile.asked} answered, p99 {_ms(quiet.p99)} -> {_ms(meanwhile.p99)}"
    )
    return attack.Seen(is_held and meanwhile.answered == meanwhile.asked, f"{told}; {fared}", ratio, idle)


def _quiet(where: site.Site) -> tuple[site.Pace, float]:
    """Return how the client fares before, and the share of the processors that has nothing to do."""
    before = _ticks()
    found = where.pace(QUIET)
    spent = [after - one for after, one in zip(_ticks(), before, strict=True)]
    return found, spent[_IDLE] / max(1, sum(spent))


def _ticks() -> list[int]:
    """Return for how long all processors together did what, as Linux counts it."""
    return [int(one) for one in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _costs_of_a_wrong_key(where: site.Site) -> dict[tuple[str, str], float]:
    """Return the seconds of CPU of one refusal, the median of three tries, by what is asked."""
    return {call: statistics.median(_cost(where, *call) for _ in range(3)) for call in flood.REFUSED}


def _cost(where: site.Site, method: str, path: str) -> float:
    spent = flood.cpu(where.guard_process)
    with contextlib.closing(where.connection()) as connection:
        statuses = {rig.ask(connection, method, path, rig.OTHER, b"{}").status for _ in range(REFUSALS)}
    assert statuses == {flood.REFUSED[method, path]}, statuses
    return (flood.cpu(where.guard_process) - spent) / REFUSALS


def _sum(numbers: Iterable[int]) -> int:
    return sum(numbers)


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{status} ({count:,})" for status, count in sorted(counts.items()))
