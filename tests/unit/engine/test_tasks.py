"""A model's task decides which methods and paths exist, what vLLM is started with, and what proves that it answers."""

import json
from typing import get_args

import pytest

from tests.contract import document
from tests.golden import render
from vllm_operator import api
from vllm_operator.children import template
from vllm_operator.engine import endpoints, options, refusals, verification

TASKS = get_args(api.Task)
DANGEROUS = (
    "adapter",
    "file",
    "batch",
    "render",
    "info",
    "metrics",
    "load",
    "version",
    "ping",
    "invocations",
)


def spec(task: api.Task, *args: str) -> api.Spec:
    return api.Spec(model=api.Model(source="file:///models/a/b", task=task), engine=api.Engine(args=args))


@pytest.mark.parametrize("task", TASKS)
def test_each_task_answers_health_and_models_and_is_verified_on_a_path_of_its_own(task: api.Task) -> None:
    listed = endpoints.of(task)
    assert listed[:2] == (endpoints.Endpoint("GET", "/health", keyed=False), endpoints.Endpoint("GET", "/v1/models"))
    assert endpoints.Endpoint("POST", verification.request("m", task).path) in listed
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("task", TASKS)
def test_nothing_but_health_is_open_and_nothing_dangerous_is_there(task: api.Task) -> None:
    assert [endpoint.path for endpoint in endpoints.of(task) if not endpoint.keyed] == ["/health"]
    assert not [e.path for e in endpoints.of(task) for word in DANGEROUS if word in e.path]
    assert not [e.path for e in endpoints.of(task) if "{" in e.path or e.path.endswith("/")]


TOKENS = {"/tokenize", "/detokenize"}
"""What two tasks have."""


def test_no_path_of_one_task_is_open_in_another_but_those_of_tokens() -> None:
    paths = [endpoint.path for task in TASKS for endpoint in endpoints.of(task)[2:]]
    assert {path for path in paths if paths.count(path) > 1} == TOKENS


@pytest.mark.parametrize("task", TASKS)
def test_texts_and_tokens_are_turned_into_each_other_with_a_key_where_texts_are_sent_as_such(task: api.Task) -> None:
    offered = {endpoint.path for endpoint in endpoints.of(task) if endpoint.keyed and endpoint.method == "POST"}
    assert offered & TOKENS == (TOKENS if task in ("Generate", "Embed") else set())


def test_the_default_task_adds_no_argument_and_changes_no_template() -> None:
    plain = api.Spec(model=api.Model(source="file:///models/a/b"))
    assert options.arguments(spec("Generate")) == options.arguments(plain)
    assert not [argument for argument in options.arguments(plain) if argument.startswith(("--runner", "--convert"))]
    assert template.digest(spec("Generate")) == template.digest(plain)
    assert template.digest(spec("Embed")) != template.digest(plain)


def test_an_embedding_model_is_started_as_one() -> None:
    given = options.arguments(spec("Embed", "--dtype=bfloat16"))
    assert {"--runner=pooling", "--convert=embed"} < set(given)
    assert given[-1] == "--dtype=bfloat16"


@pytest.mark.parametrize(
    "argument", ["--runner=generate", "--convert", "--conv=none", "--task=embed", "--runn=pooling"]
)
def test_no_argument_contradicts_the_task(argument: str) -> None:
    assert str(refusals.refusal(argument)).endswith("use spec.model.task")
    assert argument not in options.arguments(spec("Embed", argument))


@pytest.mark.parametrize("task", TASKS)
def test_the_guard_lets_the_paths_of_the_task_through_and_no_others(task: api.Task) -> None:
    body = render.case("plain")
    body["spec"]["model"]["task"] = task
    routes = json.loads(render.guard_files(body)["routes.yaml"])
    found = str([route["match"] for route in routes["resources"][0]["virtual_hosts"][0]["routes"] if "route" in route])
    for other in TASKS:
        for endpoint in endpoints.of(other)[2:]:
            words = found.replace("\\", "").replace("'", "|").split("|")
            assert (endpoint.path in words) == (endpoint in endpoints.of(task)), endpoint


@pytest.mark.parametrize("task", TASKS)
def test_a_right_answer_brings_what_the_task_makes(task: api.Task) -> None:
    field = verification.PROOFS[task].field
    assert verification.fault(200, json.dumps({field: [{}]}), task) is None
    for wrong in ({}, {field: []}, {field: None}, {"other": [{}]}):
        assert verification.fault(200, json.dumps(wrong), task)
    assert verification.fault(404, json.dumps({field: [{}]}), task)


def test_silence_is_transcribed_to_an_empty_text_which_is_right() -> None:
    assert verification.fault(200, '{"text": ""}', "Transcribe") is None
    request = verification.request("whisper", "Transcribe")
    assert request.content.count(b"--" + verification.BOUNDARY.encode()) == 3
    assert b"RIFF" in request.content
    assert request.content_type.startswith("multipart/form-data; boundary=")


@pytest.mark.parametrize("task", TASKS)
def test_the_page_on_tasks_shows_the_paths_and_arguments_of_each(task: api.Task) -> None:
    (row,) = [line for line in document.read(document.TASKS).splitlines() if line.startswith(f"| `{task}` |")]
    _, _, paths, added, *_ = row.split("|")
    assert paths.replace("`", "").split() == [endpoint.path for endpoint in endpoints.of(task)[2:]]
    by_task = ("--runner", "--convert", "--sse")
    named = [argument for argument in options.arguments(spec(task)) if argument.startswith(by_task)]
    assert (added.replace("`", "").split() if named else added.strip()) == (named or "nothing")
