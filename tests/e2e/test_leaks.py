"""No key leaks: canary keys through a model's whole life, with debug logs, and then a search of every place there is."""

from collections.abc import Iterator

import pytest

from dev import demo
from tests import models, waiting
from tests.e2e import conftest, leaks

ENGINE = {
    "args": ["--enforce-eager", "--dtype=bfloat16", "--max-num-seqs=2"],
    "env": [{"name": "VLLM_LOGGING_LEVEL", "value": "DEBUG"}],
}


@pytest.fixture
def debugging(admin: models.Admin) -> Iterator[None]:  # noqa: ARG001 - the cluster must be there
    """The operator at its most talkative."""
    demo.install({"logLevel": "DEBUG"})
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
def test_no_key_is_found_outside_the_secrets_that_are_meant_to_hold_it(admin: models.Admin) -> None:
    with leaks.Processes() as processes:
        keys = _live(admin)
        kept = {f"{demo.NAMESPACE}/canary.{name}" for name in ("guard", "key.default")}
        alive = leaks.hits(leaks.places(admin, "canary", kept), keys)
        admin.kubectl("delete", "vllm", "canary")
        waiting.until("the end of its Secrets", lambda: not admin.get("secret", "canary.guard"), admin.world)
    assert len(set(keys.values())) == len(keys)
    assert alive == []
    assert leaks.hits(leaks.etcd(set()), keys) == []
    assert leaks.hits(processes.places(), keys) == []
    assert any(b"vllm" in line for line in processes.seen)  # the search saw what there was to see


def _live(admin: models.Admin) -> dict[str, str]:
    """Let the model serve, revoke its key, use the new one right and wrong; return every key it had."""
    body = models.model("canary", engine=ENGINE)
    body["metadata"]["namespace"] = demo.NAMESPACE
    admin.apply(body)
    demo.await_ready("canary")
    first = admin.key("canary")
    assert _ask(admin, first) == 200
    admin.kubectl("delete", "secret", "canary.key.default")
    waiting.until("a new key", lambda: admin.key("canary") not in ("", first), admin.world)
    waiting.until("the old key's end", lambda: _ask(admin, first) == 401, admin.world, 10)
    second = admin.key("canary")
    admin.patch("secret", "canary.key.default", {"stringData": {"OPENAI_API_KEY": f"{first}x"}})
    waiting.until("the key put back", lambda: admin.key("canary") == second, admin.world)
    assert _ask(admin, second) == 200
    assert _ask(admin, f"{second}x") == 401
    assert _ask(admin, second, "/v1/models?key=" + second) in (200, 404)
    return {"the first key": first, "the second key": second}


def _ask(admin: models.Admin, key: str, path: str = "/v1/models") -> int:
    """Ask the pod; this command line is the test's own, and no part of the search."""
    url = f"http://{admin.pod_address('canary')}:8000{path}"
    done = demo.run(["curl", "-sSi", url, "-H", f"Authorization: Bearer {key}"], capture=True)
    return conftest.Answer(done.stdout).status
