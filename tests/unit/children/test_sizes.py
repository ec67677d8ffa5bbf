"""What a valid spec makes is taken by the API server: it fits into etcd, and has no more annotations than an object may.

The guard's Secret, the largest of all, has tests of its own in tests/unit/keys/test_record.py.
"""

import json

import pytest

from tests.golden import render
from vllm_operator import api, children, config
from vllm_operator.api import engine, pods
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("n" * 63, "m" * 52, "u" * 36)
STORABLE = 1.5 * 2**20
"""The most bytes that etcd takes in one object."""
ANNOTATIONS = 256 * 2**10
"""The most bytes of keys and values in the annotations of one object."""
WIDEST = "\N{HUGGING FACE}"
"""A character of four bytes."""


def filled(characters: int, entries: int, longest: int) -> dict[str, str]:
    """Return so many characters of four bytes as values of so many entries with keys as long as may be."""
    keys = [f"{'d' * 253}/{number:02}".ljust(317, "k") for number in range(entries)]
    return {key: WIDEST * min(longest, characters // entries) for key in keys}


def largest() -> api.Spec:
    """Return a spec whose free texts are as long as may be together."""
    texts = filled(pods.LONGEST_ANNOTATIONS, 16, 4096)
    env = tuple(
        api.Env(name=f"A{number:02}".ljust(128, "A"), value=WIDEST * (engine.LONGEST_VALUES // 64))
        for number in range(64)
    )
    return api.Spec(
        model=api.Model(source="hf://org/name"),
        engine=api.Engine(env=env, args=tuple(f"--a{number:02}={WIDEST * 1018}" for number in range(64))),
        pod_metadata=api.PodMetadata(annotations=texts),
        expose=api.Expose(host="a.b", ingress=api.Ingress(annotations=texts), service_annotations=texts),
    )


@pytest.fixture(scope="module")
def made() -> list[kinds.Object]:
    every = ("*",)
    allow = config.Allow(
        pod_annotations=every, ingress_annotations=every, service_annotations=every, engine_args=every, engine_env=every
    )
    decided = render.decided(OWNER, largest(), render.SETTINGS.model_copy(update={"allow": allow}))
    assert not decided.violations
    return [*decided.first, *decided.server]


def test_every_object_is_one_that_etcd_stores(made: list[kinds.Object]) -> None:
    assert {"Deployment", "ControllerRevision", "Service", "Ingress"} <= {one["kind"] for one in made}
    assert [one["kind"] for one in made if len(json.dumps(one, ensure_ascii=False).encode()) > STORABLE / 2] == []


def test_no_object_has_more_annotations_than_may_be(made: list[kinds.Object]) -> None:
    templates = [one["spec"]["template"] for one in made if one["kind"] == "Deployment"]
    for one in (*made, *templates):
        texts = one["metadata"].get("annotations", {})
        assert sum(len(part.encode()) for pair in texts.items() for part in pair) < ANNOTATIONS


def test_a_clients_secret_is_small() -> None:
    keys = children.client_secrets(render.decided(OWNER, largest()), {"default": render.issued(largest())["default"]})
    assert all(len(json.dumps(one)) < STORABLE / 100 for one in keys)
