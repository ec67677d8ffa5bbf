"""All attacks, in the order in which they are tried, and the table that they make."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.attack import floods, inside, page, places, requests, tenants
from tests.attack.attack import Attack, Seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.attack import site

MOST_RATIO, IDLE = 2.0, 0.5
"""How many times as long as in quiet a hundredth of the requests with a key may take during a flood; and which share of the
processors must have had nothing to do before, or the ratio says nothing of the guard."""
SLOW = False  # takes longer than `make test` has, or is one of its tests already
ATTACKS = (
    Attack("size", "bodies that are said to be too long, with and without a key; one in chunks", requests.too_long),
    Attack(
        "headers", "headers that vLLM obeys, the key in other headers, an endless request id", requests.obeyed_headers
    ),
    Attack("one-request", "more answers, prompts and stop texts than one request may have", requests.one_request, SLOW),
    Attack("plain-http", "the key over plain http beside TLS", requests.over_plain_http, SLOW),
    Attack("exact", "requests made to get past a guard, to the guard", requests.past_the_guard, SLOW),
    Attack("exact", "the same through the Ingress", requests.past_the_edge, SLOW),
    Attack("ports", "listening on the guard's ports, from the engine's container", inside.take_ports, SLOW),
    Attack("engine-keyless", "a search for the client's key, as the engine's user", inside.find_keys),
    Attack("set-uid", "a search for set-uid files in the engine's image", inside.become_another),
    Attack("private", "port 8002 from a pod of somebody else", inside.private_port),
    Attack(
        "media", "URLs of metadata services, loopback and other Services, as media of a request", inside.fetch, SLOW
    ),
    Attack("values", "specs with hostile arguments, variables, images, names and quantities", tenants.hostile_specs),
    Attack("hosts", "a model of another namespace that claims the host", tenants.take_the_host),
    Attack(
        "tenant",
        "others' Secrets, logs, models and tokens, with the role edit in one namespace",
        tenants.other_namespaces,
    ),
    Attack("shape", "objects of other shapes, by the operator's own account", tenants.operators_shapes),
    Attack("owned", "other rights, by the operator's own account", tenants.operators_reach),
    Attack("wrong-key", "wrong keys, with one client and with the most", floods.wrong_keys, SLOW),
    *(Attack("keyless-cost", name, floods.asked(name), SLOW) for name in floods.KINDS),
    *(Attack("silent", f"connections: {name}", floods.held_back(name), SLOW) for name in floods.flood.HELD_BACK),
    Attack("silent", "connections with a key that hold half a body back", floods.held_back_with_a_key, SLOW),
    Attack("unread", "answers that nobody reads", floods.unread, SLOW),
    Attack("private", "connections to port 8002 that ask nothing or half a question", floods.private_port, SLOW),
    Attack("streams", "more streams at once than the engine runs", requests.streams, SLOW),
    Attack("leaks", "a search for the key after all of these", places.key_in_places, SLOW),
)
HEAD = ("| claim | what was tried | result | seen |", "|---|---|---|---|")


def run(where: site.Site, chosen: Iterable[Attack] = ATTACKS) -> Iterator[tuple[Attack, Seen]]:
    """Yield each attack with what was seen of it; one that ends in an error has not held."""
    for one in chosen:
        begun = time.monotonic()
        try:
            seen = one.run(where)
        except Exception as error:  # noqa: BLE001 - the others are to be tried all the same
            seen = Seen(held=False, figure=f"ended by {type(error).__name__}: {' '.join(str(error).split())[:300]}")
        yield one, seen._replace(figure=f"{seen.figure} ({time.monotonic() - begun:.0f} s)")


def row(one: Attack, seen: Seen) -> str:
    """Return a line of the table."""
    claim = page.every()[one.claim].words
    return f"| {claim} | {one.tried} | {verdict(seen)} | {seen.figure} |"


def is_held(seen: Seen) -> bool:
    """Tell whether the claim held, and who has a key was answered soon enough; on a busy machine that is not judged."""
    return seen.held and not (seen.ratio >= MOST_RATIO and seen.idle >= IDLE)


def verdict(seen: Seen) -> str:
    """Say in a word what came of it."""
    slower = f", {seen.ratio:.1f} x" if seen.ratio else ""
    if not seen.held:
        return "**broken**"
    if seen.ratio < MOST_RATIO:
        return f"held{slower}"
    return f"held, but slow on a busy machine{slower}" if is_held(seen) else f"**too slow**{slower}"
