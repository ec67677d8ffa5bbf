"""The live part: what each key opens, for whom, and how much a request costs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.unit.guard import shapes
from tests.unit.guard.shapes import Endpoint
from vllm_operator import guard

MODELS = (Endpoint("GET", "/v1/models"),)


def test_no_prefix_leads_to_the_engine() -> None:
    found = shapes.forwarding(shapes.access(shapes.client()))
    assert [set(route["match"]) for route in found] == [{"safe_regex", "headers"}] * 4
    for route in found:
        pattern = route["match"]["safe_regex"]["regex"]
        others = ("/v1/", "/v1/modelsx", "/v1/models/", "/v1/load_lora_adapter", "//", "/x")
        assert not [path for path in others if re.fullmatch(pattern, path)]
        method = "POST" if "completions" in pattern else "GET"
        assert {"name": ":method", "string_match": {"exact": method}} in route["match"]["headers"]


def test_answers_may_take_hours_and_be_silent_for_one() -> None:
    """Envoy's own default ends every answer after 15 s."""
    found = [route["route"] for route in shapes.forwarding(shapes.access(shapes.client()))]
    assert [(to["cluster"], to["timeout"], to["idle_timeout"]) for to in found] == [("vllm", "0s", "3600s")] * 4
    assert {to["flush_timeout"] for to in found} == {"600s"}, "what nobody reads is given up"


def test_a_wrong_key_is_looked_up_before_it_is_compared_with_those_of_the_clients() -> None:
    """The look-up is one expression, and what it takes grows with the clients alone by what its text does."""
    keys = [f"sk-{number:06}{'k' * 30}" for number in range(300)]
    clients = [shapes.client(f"c{number}", key) for number, key in enumerate(keys)]
    found = shapes.routes(shapes.access(*clients))
    first = next(at for at, route in enumerate(found) if keys[0] in str(route))
    looked_up = [route for route in found[:first] if "invert_match" in str(route)]
    assert [(one["match"]["prefix"], one["direct_response"]["status"]) for one in looked_up] == [
        ("/v1/", 401),
        ("/", 404),
    ]
    ((header,), *others) = (one["match"]["headers"] for one in looked_up)
    assert others == [[header]]
    assert (header["invert_match"], header["treat_missing_header_as_empty"]) == (True, True)
    known = re.compile(header["string_match"]["safe_regex"]["regex"])
    assert all(known.fullmatch(f"{scheme} {key}") for key in keys for scheme in ("Bearer", "bearer"))
    assert not any(known.fullmatch(text) for text in ("", f"Bearer {shapes.KEY}", f"Basic {keys[0]}", keys[0]))


def test_a_client_of_several_keys_is_told_once_of_what_is_unknown() -> None:
    keys = [f"sk-{letter * 43}" for letter in "abc"]
    found = [route for route in shapes.routes(shapes.access(shapes.client("a", *keys))) if keys[0] in str(route)]
    assert [route["direct_response"]["status"] for route in found if "direct_response" in route] == [404]
    assert all(key in str(found[-1]["match"]) for key in keys)


def test_endpoint_with_signs_of_a_pattern_is_taken_literally() -> None:
    _, keyed = shapes.forwarding(shapes.access(shapes.client()), (Endpoint("GET", "/v1/a.b"),))
    assert re.fullmatch(keyed["match"]["safe_regex"]["regex"], "/v1/a.b")
    assert not re.fullmatch(keyed["match"]["safe_regex"]["regex"], "/v1/axb")


def test_keyed_endpoint_outside_v1_asks_for_a_key() -> None:
    found = shapes.routes(shapes.access(), (Endpoint("POST", "/rerank"),))
    refusals = [route for route in found if "direct_response" in route]
    assert [route["match"] for route in refusals] == [{"prefix": "/v1/"}, {"path": "/rerank"}, {"prefix": "/"}]
    assert [route["direct_response"]["status"] for route in refusals] == [401, 401, 404]


@given(some.from_regex(guard.KEY_PATTERN, fullmatch=True), some.text())
def test_route_takes_its_key_and_no_other(key: str, other: str) -> None:
    _, found = shapes.forwarding(shapes.access(shapes.client("a", key)), MODELS)
    pattern = found["match"]["headers"][1]["string_match"]["safe_regex"]["regex"]
    assert re.fullmatch(pattern, f"Bearer {key}")
    assert (other == key) == bool(re.fullmatch(pattern, f"Bearer {other}"))


def facts(client: guard.Client) -> dict[str, Any]:
    """Return what limiter and script read of the client's route."""
    _, found = shapes.forwarding(shapes.access(client), MODELS)
    told: dict[str, Any] = found["metadata"]["filter_metadata"]["guard"]
    return told


@given(some.integers(1, 1_000_000), some.sampled_from(sorted(guard.UNITS)))
def test_cost_is_the_limits_share_of_the_bucket(requests: int, unit: str) -> None:
    told = facts(shapes.client(limit=guard.RateLimit(requests, unit)))
    assert 1_000_000_000 // int(told["cost"]) == pytest.approx(requests, rel=0.001)
    assert (told["unit"], told["limit"]) == (unit, requests)


@given(some.integers())
def test_an_expiry_of_any_size_is_written_and_ends_no_sooner(expires_at: int) -> None:
    """Expiries come from Secrets too, which somebody may edit: no number may keep the other clients' routes from being made."""
    told = facts(guard.Client("a", shapes.LIMIT, (guard.Credential(shapes.KEY, expires_at),)))
    assert 0 <= told["expires_at"] <= 2**53
    if 0 <= expires_at <= 2**53:
        assert told["expires_at"] == expires_at
