"""When keys end without anybody's doing: the clients' expiresAt, and the overlaps of rotations. Pure."""

from collections.abc import Iterable

from vllm_operator import api
from vllm_operator.keys import decision, state

LONG_PAST = 0  # unix seconds


def expiry(client: api.Client) -> int | None:
    """Return from when on the client's keys are refused, in unix seconds; None: never.

    A moment that cannot be read counts as long past: no key outlives its end because nobody understands when that is.
    """
    if client.expires_at is None:
        return None
    try:
        return api.unix(client.expires_at)
    except (ValueError, OverflowError):
        return LONG_PAST


def expired(access: api.Access, now: float) -> tuple[str, ...]:
    """Return the names of the clients whose expiresAt has passed."""
    ends = {client.name: expiry(client) for client in decision.clients(access)}
    return tuple(name for name, end in ends.items() if end is not None and end <= now)


def due(access: api.Access, issued: Iterable[state.Issued], now: float) -> float | None:
    """Return in how many seconds the next key or client ends, None where none does."""
    clients = (expiry(client) for client in decision.clients(access))
    overlaps = (one.until for each in issued for one in each.previous)
    ends = [end for end in (*clients, *overlaps) if end is not None]
    return min((end - now for end in ends if end > now), default=None)
