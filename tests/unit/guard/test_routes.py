"""What the guard's configuration is, whoever reads it: the same for the same access, and without a way out of it."""

from __future__ import annotations

import itertools
import json
import re
import secrets
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as some

from vllm_operator import guard

KEY, OTHER = (f"sk-{letter * 43}" for letter in "ab")
LIMIT = guard.RateLimit(600, "Minute")


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


def client(name: str, *keys: str, limit: guard.RateLimit = LIMIT) -> guard.Client:
    return guard.Client(name, limit, tuple(guard.Credential(key) for key in keys))


def routes(now: guard.Access, endpoints: tuple[Endpoint, ...] = ENDPOINTS) -> list[dict[str, Any]]:
    found = json.loads(guard.files(now, endpoints, (1, 40))["routes.yaml"])["resources"][0]["virtual_hosts"][0][
        "routes"
    ]
    assert isinstance(found, list)
    return found


def test_same_access_makes_the_same_bytes_in_whatever_order() -> None:
    clients = (client("a", KEY), client("b", OTHER))
    texts = {
        tuple(guard.files(access(*order), table, (1, 40)).items())
        for order in itertools.permutations(clients)
        for table in itertools.permutations(ENDPOINTS)
    }
    assert len(texts) == 1


def test_keys_stand_in_the_live_file_alone() -> None:
    files = guard.files(access(client("team-a", KEY)), ENDPOINTS, (1, 40))
    assert tuple(files) == guard.FILES
    assert KEY in files["routes.yaml"]
    assert KEY not in files["bootstrap.yaml"]
    assert "team-a" not in files["bootstrap.yaml"]


def test_bootstrap_is_the_same_whatever_changes_while_a_model_serves() -> None:
    nobody, somebody = access(), access(client("a", KEY, limit=guard.RateLimit(1, "Hour")))
    one, other = (guard.files(now, ENDPOINTS, (1, 40))["bootstrap.yaml"] for now in (nobody, somebody))
    assert one == other


@pytest.mark.parametrize(
    "changed",
    [access(client("a", OTHER)), access(client("b", KEY)), access(client("a", KEY, limit=guard.RateLimit(1, "Minute"))),
     access(client("a", KEY), client("b", OTHER)), access(guard.Client("a", LIMIT, (guard.Credential(KEY, 1),))), access()],
)  # fmt: skip
def test_version_names_what_is_live(changed: guard.Access) -> None:
    before = guard.version(access(client("a", KEY)), ENDPOINTS)
    assert re.fullmatch(r"[0-9a-f]{16}", before)
    assert guard.version(changed, ENDPOINTS) != before
    assert json.loads(guard.files(changed, ENDPOINTS, (1, 40))["routes.yaml"])["version_info"] == guard.version(
        changed, ENDPOINTS
    )


def test_no_prefix_leads_to_the_engine() -> None:
    forwarding = [route for route in routes(access(client("a", KEY))) if "route" in route]
    assert [set(route["match"]) for route in forwarding] == [{"safe_regex", "headers"}] * 3
    for route in forwarding:
        pattern = route["match"]["safe_regex"]["regex"]
        assert not [
            path
            for path in ("/v1/", "/v1/modelsx", "/v1/models/", "/v1/load_lora_adapter", "/")
            if re.fullmatch(pattern, path)
        ]
        assert {"name": ":method", "string_match": {"exact": "POST" if "completions" in pattern else "GET"}} in route[
            "match"
        ]["headers"]


def test_answers_may_take_hours_and_be_silent_for_ten_minutes() -> None:
    """Envoy's own default ends every answer after 15 s."""
    forwarding = [route["route"] for route in routes(access(client("a", KEY))) if "route" in route]
    assert [(to["cluster"], to["timeout"], to["idle_timeout"]) for to in forwarding] == [("vllm", "0s", "600s")] * 3


def test_endpoint_with_signs_of_a_pattern_is_taken_literally() -> None:
    (keyed,) = [route for route in routes(access(client("a", KEY)), (Endpoint("GET", "/v1/a.b"),)) if "route" in route]
    assert re.fullmatch(keyed["match"]["safe_regex"]["regex"], "/v1/a.b")
    assert not re.fullmatch(keyed["match"]["safe_regex"]["regex"], "/v1/axb")


def test_keyed_endpoint_outside_v1_asks_for_a_key() -> None:
    refusals = [
        route["match"] for route in routes(access(), (Endpoint("POST", "/rerank"),)) if "direct_response" in route
    ]
    assert refusals == [{"prefix": "/v1/"}, {"path": "/rerank"}, {"prefix": "/"}]


@given(some.from_regex(guard.KEY_PATTERN, fullmatch=True), some.text())
def test_route_takes_its_key_and_no_other(key: str, other: str) -> None:
    (found,) = [r for r in routes(access(client("a", key)), (Endpoint("GET", "/v1/models"),)) if "route" in r]
    pattern = found["match"]["headers"][1]["string_match"]["safe_regex"]["regex"]
    assert re.fullmatch(pattern, f"Bearer {key}")
    assert (other == key) == bool(re.fullmatch(pattern, f"Bearer {other}"))


