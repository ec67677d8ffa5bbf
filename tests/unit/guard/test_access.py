"""What may stand in a guard's configuration: keys, names, limits and origins without a way out of it."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.unit.guard import shapes
from tests.unit.guard.shapes import KEY, OTHER
from vllm_operator import guard


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
    assert KEY not in repr(shapes.access(shapes.client()))


def test_key_that_stands_twice_is_refused_by_the_clients_names() -> None:
    with pytest.raises(ValueError, match="at client 'a' and at 'b'") as refused:
        shapes.access(shapes.client("a", KEY), shapes.client("b", KEY))
    assert KEY not in str(refused.value)


def test_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="two clients are named 'a'"):
        shapes.access(shapes.client("a", KEY), shapes.client("a", OTHER))


@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "%REQ(authorization)%", "a\r\nx: y", "a" * 64])
def test_name_that_is_no_dns_label_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="DNS label"):
        shapes.client(name)


@pytest.mark.parametrize(
    ("requests", "unit"), [(0, "Minute"), (-1, "Minute"), (1_000_001, "Minute"), (1, "Day"), (1, "minute")]
)
def test_impossible_limits_are_refused(requests: int, unit: str) -> None:
    with pytest.raises(ValueError, match="rate limit"):
        guard.RateLimit(requests, unit)


@pytest.mark.parametrize(
    "origin", ["", "null", "app.example", "https://app.example/", "https://A.example", "https://*", "ftp://a", "a,*"]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="an origin is such as"):
        guard.Access((), "peers", (origin,))
