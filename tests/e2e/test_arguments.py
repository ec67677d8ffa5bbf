"""vLLM's own parser, routes and request types take the arguments of every golden model, and every path and proof of a task."""

import base64
import json
from typing import Any, get_args

import pytest

from dev import paths
from tests import entry_cases, kubectl
from tests.golden import render
from vllm_operator import api
from vllm_operator.engine import endpoints, options, table, verification

INSIDE = paths.ROOT / "tests" / "contract" / "inside.py"
MISSPELT = "misspelt"
RELEASE = "0.32"
"""The vLLM of the image."""
TASKS: tuple[api.Task, ...] = get_args(api.Task)
SUPPORTED = {
    "Generate": ["generate"],
    "Embed": ["token_embed", "embed"],
    "Score": ["classify"],
    "Classify": ["classify"],
    "Pool": ["token_embed"],
    "Transcribe": ["transcription"],
}
"""What vLLM calls the tasks of a model that is served as ours."""


def arguments(model: api.Model, *more: str) -> list[str]:
    """Return the arguments of an engine that serves `model`."""
    return options.arguments(api.Spec(model=model, engine=api.Engine(args=more)))


def task(name: api.Task) -> dict[str, Any]:
    request = verification.request("facebook/opt-125m", name)
    return {
        "supported": SUPPORTED[name],
        "paths": [endpoint.path for endpoint in endpoints.of(name) if endpoint.method == "POST"],
        "request": {**request._asdict(), "content": base64.b64encode(request.content).decode()},
    }


@pytest.fixture(scope="module")
def given() -> dict[str, list[str]]:
    """The arguments of every golden model, of lists, of one that is misspelt, and of a model of each task."""
    source = "file:///models/a/b"
    templates = {folder.name: render.template(render.model(folder)) for folder in render.RUNNING}
    goldens = {name: template["spec"]["containers"][0]["args"] for name, template in templates.items()}
    tasks = {name: arguments(api.Model(source=source, task=name)) for name in TASKS}
    lists = {entry: ["a/b", *wanted] for entry, wanted in entry_cases.LISTS.items() if wanted}
    return {**goldens, **lists, MISSPELT: arguments(api.Model(source=source), "--no-such-option=1"), **tasks}


@pytest.fixture(scope="module")
def said(admin: kubectl.Admin, given: dict[str, list[str]]) -> dict[str, Any]:
    """What vLLM says, asked once: it takes seconds to import."""
    asked = {"arguments": list(given.values()), "tasks": {name: task(name) for name in TASKS}}
    run = ("exec", "-i", "deployment/vllm11", "-c", "vllm", "--", "python", "-c", INSIDE.read_text())
    found: dict[str, Any] = json.loads(admin.kubectl(*run, stdin=json.dumps(asked)).splitlines()[-1])
    return found


def test_vllms_own_parser_takes_every_argument_but_a_misspelt_one(
    said: dict[str, Any], given: dict[str, list[str]]
) -> None:
    assert [list(given)[index] for index in said["refused"]] == [MISSPELT]


def test_the_table_has_the_options_of_this_vllm_with_the_kind_of_their_values(said: dict[str, Any]) -> None:
    """So what follows from the table is so: which options there are, which begin others, which take no value or a list."""
    rows = [row for row in table.options().values() if row.since and row.since <= RELEASE <= (row.until or RELEASE)]
    one = {table.SCALAR, table.JSON}  # which a parser does not tell apart
    assert said["kinds"] == {row.name: table.SCALAR if row.values <= one else min(row.values) for row in rows}


def test_every_path_of_a_task_is_a_route_of_vllm(said: dict[str, Any]) -> None:
    assert said["missing"] == {name: [] for name in TASKS}


def test_vllms_own_types_take_the_request_that_verifies_a_task(said: dict[str, Any]) -> None:
    assert said["wrong"] == dict.fromkeys(TASKS, "")
