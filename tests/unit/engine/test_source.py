"""Each source says what to mount, where vLLM stands and what clients call the model."""

import pytest

from vllm_operator import api
from vllm_operator.engine import source

CASES = {
    "file:///models/facebook/opt-125m": source.Weights("facebook/opt-125m", "/models", "facebook/opt-125m"),
    "file:///opt": source.Weights("opt", "/", "opt"),
    "file:///a/b/c/d": source.Weights("c/d", "/a/b", "c/d"),
    "pvc://weights": source.Weights("/models", "/", "weights", claim="weights"),
    "pvc://weights/opt": source.Weights("opt", "/models", "opt", claim="weights"),
    "pvc://weights/facebook/opt-125m": source.Weights(
        "facebook/opt-125m", "/models", "facebook/opt-125m", claim="weights"
    ),
    "oci://registry.example:5000/facebook/opt-125m:v1": source.Weights(
        "facebook/opt-125m",
        "/models",
        "facebook/opt-125m",
        image="registry.example:5000/facebook/opt-125m:v1",
        is_searched=True,
    ),
    "oci://localhost:5000/opt": source.Weights("opt", "/models", "opt", image="localhost:5000/opt", is_searched=True),
    "oci://opt@sha256:abc": source.Weights("opt", "/models", "opt", image="opt@sha256:abc", is_searched=True),
    "oci://localhost:5000/team/opt:v1/models": source.Weights(
        "models", "/models", "team/opt", image="localhost:5000/team/opt:v1"
    ),
    "oci://opt@sha256:abc/weights/opt/fp8": source.Weights("opt/fp8", "/models/weights", "opt", image="opt@sha256:abc"),
    "hf://facebook/opt-125m": source.Weights("facebook/opt-125m", "/models", "facebook/opt-125m", is_fetched=True),
    "hf://facebook/opt-125m@refs/pr/1": source.Weights(
        "facebook/opt-125m", "/models", "facebook/opt-125m", is_fetched=True
    ),
    "s3://models": source.Weights("models", "/models", "models", is_fetched=True),
    "gs://models/a/b/c": source.Weights("b/c", "/models", "b/c", is_fetched=True),
}


@pytest.mark.parametrize("text", CASES)
def test_a_source_is_taken_apart(text: str) -> None:
    assert source.weights(api.Model(source=text)) == CASES[text]
