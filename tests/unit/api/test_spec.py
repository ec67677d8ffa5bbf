"""A stored spec is understood, or the field at fault is named and none of its values."""

from typing import Any

import pytest

from vllm_operator import api

MODEL = {"source": "file:///models/opt"}
SECRET = "sk-this-stands-nowhere"


NOT_UNDERSTOOD: list[tuple[Any, str]] = [
    (None, "spec: "),
    ({}, "spec.model: Field required"),
    ({"model": {"source": "ftp://meta/opt"}}, "spec.model.source: unknown source: write"),
    ({"model": {**MODEL, "task": "Chat"}}, "spec.model.task: Input should be 'Generate', 'Embed'"),
    ({"model": MODEL, "replicas": "many"}, "spec.replicas: Input should be a valid integer"),
    ({"model": MODEL, "engine": {"startupTimeout": "soon"}}, "spec.engine.startupTimeout: write a duration such as"),
    ({"model": MODEL, "access": {"rotationOverlap": "1d"}}, "spec.access.rotationOverlap: write a duration such as"),
    (
        {"model": MODEL, "access": {"clients": [{"name": "a"}, {"name": "B"}]}},
        "spec.access.clients[1].name: a client's name",
    ),
    (
        {"model": MODEL, "access": {"cors": {"allowOrigins": ["a"]}}},
        "spec.access.cors.allowOrigins[0]: write an origin",
    ),
    ({"model": MODEL, "resources": {"limits": {"cpu": [1]}}}, "spec.resources.limits.cpu: "),
    ({"model": MODEL, "resources": {"limits": {"cpu": -1}}}, "spec.resources.limits.cpu: "),
]


@pytest.mark.parametrize(("spec", "words"), NOT_UNDERSTOOD)
def test_a_spec_that_is_not_understood_is_said_with_its_field(spec: Any, words: str) -> None:
    with pytest.raises(api.SpecNotUnderstood) as refused:
        api.parse(spec)
    assert str(refused.value).startswith(words)


def test_no_value_of_a_spec_is_repeated() -> None:
    env = [{"name": "A", "value": [SECRET]}, {"name": {SECRET: SECRET}}]
    with pytest.raises(api.SpecNotUnderstood) as refused:
        api.parse({"model": {"source": SECRET}, "replicas": SECRET, "engine": {"env": env, "startupTimeout": SECRET}})
    assert SECRET not in str(refused.value)
    assert "(and 4 more)" in str(refused.value)
    assert refused.value.__cause__ is None


def test_the_words_are_short_whatever_the_fields_are_named() -> None:
    with pytest.raises(api.SpecNotUnderstood) as refused:
        api.parse({"model": MODEL, "resources": {"limits": {"x" * 100_000: -1}}})
    assert len(str(refused.value)) < 400


def test_fields_of_a_newer_schema_are_ignored() -> None:
    assert api.parse({"model": {**MODEL, "adapter": "x"}, "cache": {"size": "1Gi"}}) == api.parse({"model": MODEL})