@given(some.integers(1, 1_000_000), some.sampled_from(sorted(guard.UNITS)))
def test_cost_is_the_limits_share_of_the_bucket(requests: int, unit: str) -> None:
    (found,) = [
        r for r in routes(access(client("a", KEY, limit=guard.RateLimit(requests, unit)))) if r.get("metadata")
    ][:1]
    cost = int(found["metadata"]["filter_metadata"]["guard"]["cost"])
    assert 1_000_000_000 // cost == pytest.approx(requests, rel=0.001)


@given(some.text())
def test_other_alphabets_are_refused_without_showing_the_key(text: str) -> None:
    if guard.is_key(text):
        return
    with pytest.raises(ValueError, match="a key is 'sk-' and 32 to 128 of the characters") as refused:
        guard.Credential(text)
    assert len(text) < 8 or text not in str(refused.value)


@pytest.mark.parametrize(
    "key",
    ["", "sk-", "sk-short", f"{KEY}\n", f"{KEY}.*", KEY.replace("sk-", "pk-"), f"sk-{'a' * 129}", f"sk-ä{'a' * 43}"],
)
def test_key_outside_the_alphabet(key: str) -> None:
    assert not guard.is_key(key)
    with pytest.raises(ValueError, match="a key is"):
        guard.Credential(key)


def test_generated_keys_are_of_the_alphabet() -> None:
    assert all(guard.is_key(f"sk-{secrets.token_urlsafe(32)}") for _ in range(1000))


def test_key_does_not_show() -> None:
    assert KEY not in repr(access(client("a", KEY)))


def test_key_that_stands_twice_is_refused_by_the_clients_names() -> None:
    with pytest.raises(ValueError, match="at client 'a' and at 'b'") as refused:
        access(client("a", KEY), client("b", KEY))
    assert KEY not in str(refused.value)


def test_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="two clients are named 'a'"):
        access(client("a", KEY), client("a", OTHER))


@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "%REQ(authorization)%", "a\r\nx: y", "a" * 64])
def test_name_that_is_no_dns_label_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="DNS label"):
        client(name, KEY)


@pytest.mark.parametrize(
    ("requests", "unit"), [(0, "Minute"), (-1, "Minute"), (1_000_001, "Minute"), (1, "Day"), (1, "minute")]
)
def test_impossible_limits_are_refused(requests: int, unit: str) -> None:
    with pytest.raises(ValueError, match="rate limit"):
        guard.RateLimit(requests, unit)


def test_live_part_is_the_same_for_every_envoy_and_an_older_one_gets_what_the_oldest_takes() -> None:
    older, oldest, newest = (guard.files(access(), ENDPOINTS, version) for version in ((1, 37), guard.OLDEST, (1, 40)))
    assert older == oldest
    assert oldest["routes.yaml"] == newest["routes.yaml"]
    assert oldest["bootstrap.yaml"] != newest["bootstrap.yaml"]


def test_page_that_may_call_is_named_in_the_live_part_alone() -> None:
    files = guard.files(guard.Access((), "peers", ("https://app.example",)), ENDPOINTS, (1, 40))
    assert "https://app.example" in files["routes.yaml"]
    assert "https://app.example" not in files["bootstrap.yaml"]


@pytest.mark.parametrize(
    "origin", ["", "null", "app.example", "https://app.example/", "https://A.example", "https://*", "ftp://a", "a,*"]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="an origin is such as"):
        guard.Access((), "peers", (origin,))


@pytest.mark.parametrize(
    ("image", "expected"),
    [("envoyproxy/envoy:distroless-v1.40.0", (1, 40)), ("envoyproxy/envoy:v1.39-latest", (1, 39)),
     ("mirror:5000/envoy:1.38.3", (1, 38)), ("r.io/vllm-operator/guard:v1.40.0@sha256:00", (1, 40)),
     ("r.io/envoy:latest", (1, 38)), ("mirror:5000/envoy", (1, 38)), ("r.io/envoy@sha256:1.2", (1, 38)),
     ("guard:0.1.39", (1, 38))],
)  # fmt: skip
def test_version_of_an_image(image: str, expected: tuple[int, int]) -> None:
    assert guard.version_of(image) == expected


def test_state_is_read_from_stats() -> None:
    labels = 'envoy_rds_route_config="guard",envoy_http_conn_manager_prefix="public"'
    text = (
        f"envoy_http_rds_update_failure{{{labels}}} 1\nenvoy_http_rds_update_rejected{{{labels}}} 2\n"
        f'envoy_http_rds_version_text{{{labels},text_value="ab12"}} 0\n'
    )
    assert guard.state(text) == guard.State("ab12", 3)
    assert guard.state("") == guard.State("", 0)
