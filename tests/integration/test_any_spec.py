"""Whatever mixture of fields the API server takes, it takes what becomes of it, under Pod Security `restricted`."""

import re
from typing import Any

import hypothesis

from tests import canonical, valid_specs
from tests.integration import api_server, leaf_models
from tests.leaf_examples import SPEC

MADE = (hypothesis.Phase.generate,)
"""Without making a failure smaller, which asks an API server too often."""
SAMPLE = hypothesis.settings(
    max_examples=60, derandomize=True, phases=MADE, suppress_health_check=list(hypothesis.HealthCheck)
)
TRIES = 30
MATCHES_NONE = 'a null labelSelector results in matching no pod"'
"""The API server's warning of what the description of labelSelector says of its default."""
COMPARED = ("replicas", "resourceClaims", "resources")
"""What rules over the whole spec compare with each other."""


@SAMPLE
@hypothesis.given(spec=valid_specs.specs())
def test_a_mixture_that_is_taken_becomes_what_is_taken(server: api_server.ApiServer, spec: Any) -> None:
    spec = {**spec, "engine": {"image": "vllm:1", **spec.get("engine", {})}}  # whatever its accelerator is
    children = leaf_models.judged(leaf_models.children(accepted(server, spec)))
    assert {ref: canonical.lossy(child) for ref, child in children.items() if canonical.lossy(child)} == {}
    answers = {ref: server.try_to_create(child) for ref, child in children.items()}
    said = {ref: answer.words or answer.warning for ref, answer in answers.items()}
    assert {ref: words for ref, words in said.items() if words and not words.endswith(MATCHES_NONE)} == {}


def accepted(server: api_server.ApiServer, spec: Any) -> dict[str, Any]:
    """Return the model as the API server would store it, without the fields that it refuses."""
    for _ in range(TRIES):
        answer = server.try_to_create(leaf_models.model(spec))
        if not answer.words:
            return answer.body
        for cause in answer.body["details"]["causes"]:
            spec = without(spec, cause.get("field", "spec"))
    raise AssertionError(answer.words)


def without(spec: Any, field: str) -> Any:
    """Return `spec` without the refused field, or the part of the spec that it stands in."""
    _, part, name, *_ = [*re.findall(r"[A-Za-z]+", field), "", ""]
    if not part:
        return {key: value for key, value in spec.items() if key not in COMPARED}
    if part == "model" and name in ("", "source"):
        return {**spec, **SPEC}
    if isinstance(spec.get(part), dict) and name in spec[part]:
        return {**spec, part: {key: value for key, value in spec[part].items() if key != name}}
    return {key: value for key, value in spec.items() if key != part}
