"""The examples: each language asks the documented address, and only OpenAI's own calls go through OpenAI's methods."""

from __future__ import annotations

from typing import get_args

import pytest

from vllm_operator import api
from vllm_operator.engine import endpoints
from vllm_operator.guide import examples

URL = "https://vllm11.byteshop.in"
BRACES = "{model} {0} {{x}}"


def programs(task: str, model: str = "facebook/opt-125m") -> dict[str, str]:
    return examples.programs(URL, model, {one.path for one in endpoints.of(task)})


@pytest.mark.parametrize("task", get_args(api.Task))
def test_every_task_has_a_program_in_every_language(task: str) -> None:
    assert list(programs(task)) == ["curl", "Python", "Node", "PHP"]


@pytest.mark.parametrize(
    ("task", "path", "method"),
    [("Generate", "/v1/completions", "completions.create("), ("Embed", "/v1/embeddings", "embeddings.create("),
     ("Transcribe", "/v1/audio/transcriptions", "audio.transcriptions.create(")],
)  # fmt: skip
def test_calls_of_openai_are_asked_under_v1(task: str, path: str, method: str) -> None:
    found = programs(task)
    for language in ("Python", "Node"):
        assert f'"{URL}/v1"' in found[language]
        assert method in found[language]
    for language in ("curl", "PHP"):
        assert URL + path in found[language]


@pytest.mark.parametrize(("task", "path"), [("Score", "/score"), ("Classify", "/classify"), ("Pool", "/pooling")])
def test_calls_of_vllm_alone_are_posted_to_the_root(task: str, path: str) -> None:
    found = programs(task)
    for language in ("Python", "Node"):
        assert f'"{URL}"' in found[language]
        assert "post(" in found[language]
        assert f'"{path}"' in found[language]


@pytest.mark.parametrize("task", get_args(api.Task))
def test_a_name_with_braces_is_no_place_for_values(task: str) -> None:
    assert all(BRACES in program for program in programs(task, BRACES).values())


def test_no_program_is_shown_for_calls_that_are_not_known() -> None:
    assert examples.programs(URL, "m", {"/health", "/v1/models"}) == {}
