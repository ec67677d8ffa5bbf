"""The guard's Secret: files and version of one rendering, whatever was rendered before."""

import base64
import json
from typing import Any

import pytest

from tests.golden import render
from vllm_operator import guard
from vllm_operator.children import secrets
from vllm_operator.engine import endpoints
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "m", "00000000-0000-0000-0000-000000000001")
KEY, OTHER = (f"sk-{letter * 43}" for letter in "ab")


def secret(key: str = KEY, image: str = "envoy:1.40", **noted: str) -> kinds.Object:
    client = guard.Client("a", guard.RateLimit(1, "Minute"), (guard.Credential(key),))
    access = guard.Access((client,), "m-peers.models.svc")
    return secrets.guard_secret(OWNER, access, endpoints.of("Generate"), [image], noted)


def entry(found: kinds.Object, name: str) -> str:
    return base64.b64decode(found["data"][name]).decode()


def test_the_version_is_that_of_the_routes_beside_it() -> None:
    for found in (secret(KEY), secret(OTHER)):
        version = json.loads(entry(found, "routes.yaml"))["version_info"]
        assert found["metadata"]["annotations"][naming.GUARD_VERSION_ANNOTATION] == version


def test_a_changed_key_and_an_older_guard_are_in_the_next_secret() -> None:
    assert KEY in entry(secret(KEY), "routes.yaml")
    assert KEY not in entry(secret(OTHER), "routes.yaml")
    assert entry(secret(image="envoy:1.38"), "bootstrap.yaml") != entry(secret(), "bootstrap.yaml")


def test_what_becomes_of_a_secret_is_not_in_the_next() -> None:
    first = secret(note="of the first")
    first["data"]["routes.yaml"] = ""
    assert "note" not in secret()["data"]
    assert KEY in entry(secret(), "routes.yaml")


def example(**said: Any) -> kinds.Object:
    """Return the guard's Secret of a model that says this."""
    spec = {"model": {"source": "file:///models/a/b"}, **said}
    one = {"metadata": {"name": "m", "namespace": "models", "uid": OWNER.uid}, "spec": spec}
    return render.guard_secret(one)


@pytest.mark.parametrize(("memory", "connections"), [("512Mi", 4630), ("1Gi", 10456), ("256Mi", 1718)])
def test_a_guard_takes_as_many_connections_as_its_memory_holds(memory: str, connections: int) -> None:
    static = json.loads(entry(example(guard={"resources": {"limits": {"memory": memory}}}), "bootstrap.yaml"))
    settings = static["layered_runtime"]["layers"][0]["static_layer"]
    assert settings["envoy.resource_limits.listener.public.connection_limit"] == connections


@pytest.mark.parametrize(
    ("task", "said", "most"),
    [("Generate", {}, 32 * 2**20), ("Transcribe", {}, 64 * 2**20), ("Embed", {"maxRequestBytes": 2048}, 2048)],
)
def test_a_body_is_as_long_as_the_spec_or_the_task_says(task: str, said: dict[str, int], most: int) -> None:
    found = example(model={"source": "file:///models/a/b", "task": task}, access=said)
    (live,) = json.loads(entry(found, "routes.yaml"))["resources"]
    assert live["virtual_hosts"][0]["metadata"]["filter_metadata"]["guard"]["max_request_bytes"] == most
    assert f'"max_request_bytes":{most}' in entry(found, "bootstrap.yaml")
