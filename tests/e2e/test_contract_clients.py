"""The client programs of docs/api-documentation.md, run as they stand in it with address and key put in; and its advice."""

import json
import pathlib
import textwrap

import pytest

from tests import kubectl, waiting
from tests.contract import document, running
from tests.e2e import conftest

TEXT = document.read()
PROGRAMS = document.programs(TEXT)
SETTING = """
from openai import OpenAI

client = OpenAI(api_key={key!r}, base_url="https://vllm11.byteshop.in/v1", max_retries=0)

def complete():
{snippet}

print(complete())
"""
PARAMETERS = 'model="facebook/opt-125m", prompt="The future", max_tokens=8, extra_body={"ignore_eos": True}'


def answered(admin: kubectl.Admin) -> int:
    """Return how many completions the guard of vllm11 has let through to an answer."""
    logged = admin.kubectl("logs", "deployment/vllm11", "-c", "guard").splitlines()
    lines = [json.loads(line) for line in logged if line.startswith("{")]
    return sum((line["path"], line["status"]) == ("/v1/completions", 200) for line in lines)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_documented_program_prints_what_the_model_wrote(
    admin: kubectl.Admin, client: conftest.Client, tmp_path: pathlib.Path, name: str
) -> None:
    before, block = answered(admin), PROGRAMS[name]
    done = running.documented(block.language, block.text, client.key, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() not in ("undefined", "None", "null")
    waiting.until("one answer in the guard's log", lambda: answered(admin) == before + 1, admin.world)


def test_the_documented_error_handling_tells_the_error_and_goes_on(
    client: conftest.Client, tmp_path: pathlib.Path
) -> None:
    snippet = textwrap.indent(document.block(TEXT, "Error Handling"), "    ").replace("...", PARAMETERS)
    for key, wanted in ((client.key, ""), ("sk-wrong", "API Error: Error code: 401")):
        done = running.documented("python", SETTING.format(key=key, snippet=snippet), client.key, tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(wanted)
        assert done.stdout.endswith("\nNone\n") == bool(wanted)


def test_the_openai_sdk_finds_every_type_right_and_knows_every_refusal(client: conftest.Client) -> None:
    done = running.program("strict.py", client.key)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "400": "BadRequestError",
        "401": "AuthenticationError",
        "404": "NotFoundError",
        "unknown": "NotFoundError",
    }


def test_whoever_backs_off_as_advised_is_answered(admin: kubectl.Admin, client: conftest.Client) -> None:
    limit({"requests": 20, "unit": "Minute"}, admin)
    waiting.until("429", lambda: client.get("/v1/models").status == 429, admin.world, 200)
    by_python = running.program("backoff.py", client.key)
    by_node = running.program("backoff.js", client.key)
    limit({"requests": 6000, "unit": "Minute"}, admin)
    assert by_python.returncode == 0, by_python.stderr
    refused = json.loads(by_python.stdout)
    assert refused["by hand"] >= 1
    assert refused["by the SDK"] >= 1
    assert by_node.returncode == 0, by_node.stderr
    statuses = json.loads(by_node.stdout)
    assert (statuses[0], statuses[-1]) == (429, 200)
    waiting.until(
        "the old limit", lambda: all(client.get("/v1/models").status == 200 for _ in range(5)), admin.world, 200
    )


def limit(limit: dict[str, object], admin: kubectl.Admin) -> None:
    admin.patch("vllm", "vllm11", {"spec": {"access": {"defaultRateLimit": limit}}})
