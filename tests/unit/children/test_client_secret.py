"""What a client's Secret tells it, and what the guard's Secret makes of its keys."""

import base64
import json

from tests.unit.keys.cases import NOW, A, B
from vllm_operator import api, children, guard, keys
from vllm_operator.children import secrets
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "vllm11", "u")
SERVING = children.Serving(model="opt", task="Generate", context=None, url="https://llm.example/", image="")
ROTATED = keys.Issued(A, 2, NOW, (keys.Previous(B, NOW + 60),))


def told(secret: kinds.Object) -> dict[str, str]:
    """The entries of a Secret as text."""
    return {entry: base64.b64decode(value).decode() for entry, value in secret["data"].items()}


def let_in(*clients: api.Client, **issued: keys.Issued) -> dict[str, guard.Client]:
    """What the guard knows, by client."""
    spec = api.Spec(model=api.Model(source="file:///models/opt"), access=api.Access(clients=clients))
    return {one.name: one for one in secrets.access(OWNER, spec, SERVING, issued, None).clients}


def test_a_client_is_told_its_key_the_addresses_and_the_model() -> None:
    entries = told(secrets.client_secret(OWNER, "opt", "https://llm.example/", "a", keys.Issued(A, 1, NOW)))
    assert entries == {
        "OPENAI_API_KEY": A,
        "OPENAI_BASE_URL": "https://llm.example/v1",
        "OPENAI_BASE_URL_IN_CLUSTER": "http://vllm11.models.svc/v1",
        "OPENAI_MODEL": "opt",
    }


def test_the_pods_of_a_client_get_no_key_but_the_newest() -> None:
    secret = secrets.client_secret(OWNER, "opt", "https://llm.example/", "a", ROTATED)
    assert told(secret)["OPENAI_API_KEY"] == A
    assert B not in json.dumps([secret, told(secret)])


def test_a_replaced_key_ends_with_its_overlap_or_with_its_client_whichever_is_first() -> None:
    for end, ends in ((None, (None, NOW + 60)), (NOW + 10, (NOW + 10, NOW + 10)), (NOW + 90, (NOW + 90, NOW + 60))):
        client = api.Client(name="a", expires_at=api.moment(end) if end else None)
        credentials = let_in(client, a=ROTATED)["a"].credentials
        assert [(one.key, one.expires_at) for one in credentials] == [(A, ends[0]), (B, ends[1])]


def test_a_client_whose_end_cannot_be_read_is_let_in_no_more() -> None:
    client = api.Client(name="a", expires_at="0000-01-31T12:00:00Z")
    assert {one.expires_at for one in let_in(client, a=ROTATED)["a"].credentials} == {0}


def test_a_client_has_its_own_limit_else_that_of_the_model_and_none_is_let_in_without_a_key() -> None:
    own = api.Client(name="own", rate_limit=api.RateLimit(requests=5, unit="Hour"))
    found = let_in(
        own,
        api.Client(name="other"),
        api.Client(name="keyless"),
        own=ROTATED,
        other=keys.Issued("sk-" + "c" * 40, 1, NOW),
    )
    assert {name: (one.limit.requests, one.limit.unit) for name, one in found.items()} == {
        "own": (5, "Hour"),
        "other": (6000, "Minute"),
    }
