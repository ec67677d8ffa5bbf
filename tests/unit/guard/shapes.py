"""Clients and endpoints for the tests of what a guard is given, and the files that are rendered from them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from vllm_operator import guard

KEY, OTHER = (f"sk-{letter * 43}" for letter in "ab")
LIMIT = guard.RateLimit(600, "Minute")
ENVOY = (1, 40)


class Endpoint(NamedTuple):
    method: str
    path: str
    keyed: bool = True


ENDPOINTS = (
    Endpoint("GET", "/health", keyed=False),
    Endpoint("GET", "/v1/models"),
    Endpoint("POST", "/v1/completions"),
)


def access(*clients: guard.Client) -> guard.Access:
    return guard.Access(clients, "peers.models.svc")


def client(name: str = "a", *keys: str, limit: guard.RateLimit = LIMIT) -> guard.Client:
    return guard.Client(name, limit, tuple(guard.Credential(key) for key in keys or (KEY,)))


def rendered(now: guard.Access, endpoints: tuple[Endpoint, ...] = ENDPOINTS) -> guard.Rendered:
    return guard.rendered(now, endpoints, ENVOY)


def routes(now: guard.Access, endpoints: tuple[Endpoint, ...] = ENDPOINTS) -> list[dict[str, Any]]:
    (configuration,) = json.loads(rendered(now, endpoints).files["routes.yaml"])["resources"]
    (host,) = configuration["virtual_hosts"]
    found: list[dict[str, Any]] = host["routes"]
    return found


def forwarding(now: guard.Access, endpoints: tuple[Endpoint, ...] = ENDPOINTS) -> list[dict[str, Any]]:
    """Return the routes that lead to the engine."""
    return [route for route in routes(now, endpoints) if "route" in route]
