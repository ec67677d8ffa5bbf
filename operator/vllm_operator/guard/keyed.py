"""What keys open: routes with a key's client, its expiry and its limit, and what each client is told of all else.

A limit is written as the `cost` of one request. Every client has a bucket of `BUDGET` tokens per unit, so a bucket never
depends on the limit: a changed limit, a changed key or another client leaves a client's tokens where they are.

A route stands here once for each key or client, of which there may be hundreds, so it holds nothing that all share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vllm_operator.guard import clusters, matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vllm_operator.guard import proto
    from vllm_operator.guard.access import Client, Credential

METADATA = "guard"
KEYLESS = "keyless"
"""The fact of a route that needs no key: the kind of its requests, which have a limit together."""
HEALTH, OPEN, REFUSED = "health", "open", "refused"
"""The kinds: vLLM's health, the page and preflights, and what gets an error."""
BUDGET = 1_000_000_000
"""The tokens of a bucket: so many that the share of any limit is exact to a millionth, and below Envoy's 32 bits."""
TOLD = f"%METADATA(ROUTE:{METADATA}:client)%"
"""The client of the route's key, nothing where there is none, as Envoy writes it into a header."""
TO_ENGINE: proto.Json = {
    "cluster": clusters.ENGINE,
    "timeout": "0s",
    "idle_timeout": "3600s",
    "flush_timeout": "600s",
}
"""Only the silence within an answer is bounded, since a stream may take hours and a long prompt is read in silence; and how long
a caller may leave unread what vLLM has sent to its end."""
_HEAD, _TAIL = len("sk-") + 4, 4
"""The characters at a key's beginning and at its end by which it is looked up: 48 random bits, which few keys share. Keys that
somebody brings often begin alike, and some end alike."""
_LATEST_EXPIRY = 2**53
"""Expiries above this, in unix seconds, are written as this: Envoy reads numbers as doubles."""


def routes(
    clients: Iterable[Client], opened: Sequence[matches.Calls], engine: proto.Json, unknown: proto.Json
) -> list[proto.Json]:
    """Return the routes of what each key opens by `engine`, then those by which a client learns what is `unknown`."""
    held = [client for client in sorted(clients, key=lambda client: client.name) if client.credentials]
    return [
        *(route for client in held for route in _opened(client, opened, engine)),
        *(_rest(client, unknown) for client in held),
    ]


def strangers(clients: Iterable[Client], refused: Iterable[proto.Json]) -> list[proto.Json]:
    """Return the routes by which the rest is `refused`, for callers whose key is none of a client's, as its two ends tell.

    They stand before the routes of the keys, so that a wrong key costs the same, however many clients there are.
    """
    keys = [credential.key for client in clients for credential in client.credentials]
    if not keys:
        return []
    stranger = matches.unlike({key[:_HEAD] for key in keys}, {key[-_TAIL:] for key in keys})
    return [{**route, "match": {**route["match"], "headers": [stranger]}} for route in refused]


def facts(**facts: object) -> proto.Json:
    """Return what the limiter, the script, the counters and the log read of a route."""
    return {"metadata": {"filter_metadata": {METADATA: facts}}}


def header(name: str, value: str) -> proto.Json:
    """Return a header that takes the place of any of its name."""
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _opened(client: Client, opened: Sequence[matches.Calls], engine: proto.Json) -> Iterator[proto.Json]:
    for credential in client.credentials:
        key, granted = matches.bearer([credential.key]), facts(**_grant(client, credential))
        yield from ({"match": calls.match(key), "route": engine, **granted} for calls in opened)


def _rest(client: Client, unknown: proto.Json) -> proto.Json:
    """Return a 404 for all else, where callers without a key get 401."""
    key = matches.bearer(one.key for one in client.credentials)
    return {"match": {"prefix": "/", "headers": [key]}, **facts(client=client.name), **unknown}


def _grant(client: Client, credential: Credential) -> proto.Json:
    """Return the client of the key and the cost of a request, as text, since Envoy may print a large number as 1e+09."""
    limit = client.limit
    cost = str(BUDGET // limit.requests)
    grant: proto.Json = {"client": client.name, "unit": limit.unit, "limit": limit.requests, "cost": cost}
    if credential.expires_at is not None:
        grant["expires_at"] = max(0, min(credential.expires_at, _LATEST_EXPIRY))
    return grant
