"""What is told of a wrong answer, whatever it holds."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllm_operator import api
from vllm_operator.engine import options, verification

KEY = "sk-" + "p" * 43
MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    ("status", "text", "fault"),
    [
        (200, '{"choices": [{}]}', None),
        (200, '{"choices": []}', '200: {"choices": []}'),
        (200, "", "200: nothing"),
        (200, "<html>\n<body>", "200: <html>"),
        (401, '{"error": {"message": "No valid API key"}}', "401: No valid API key"),
        (404, '{"error": "flat"}', '404: {"error": "flat"}'),
        (404, '{"error": {"message": [1]}}', '404: {"error": {"message": [1]}}'),
        (500, "\n \n Internal Server Error\n", "500: Internal Server Error"),
        (500, "a\tb\x1b[31m", "500: a b [31m"),
        (502, "x" * 5000, "502: " + "x" * 200),
        (200, "[1]", "200: [1]"),
    ],
)
def test_the_first_line_of_a_wrong_answer_is_told(status: int, text: str, fault: str | None) -> None:
    assert verification.fault(status, text) == fault


def test_a_key_that_is_sent_back_in_escapes_is_not_told() -> None:
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in KEY)
    text = '{"error": {"message": "' + "x" * 180 + escaped + '"}}'
    words = verification.fault(400, text, key=KEY) or ""
    assert "sk-..." in words
    assert "ppp" not in words


@pytest.mark.parametrize(
    "text",
    [
        "[" * MEGABYTE,
        '{"error":' * (MEGABYTE // 9),
        '{"error": {"message": ' + "[" * 990 + "]" * 990 + "}}",
        '{"choices": [' + "[]," * (MEGABYTE // 3) + "[]]}",
        '{"choices": ' + "9" * MEGABYTE + "}",
        '{"error": {"message": "\\ud800"}}',
        "\ufffd" * MEGABYTE,
        "\n" * MEGABYTE,
    ],
    ids=["lists", "objects", "deep message", "many lists", "a long number", "half a letter", "no UTF-8", "blank"],
)
def test_no_answer_is_too_odd_to_be_told_in_a_short_line_that_can_be_written(text: str) -> None:
    words = verification.fault(500, text) or ""
    assert len(words) <= 205
    assert orjson.dumps(words)


def test_an_answer_of_more_lists_than_a_right_one_has_is_not_taken_apart() -> None:
    assert verification.fault(200, '{"choices": [' + "[]," * (MEGABYTE // 3) + "[]]}")


@pytest.mark.parametrize("task", verification.PROOFS)
def test_what_a_server_serves_is_read_from_its_arguments(task: api.Task) -> None:
    model = {"source": "pvc://weights/opt", "servedName": "opt", "task": task}
    spec = api.Spec.model_validate({"model": model, "engine": {"args": ["--max-num-seqs=8", "--enforce-eager"]}})
    arguments = options.arguments(spec)
    assert verification.served(arguments, task) == verification.Served("opt", task)
    for other in verification.PROOFS:
        found = verification.served(arguments, other)
        assert found
        assert found.model == "opt"
        assert options.TASKS.get(found.task) == options.TASKS.get(task)


def test_a_server_that_names_no_model_serves_nothing_known() -> None:
    assert verification.served([], "Generate") is None
    assert verification.served(["--served-model-name=", "--runner=pooling"], "Pool") is None
    assert verification.served(["--served-model-name=a", "--runner=unheard-of"], "Generate") is None


@given(st.text(), st.integers())
def test_whatever_a_model_says_is_judged(text: str, status: int) -> None:
    words = verification.fault(status, text)
    assert words is None or len(words.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["a/b", "--served-model-name=one"], ["one"]),
        (["a/b", "--served-model-name", "one", "two", "--runner=pooling"], ["one", "two"]),
        (["a/b", "--runner=pooling", "--served-model-name", "one", "two"], ["one", "two"]),
        (["a/b", "--served-model-name", "--runner=pooling"], []),
        (["a/b", "--lora-modules", "served-model-name=evil"], []),
    ],
)
def test_the_first_of_several_names_is_the_one_that_is_told(arguments: list[str], names: list[str]) -> None:
    found = verification.served(arguments, "Pool" if "--runner=pooling" in arguments else "Generate")
    assert ([found.model, *found.aliases] if found else []) == names


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ('{"data": [{"id": "a", "max_model_len": 512}]}', 512),
        ('{"data": []}', None),
        ('{"data": {"max_model_len": 1}}', None),
        ('{"data": [{"max_model_len": true}]}', None),
        ('{"data": [{"max_model_len": 0}]}', None),
        ('{"data": [{"max_model_len": 1e400}]}', None),
        ("<html>", None),
        ("[" * 10_000, None),
    ],
)
def test_the_length_of_the_context_is_read_out_of_whatever_is_sent(text: str, length: int | None) -> None:
    assert verification.context(text) == length
