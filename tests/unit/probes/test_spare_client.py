"""Which client's key the operator asks with: never one that would miss the request."""

import base64
from typing import Any

import pytest

from tests import observations
from tests.golden import render
from vllm_operator import api
from vllm_operator.kube import kinds, naming
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.probes import spare_client
from vllm_operator.status import observed

NOW = api.unix(render.NOW)
A, B = render.KEYS["team-a"], render.KEYS["team-b"]


def limit(requests: int, unit: str = "Hour") -> dict[str, Any]:
    return {"rateLimit": {"requests": requests, "unit": unit}}


def seen(*clients: dict[str, Any], **access: Any) -> observed.ObservedState:
    model = observations.model({"access": {"clients": [*clients], **access}})
    return observations.state(model, observations.serving())


def found(state: observed.ObservedState, now: float = NOW) -> str:
    """Return the key that is used, or the reason why none is."""
    spec = api.Spec.model_validate(state.model["spec"])
    answer = spare_client.find(state, spec.access, now)
    return answer.reason if isinstance(answer, ConditionValue) else answer.key


@pytest.mark.parametrize(
    ("of_a", "of_b", "used"),
    [
        (limit(1000), limit(1001), B),
        (limit(1000), limit(1000), A),
        (limit(3600), limit(2, "Second"), B),
        (limit(60, "Minute"), limit(2, "Second"), B),
        (limit(1, "Minute"), limit(59), A),
        (limit(59), limit(60), B),
        (limit(59), limit(59), "NoSpareLimit"),
        (limit(1), {}, B),
    ],
)
def test_the_client_with_the_largest_limit_is_used_and_none_with_a_small_one(
    of_a: dict[str, Any], of_b: dict[str, Any], used: str
) -> None:
    assert found(seen({"name": "team-a", **of_a}, {"name": "team-b", **of_b})) == used


def test_a_small_limit_of_all_counts_for_who_has_none() -> None:
    assert found(seen({"name": "team-a"}, defaultRateLimit={"requests": 59, "unit": "Hour"})) == "NoSpareLimit"


def test_who_has_expired_is_never_used() -> None:
    clients = {"name": "team-a", "expiresAt": "2025-12-31T23:59:59Z", **limit(9000)}, {"name": "team-b"}
    assert found(seen(*clients)) == B
    assert found(seen(*clients), NOW - 5) == B
    assert found(seen(clients[0])) == "NoClientKey"
    assert found(seen(clients[0]), NOW - 5) == A


def test_who_has_no_key_is_never_used() -> None:
    brought = {"name": "vault", "keySecretRef": {"name": "from-our-vault"}, **limit(1_000_000, "Second")}
    assert found(seen(brought, {"name": "team-b"})) == B
    assert found(seen(brought)) == "NoClientKey"
    assert found(seen()) == "NoClientKey"


@pytest.mark.parametrize("key", ["", "sk-short", "sk-" + "a" * 40 + "\r\nX: y", "sk-" + "é" * 40])
def test_what_is_no_key_is_not_sent(key: str) -> None:
    state = seen({"name": "team-a"})
    ref = kinds.Ref("Secret", "models", naming.client_secret("vllm11", "team-a"))
    garbled = {**state.objects[ref], "data": {"OPENAI_API_KEY": base64.b64encode(key.encode()).decode()}}
    assert found(state._replace(objects={**state.objects, ref: garbled})) == "NoClientKey"


@pytest.mark.parametrize("nothing", [spare_client.NO_KEY, spare_client.NO_SPARE_LIMIT])
def test_it_is_said_in_words_why_none_is_used(nothing: ConditionValue) -> None:
    assert nothing.status == "Unknown"
    assert "client" in nothing.message
