"""No key leaks: canary keys through a model's whole life, with debug logs, and then a search of every place there is."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from dev import demo, demo_calls
from tests import kubectl, waiting
from tests.e2e import conftest, leaks

CLIENTS = ("default", "team-b")
ENGINE = {
    "args": ["--enforce-eager", "--dtype=bfloat16", "--max-num-seqs=2"],
    "env": [{"name": "VLLM_LOGGING_LEVEL", "value": "DEBUG"}],
}


@pytest.fixture
def debugging(admin: kubectl.Admin) -> Iterator[None]:  # noqa: ARG001 - the cluster must be there
    """The operator at its most talkative."""
    demo.install({"logLevel": "DEBUG", "allow.engineEnv": "{VLLM_LOGGING_LEVEL}"})
    yield
    demo.install()


def test_a_key_hides_in_no_form_of_its_own() -> None:
    key = "sk-canary_0123456789-0123456789-0123456789"
    found = [form for form in leaks.forms(key) if form in _everywhere(key)]
    assert len(found) == len(leaks.forms(key))
    assert not leaks.hits(iter([("nowhere", b"sk-another_0123456789-0123456789-0123456789")]), {"key": key})


def _everywhere(key: str) -> bytes:
    """Return `key` as it may stand in other texts."""
    whole = b"".join(leaks.forms(key)[:4])
    encoded = (leaks.base64.b64encode(b"x" * before + key.encode() + b"yyy") for before in range(3))
    return whole + b" ".join(encoded)


@pytest.mark.usefixtures("debugging")
def test_no_key_is_found_outside_the_secrets_that_are_meant_to_hold_it(admin: kubectl.Admin) -> None:
    brought = "brought-by-canary"
    kept = {f"{demo.NAMESPACE}/{name}" for name in ("canary.guard", *(f"canary.key.{one}" for one in CLIENTS), brought)}
    with leaks.Processes() as processes:
        keys = _live(admin, brought)
        alive = leaks.hits(leaks.places(admin, "canary", kept), keys)
        admin.kubectl("delete", "vllm", "canary")
        admin.kubectl("delete", "secret", brought)
        waiting.until("the end of its Secrets", lambda: not admin.get("secret", "canary.guard"), admin.world)
    assert len(set(keys.values())) == len(keys)
    assert alive == []
    assert leaks.hits(leaks.etcd(set()), keys) == []
    assert leaks.hits(processes.places(), keys) == []
    assert any(b"vllm" in line for line in processes.seen)  # the search saw what there was to see


def _live(admin: kubectl.Admin, brought: str) -> dict[str, str]:
    """Let the model serve with a key of its own and a brought one; revoke, edit, rotate and misuse; return every key it had."""
    theirs = _bring(admin, brought)
    clients: list[dict[str, Any]] = [{"name": "default"}, {"name": "team-b", "keySecretRef": {"name": brought}}]
    body = kubectl.model("canary", engine=ENGINE, access={"clients": clients})
    body["metadata"]["namespace"] = demo.NAMESPACE
    admin.apply(body)
    demo.await_ready("canary")
    first = admin.key("canary")
    assert [_ask(admin, key) for key in (first, theirs)] == [200, 200]
    admin.kubectl("delete", "secret", "canary.key.default")
    second = _new(admin, first)
    waiting.until("the old key's end", lambda: _ask(admin, first) == 401, admin.world)
    admin.patch("secret", "canary.key.default", {"stringData": {"OPENAI_API_KEY": f"{first}x"}})
    waiting.until("the key put back", lambda: admin.key("canary") == second, admin.world)
    clients[0]["keyVersion"] = 2
    admin.patch("vllm", "canary", {"spec": {"access": {"clients": clients}}})
    third = _new(admin, second)
    waiting.until("the new key's beginning", lambda: _ask(admin, third) == 200, admin.world)
    assert [_ask(admin, key) for key in (second, f"{third}x")] == [200, 401]
    assert _ask(admin, third, f"/v1/models?key={third}") == 200
    assert _ask(admin, third, f"/v1/{third}") == 404
    return {"the revoked key": first, "the replaced key": second, "the newest key": third, "the brought key": theirs}


def _bring(admin: kubectl.Admin, name: str) -> str:
    """Make a Secret of an admin's own that brings a key, and return the key."""
    key = f"sk-{secrets.token_urlsafe(32)}"
    body = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": {"serving.byteshop.in/model": "canary"}},
        "stringData": {"OPENAI_API_KEY": key},
    }  # fmt: skip
    admin.kubectl("create", "-f", "-", stdin=json.dumps(body))
    return key


def _new(admin: kubectl.Admin, old: str) -> str:
    """Wait for a key that is not `old`."""
    return waiting.until("a new key", lambda: "" if (key := admin.key("canary")) == old else key, admin.world)


def _ask(admin: kubectl.Admin, key: str, path: str = "/v1/models") -> int:
    """Ask the pod; this command line is the test's own, and no part of the search."""
    url = f"http://{admin.pod_address('canary')}:8000{path}"
    done = demo_calls.run(["curl", "-sSi", url, "-H", f"Authorization: Bearer {key}"], capture=True)
    return conftest.Answer(done.stdout).status
