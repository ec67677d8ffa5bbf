"""Which client's key the canary uses: that of the client which can best spare a request. Pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from vllm_operator import api, guard, keys
from vllm_operator.keys import record
from vllm_operator.kube import kinds, naming
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status.observed import ObservedState

LEAST_PER_HOUR = 60
PER_HOUR: Mapping[str, int] = {"Second": 3600, "Minute": 60, "Hour": 1}
NO_KEY = ConditionValue(
    "Unknown", "NoClientKey", "no client has a valid key, and the model is only asked as a client asks it"
)
NO_SPARE_LIMIT = ConditionValue(
    "Unknown",
    "NoSpareLimit",
    f"no client may send {LEAST_PER_HOUR} requests an hour or more, so none can spare the request that verifies the model",
)


class SpareClient(NamedTuple):
    """A client's key, and how many requests it may send in an hour."""

    per_hour: int
    key: str


def find(seen: ObservedState, access: api.Access, now: float) -> SpareClient | ConditionValue:
    """Return the client with the largest limit, or why none is used. `now`: unix seconds; who has expired is passed over."""
    clients = list(_keyed(seen, access, now))
    if not clients:
        return NO_KEY
    largest = max(clients, key=lambda client: client.per_hour)
    return largest if largest.per_hour >= LEAST_PER_HOUR else NO_SPARE_LIMIT


def _keyed(seen: ObservedState, access: api.Access, now: float) -> Iterator[SpareClient]:
    expired = keys.expired(access, now)
    for client in keys.clients(access):
        key = record.key(seen.child(kinds.SECRET, naming.client_secret(seen.owner.name, client.name)))
        if client.name not in expired and guard.is_key(key):
            yield SpareClient(_per_hour(client.rate_limit or access.default_rate_limit), key)


def _per_hour(limit: api.RateLimit) -> int:
    return limit.requests * PER_HOUR[limit.unit]
