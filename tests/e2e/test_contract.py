"""Each line of docs/api-documentation.md that tells of requests and answers, over HTTPS through the Ingress, on real vLLM.

What is expected is read from the document itself. docs/contract.md lists its lines with their tests.
"""

import json
import pathlib
import time

import pytest

from tests.contract import document, running, shape
from tests.e2e import conftest

TEXT = document.read()
EXAMPLES = {example.name: example for example in document.examples(TEXT)}
PARAMETERS = document.parameters(TEXT)
LIMITED = [parameter for parameter in PARAMETERS.values() if parameter.low is not None]
DEFAULTED = [parameter for parameter in PARAMETERS.values() if parameter.default is not None]
NOT_TAKEN_BY_VLLM = ("top_p", 0.0)
"""The document's limit is 0.0; vLLM wants more than 0, but for temperature 0, where it does not matter."""

OTHER = {"max_tokens": 3, "temperature": 0.2, "top_p": 0.05, "n": 2, "presence_penalty": 2.0, "frequency_penalty": 2.0}
CLOCKS_APART = 300
"""Seconds: the model may be served by another machine than this one."""
GREEDY = ("presence_penalty", "frequency_penalty")
"""Without chance the stand-in repeats itself, so that a penalty shows."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_documented_call_gets_the_documented_answer(
    client: conftest.Client, tmp_path: pathlib.Path, name: str
) -> None:
    example = EXAMPLES[name]
    done = running.documented("bash", example.command, client.key, tmp_path, client.address)
    assert (done.returncode, done.stderr) == (0, "200")
    if example.answer is None:
        assert done.stdout == ""
    else:
        assert shape.differences(example.answer, json.loads(done.stdout)) == []


def test_the_documented_values_that_are_the_models_own_are_so(client: conftest.Client) -> None:
    documented = EXAMPLES["2. List Available Models"].answer["data"][0]
    (listed,) = conftest.answered(client.get("/v1/models"), 200)["data"]  # type: ignore[misc,attr-defined]
    fixed = ("id", "object", "owned_by", "root", "parent", "max_model_len")
    assert {name: listed[name] for name in fixed} == {name: documented[name] for name in fixed}
    allowed = {name: value for name, value in documented["permission"][0].items() if name not in ("id", "created")}
    assert {name: listed["permission"][0][name] for name in allowed} == allowed


def test_every_explained_field_means_what_is_explained(client: conftest.Client) -> None:
    bodies = [conftest.answered(client.complete(logprobs=1, max_tokens=5, ignore_eos=True, n=2), 200) for _ in range(2)]
    assert {name for name in document.fields(TEXT, "Completion Response") if "." not in name} <= bodies[0].keys()
    assert bodies[0]["id"] != bodies[1]["id"]
    for body in bodies:
        choices, usage = body["choices"], body["usage"]
        assert (body["object"], body["model"]) == ("text_completion", "facebook/opt-125m")
        assert str(body["id"]).startswith("cmpl-")
        assert abs(int(str(body["created"])) - time.time()) < CLOCKS_APART
        assert isinstance(choices, list)
        assert isinstance(usage, dict)
        assert [choice["index"] for choice in choices] == [0, 1]
        assert {choice["finish_reason"] for choice in choices} == {"length"}
        assert all(len(choice["logprobs"]["tokens"]) == 5 for choice in choices)
        assert usage["completion_tokens"] == 10
        assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"]


@pytest.mark.parametrize("parameter", LIMITED, ids=lambda parameter: parameter.name)
def test_a_value_at_its_limits_is_taken_and_one_beyond_is_400(
    client: conftest.Client, parameter: document.Parameter
) -> None:
    assert parameter.low is not None
    assert parameter.high is not None
    for value in (parameter.low, parameter.high):
        status = 400 if (parameter.name, value) == NOT_TAKEN_BY_VLLM else 200
        conftest.answered(client.complete(**{parameter.name: value}), status)
    for value in (parameter.low - 0.1, parameter.high + 0.1):
        refused = conftest.answered(client.complete(**{parameter.name: value}), 400)
        assert parameter.name in str(refused["error"])


@pytest.mark.parametrize("parameter", DEFAULTED, ids=lambda parameter: parameter.name)
def test_a_parameter_has_its_default(client: conftest.Client, parameter: document.Parameter) -> None:
    assert parameter.default is not None
    default = int(parameter.default) if parameter.kinds == ("integer",) else parameter.default
    how = {"temperature": 0} if parameter.name in GREEDY else {"seed": 7}

    def texts(**parameters: object) -> list[str]:
        more = {"prompt": "The future", "model": "facebook/opt-125m", "ignore_eos": True, **how, **parameters}
        return [choice["text"] for choice in conftest.answered(client.post("/v1/completions", more), 200)["choices"]]  # type: ignore[attr-defined]

    left_out = texts()
    assert left_out == texts(**{parameter.name: default})
    assert left_out != texts(**{parameter.name: OTHER[parameter.name]})


def test_sixteen_tokens_and_one_text_come_where_nothing_is_asked(client: conftest.Client) -> None:
    body = {"model": "facebook/opt-125m", "prompt": "The future", "ignore_eos": True}
    answer = conftest.answered(client.post("/v1/completions", body), 200)
    assert answer["usage"]["completion_tokens"] == 16  # type: ignore[index]
    assert len(answer["choices"]) == 1  # type: ignore[arg-type]


def test_a_stop_sequence_ends_the_text_before_it(client: conftest.Client) -> None:
    def choice(**parameters: object) -> dict[str, object]:
        body = conftest.answered(client.complete(temperature=0, max_tokens=24, ignore_eos=True, **parameters), 200)
        found: dict[str, object] = body["choices"][0]  # type: ignore[index]
        return found

    whole = str(choice()["text"])
    stop = next(character for character in whole[2:] if character.isascii() and character not in whole[:2])
    for given in (stop, ["never written", stop]):
        cut = choice(stop=given)
        assert (cut["text"], cut["finish_reason"], cut["stop_reason"]) == (whole.partition(stop)[0], "stop", stop)


def test_many_prompts_go_in_one_request(client: conftest.Client) -> None:
    body = conftest.answered(client.complete(prompt=["The future", "Once upon a time"]), 200)
    assert [choice["index"] for choice in body["choices"]] == [0, 1]  # type: ignore[attr-defined]


def test_a_low_temperature_is_deterministic(client: conftest.Client) -> None:
    texts = [str(conftest.answered(client.complete(temperature=0), 200)["choices"]) for _ in range(2)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_tokens": -1},
        {"max_tokens": "many"},
        {"temperature": "hot"},
        {"n": 0},
        {"n": "two"},
        {"stop": {"at": "."}},
        {"prompt": None},
        {"prompt": "word " * 5000},
    ],
    ids=str,
)
def test_an_invalid_parameter_is_400(client: conftest.Client, wrong: dict[str, object]) -> None:
    conftest.answered(client.complete(**wrong), 400)


def test_a_body_that_is_no_json_is_400(client: conftest.Client) -> None:
    conftest.answered(client.get("/v1/completions", "-H", "Content-Type: application/json", "-d", "{"), 400)


def test_another_model_is_not_found_and_the_answer_names_it(client: conftest.Client) -> None:
    assert "no-such-model" in str(conftest.answered(client.complete(model="no-such-model"), 404)["error"])


def test_an_undocumented_path_is_not_found_and_the_answer_lists_those_that_are(client: conftest.Client) -> None:
    assert "POST /v1/completions" in str(conftest.answered(client.get("/v1/engines"), 404)["error"])


@pytest.mark.parametrize("how", ["none", "empty", "wrong", "basic", "bare", "longer", "twice", "two keys"])
def test_without_the_key_alone_it_is_401(client: conftest.Client, how: str) -> None:
    key = client.key
    sent = {
        "none": [],
        "empty": ["Authorization;"],
        "wrong": ["Authorization: Bearer sk-wrong"],
        "basic": [f"Authorization: Basic {key}"],
        "bare": [f"Authorization: {key}"],
        "longer": [f"Authorization: Bearer {key}x"],
        "twice": [f"Authorization: Bearer {key}"] * 2,
        "two keys": [f"Authorization: Bearer {key}", "Authorization: Bearer sk-wrong"],
    }[how]
    for path in ("/v1/models", "/v1/completions"):
        data = ["-d", "{}"] if path == "/v1/completions" else []
        refused = client.get(path, *(part for header in sent for part in ("-H", header)), *data, key="")
        assert "API key" in str(conftest.answered(refused, 401)["error"])
        assert refused.headers["www-authenticate"] == "Bearer"
        assert key not in refused.body


def test_health_asks_for_no_key_and_says_nothing(client: conftest.Client) -> None:
    health = client.get("/health", key="")
    assert (health.status, health.body) == (200, "")
