"""The documentation is read as it is meant, and an answer that is not of the documented shape is found out."""

import math
from typing import Any

import pytest

from tests.contract import document, shape

API = document.read()
DOCUMENTED = {
    "id": "a",
    "n": 1,
    "logprobs": None,
    "choices": [{"index": 0, "ok": True, "inner": {"p": 0.5}}],
    "tags": [],
}

WHOLE = [{"index": 0, "ok": True, "inner": {"p": 1}}]


def test_every_example_and_answer_is_found() -> None:
    found = {example.name: example.answer for example in document.examples(API)}
    assert list(found) == ["1. Health Check", "2. List Available Models", "3. Text Completions"]
    assert found["1. Health Check"] is None
    assert found["2. List Available Models"]["data"][0]["max_model_len"] == 4096
    assert found["3. Text Completions"]["choices"][0]["logprobs"] is None


def test_every_parameter_is_found_with_its_limits_and_default() -> None:
    found = document.parameters(API)
    assert list(found) == [
        "model", "prompt", "max_tokens", "temperature", "top_p", "n", "stop", "presence_penalty", "frequency_penalty",
    ]  # fmt: skip
    assert [name for name, parameter in found.items() if parameter.required] == ["model", "prompt"]
    limits = {name: (p.low, p.high) for name, p in found.items() if p.low is not None}
    assert limits == {
        "temperature": (0, 2), "top_p": (0, 1), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2),
    }  # fmt: skip
    defaults = {name: p.default for name, p in found.items() if p.default is not None}
    assert defaults == {
        "max_tokens": 16, "temperature": 1, "top_p": 1, "n": 1, "presence_penalty": 0, "frequency_penalty": 0,
    }  # fmt: skip
    assert found["stop"].kinds == ("string", "array")


def test_every_explained_field_is_found() -> None:
    assert document.fields(API, "Completion Response") == {
        "id", "object", "created", "model", "choices", "choices.index", "choices.text", "choices.finish_reason",
        "choices.logprobs", "usage", "usage.prompt_tokens", "usage.completion_tokens", "usage.total_tokens",
    }  # fmt: skip


def test_every_program_and_code_is_found() -> None:
    languages = {name: block.language for name, block in document.programs(API).items()}
    assert languages == {
        "Python (OpenAI SDK)": "python",
        "Python (Requests)": "python",
        "JavaScript (Node.js)": "javascript",
        "JavaScript (Fetch)": "javascript",
        "PHP": "php",
    }
    assert list(document.codes(API)) == [200, 400, 401, 429, 500, 503]
    assert "except Exception as e" in document.block(API, "Error Handling")


def test_only_address_and_key_are_put_in() -> None:
    for block in document.blocks(API):
        given = document.put(block.text, "https://here", "sk-mine")
        assert document.KEY not in given
        assert given.replace("https://here", document.ADDRESS).replace("sk-mine", document.KEY) == block.text


def test_an_answer_as_documented_differs_nowhere() -> None:
    assert shape.differences(DOCUMENTED, DOCUMENTED) == []
    for example in document.examples(API):
        assert shape.differences(example.answer, example.answer) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": 1}, "$.id is of type integer, documented as string"),
        ({"id": None}, "$.id is of type null, documented as string"),
        ({"n": True}, "$.n is of type boolean, documented as integer"),
        ({"n": math.pi}, "$.n is of type number, documented as integer"),
        ({"choices": []}, "$.choices is empty"),
        ({"choices": {}}, "$.choices is of type object, documented as array"),
        ({"choices": [DOCUMENTED["choices"][0], {"index": 1, "ok": True}]}, "$.choices[1].inner is missing"),
        (
            {"choices": [{"index": 0, "ok": 1, "inner": {"p": 0}}]},
            "$.choices[0].ok is of type integer, documented as boolean",
        ),
        ({"choices": [{"index": 0, "ok": True, "inner": {}}]}, "$.choices[0].inner.p is missing"),
    ],
)
def test_what_differs_is_named(change: dict[str, Any], words: str) -> None:
    assert shape.differences(DOCUMENTED, {**DOCUMENTED, **change}) == [words]


@pytest.mark.parametrize("change", [{"logprobs": {"tokens": []}}, {"more": 1}, {"tags": ["a"]}, {"choices": WHOLE}])
def test_more_fields_whole_numbers_and_values_for_null_are_fine(change: dict[str, Any]) -> None:
    assert shape.differences(DOCUMENTED, {**DOCUMENTED, **change}) == []


def test_a_missing_field_is_named_even_where_null_is_documented() -> None:
    answered = {name: value for name, value in DOCUMENTED.items() if name != "logprobs"}
    assert shape.differences(DOCUMENTED, answered) == ["$.logprobs is missing"]
