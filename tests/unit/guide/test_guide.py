"""The guide: true for every model, of one piece, and no way out of it for a name."""

from __future__ import annotations

import ast
import base64
import hashlib
import html.parser
import json
import re
import shutil
import subprocess
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as some

from vllm_operator import api, guide
from vllm_operator.engine import endpoints

TASKS = get_args(api.Task)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,127}")
HOSTILE = "</script></style><script src=//evil>'\"`${1}$(id)`id`\\ %REQ(AUTHORIZATION)% &lt; --> ]]>"


class Parsed(html.parser.HTMLParser):
    """The document as a reader takes it: elements with their attributes, and the text of each kind."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: dict[str, list[str]] = {}
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.setdefault(self._open, []).append(data)

    def handle_endtag(self, _: str) -> None:
        self._open = ""

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def of(self, tag: str) -> str:
        return "".join(self.text.get(tag, []))

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]

    def shape(self) -> list[object]:
        return [self.tags, [(tag, name) for tag, name, _ in self.attributes]]


def facts(
    model: str = "facebook/opt-125m", url: str = "https://vllm11.byteshop.in", task: str = "Generate"
) -> guide.Facts:
    return guide.Facts(url, model, 4096, [one[:2] for one in endpoints.of(task)])


def programs(model: str, task: str = "Generate", url: str = "https://vllm11.byteshop.in") -> dict[str, str]:
    """Return the examples as a reader copies them."""
    document = Parsed(guide.document(facts(model, url, task)))
    blocks = [text for text in document.text["pre"] if text]
    return dict(zip(("curl", "Python", "Node", "PHP"), blocks, strict=True))


def policy() -> dict[str, str]:
    return dict(part.split(" ", 1) for part in guide.HEADERS["content-security-policy"].split(";"))


@given(
    task=some.sampled_from(TASKS),
    model=some.from_regex(NAME, fullmatch=True) | some.text(min_size=1) | some.just(HOSTILE),
    host=some.text(max_size=20),
)
def test_no_name_changes_the_shape_of_the_document(task: str, model: str, host: str) -> None:
    seen = Parsed(guide.document(facts(model, f"https://{host}", task)))
    assert seen.shape() == Parsed(guide.document(facts(task=task))).shape()
    assert (seen.of("style"), seen.of("script")) == (
        Parsed(guide.document(facts())).of("style"),
        Parsed(guide.document(facts())).of("script"),
    )


@given(some.text(alphabet=some.characters(exclude_characters="\r\0", exclude_categories=("Cs",)), min_size=1))
def test_a_name_is_read_as_it_is_written(model: str) -> None:
    document = Parsed(guide.document(facts(model)))
    assert document.of("title") == model
    assert document.text["code"][0] == model


@given(some.text(alphabet=some.characters(exclude_characters="\r\0", exclude_categories=("Cs",)), min_size=1))
def test_the_python_example_is_a_program_that_sends_the_name(model: str) -> None:
    tree = ast.parse(programs(model)["Python"])
    sent = [word.value.value for word in ast.walk(tree) if isinstance(word, ast.keyword) and word.arg == "model"]  # type: ignore[attr-defined]
    assert sent == [model]


@pytest.mark.parametrize("model", ["facebook/opt-125m", "it's", HOSTILE.replace("`", "")])
def test_the_curl_example_is_a_command_that_sends_the_name(model: str) -> None:
    script = f"curl() {{ printf '%s\\0' \"$@\"; }}\nOPENAI_API_KEY=sk-mine\n{programs(model)['curl']}"
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.split("\0")
    assert said[0] == "https://vllm11.byteshop.in/v1/completions"
    assert "Authorization: Bearer sk-mine" in said
    assert json.loads(said[-2])["model"] == model


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("model", ["facebook/opt-125m", HOSTILE])
def test_the_node_example_is_a_module(task: str, model: str) -> None:
    node = shutil.which("node")
    if not node:
        pytest.skip("no node")
    told = subprocess.run(
        [node, "--check", "--input-type=module", "-"],
        input=programs(model, task)["Node"],
        text=True,
        capture_output=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr


def test_hashes_are_those_of_what_the_document_holds() -> None:
    document = Parsed(guide.document(facts()))
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(document.of(tag).encode()).digest()).decode()
        assert policy()[f"{tag}-src"] == f"'sha256-{digest}'"
        assert document.tags.count(tag) == 1


def test_policy_lets_nothing_else_in_or_out() -> None:
    fixed = {name: value for name, value in policy().items() if name not in ("style-src", "script-src")}
    assert fixed == {
        "default-src": "'none'", "connect-src": "'self'", "img-src": "data:", "form-action": "'none'", "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }  # fmt: skip
    assert {name: value for name, value in guide.HEADERS.items() if name != "content-security-policy"} == {
        "cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }  # fmt: skip
    assert "%" not in "".join(guide.HEADERS.values())


@pytest.mark.parametrize("task", TASKS)
def test_nothing_is_fetched_from_elsewhere_and_nothing_is_run_inline(task: str) -> None:
    document = Parsed(guide.document(facts(task=task)))
    attributes = {name for _, name, _ in document.attributes}
    assert not {name for name in attributes if name.startswith("on")} | attributes & {
        "src",
        "style",
        "action",
        "srcset",
    }
    assert document.values("href") == ["data:,"]
    assert not re.search(
        r"url\(|@import|localStorage|sessionStorage|cookie|indexedDB|location|innerHTML|eval", guide.document(facts())
    )


def test_form_cannot_put_the_key_into_an_address() -> None:
    document = Parsed(guide.document(facts()))
    key = {name: value for tag, name, value in document.attributes if tag == "input"}
    assert "name='key'" not in guide.document(facts())
    assert {("input", "type", "password"), ("input", "autocomplete", "off"), ("form", "autocomplete", "off")} <= set(
        document.attributes
    )
    assert key["name"] == "in"  # of the tabs alone


@pytest.mark.parametrize("task", TASKS)
def test_each_input_has_a_label_and_each_label_an_input(task: str) -> None:
    document = Parsed(guide.document(facts(task=task)))
    ids = document.values("id")
    assert len(ids) == len(set(ids))
    inputs = [
        value for tag, name, value in document.attributes if name == "id" and tag in ("input", "select", "textarea")
    ]
    assert sorted(document.values("for")) == sorted(inputs)
    assert ("html", "lang", "en") in document.attributes


@pytest.mark.parametrize("task", TASKS)
def test_every_endpoint_of_the_task_and_every_error_is_named(task: str) -> None:
    text = guide.document(facts(task=task))
    for one in endpoints.of(task):
        assert f"<dt><code>{one.method} {one.path}</code>" in text
    for status in (400, 401, 404, 429, 500, 503):
        assert f"<dt>{status}<dd>" in text


@pytest.mark.parametrize("task", [task for task in TASKS if task != "Transcribe"])
def test_form_sends_a_body_for_its_text(task: str) -> None:
    bodies = [json.loads(body) for body in Parsed(guide.document(facts(task=task))).values("data-body")]
    assert bodies
    assert all("null" in json.dumps(body) for body in bodies)


def test_context_length_is_the_specs() -> None:
    assert "<dt>Context length<dd>4,096 tokens" in guide.document(facts())
    assert "<dt>Context length<dd>as the model's weights declare" in guide.document(facts()._replace(context=None))


@pytest.mark.parametrize("task", TASKS)
def test_the_first_language_is_open_and_the_others_are_not(task: str) -> None:
    document = Parsed(guide.document(facts(task=task)))
    assert document.attributes.count(("input", "checked", "")) == 1
    assert "id=curl checked>" in guide.document(facts(task=task))


@pytest.mark.parametrize("task", TASKS)
def test_options_of_completions_are_told_where_a_model_completes(task: str) -> None:
    completes = "/v1/completions" in {one.path for one in endpoints.of(task)}
    assert ("<p>Options: max_tokens, temperature" in guide.document(facts(task=task))) is completes
