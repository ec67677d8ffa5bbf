"""Keys in Secrets: what was written is read back, what is garbled is nothing, and the most that may be asked for fits."""

import base64
import itertools
from typing import get_args

import pytest

from tests.golden import render
from vllm_operator import api, children, keys
from vllm_operator.api import access
from vllm_operator.children import secrets
from vllm_operator.keys import record
from vllm_operator.kube import naming

OWNER = naming.Owner("models", "vllm11", "u")
SPEC = api.Spec(model=api.Model(source="file:///models/facebook/opt-125m"))
MIB = 1 << 20


def key(number: int, length: int = 43) -> str:
    return f"sk-{number:0{length}}"


RECORD = keys.Issued(
    key(1), 2, 1_800_000_000, (keys.Previous(key(2), 1_800_000_060), keys.Previous(key(3), 1_800_000_030))
)


@pytest.mark.parametrize("issued", [RECORD, keys.Issued(key(1), 0, 1)])
def test_a_record_is_read_back_as_it_was_written(issued: keys.Issued) -> None:
    secret = secrets.client_secret(OWNER, SPEC, "https://h/", "a", issued)
    assert record.held(secret) == keys.Held(issued, keys.mark("a", issued))
    guards = children.desired(children.Plan(OWNER, SPEC, render.SETTINGS, {"a": issued, "b": RECORD}))[2]
    assert record.accepted(guards) == {"a": issued, "b": RECORD}
    assert record.void(guards) == {}


def test_what_is_void_is_read_back_as_it_was_noted() -> None:
    guards = children.desired(children.Plan(OWNER, SPEC, render.SETTINGS, {"a": RECORD}, void={"b": 7}))[1]
    assert record.void(guards) == {"b": 7}


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (record.KEY, b"short"), (record.KEY, b""), (record.KEY, b"\xff"), (record.PREVIOUS, b"{"),
        (record.PREVIOUS, b"[1]"), (record.PREVIOUS, b'[["short", 1]]'), (record.PREVIOUS, b"7"),
    ],
)  # fmt: skip
def test_what_is_garbled_is_no_record(entry: str, text: bytes) -> None:
    secret = secrets.client_secret(OWNER, SPEC, "https://h/", "a", RECORD)
    secret["data"][entry] = base64.b64encode(text).decode()
    assert record.held(secret).issued is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"a": 1}', '{"a": ["short", 1, 1, []]}', '{"a": [{}, 1, 1, []]}']
)
def test_what_is_garbled_in_the_guards_secret_is_nobody(text: str) -> None:
    data = {record.ACCEPTED: base64.b64encode(text.encode()).decode()}
    assert record.accepted({"metadata": {}, "data": data}) == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"a": "soon"}', '{"a": [1]}'])
def test_what_is_garbled_of_what_is_void_is_nothing(text: str) -> None:
    data = {record.VOID: base64.b64encode(text.encode()).decode()}
    assert record.void({"metadata": {}, "data": data}) == {}


@pytest.mark.parametrize("field", [record.VERSION_ANNOTATION, record.AT_ANNOTATION])
def test_an_annotation_that_is_no_number_or_moment_is_no_record(field: str) -> None:
    secret = secrets.client_secret(OWNER, SPEC, "https://h/", "a", RECORD)
    secret["metadata"]["annotations"][field] = "soon"
    assert record.held(secret).issued is None


@pytest.mark.parametrize("task", get_args(api.Task))
def test_the_most_clients_with_the_longest_names_and_keys_fit_into_one_secret(task: api.Task) -> None:
    made = (key(number, 128) for number in itertools.count())
    names = [f"{number:03}{'x' * 60}" for number in range(access.MOST_CLIENTS)]
    listed = tuple(api.Client(name=name, expires_at="2100-01-01T00:00:00Z") for name in names)
    model = api.Model(source="file:///" + "m" * 120, task=task)
    spec = api.Spec(model=model, access=api.Access(clients=listed), expose=api.Expose(host="h" * 60 + ".example"))
    at = 1_800_000_000
    issued = {
        name: keys.Issued(next(made), 1, at, tuple(keys.Previous(next(made), at) for _ in range(keys.MOST_PREVIOUS)))
        for name in names
    }
    plan = children.Plan(OWNER, spec, render.SETTINGS, issued)
    guards = next(one for one in children.desired(plan) if one["metadata"]["name"].endswith(".guard"))
    assert sum(len(base64.b64decode(value)) for value in guards["data"].values()) < MIB
