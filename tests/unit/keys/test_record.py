"""Keys in Secrets: what was written is read back, and the most that may be asked for fits."""

import base64
import itertools
import json
from typing import get_args

import pytest

from tests.golden import render
from tests.unit.keys.cases import key
from vllm_operator import api, children, keys
from vllm_operator.api import access
from vllm_operator.children import secrets
from vllm_operator.keys import record
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "vllm11", "u")
SPEC = api.Spec(model=api.Model(source="file:///models/facebook/opt-125m"))
MIB = 1 << 20
RECORD = keys.Issued(
    key(1), 2, 1_800_000_000, (keys.Previous(key(2), 1_800_000_060), keys.Previous(key(3), 1_800_000_030))
)


def guards(**entries: str) -> kinds.Object:
    """A guard's Secret; dots in the names of its entries are written as `_`."""
    data = {name.replace("_", "."): base64.b64encode(text.encode()).decode() for name, text in entries.items()}
    return {"metadata": {}, "data": data}


@pytest.mark.parametrize("issued", [RECORD, keys.Issued(key(1), 0, 1)])
def test_a_record_is_read_back_as_it_was_written(issued: keys.Issued) -> None:
    secret = secrets.client_secret(OWNER, "opt", "https://h/", "a", issued)
    assert record.stored(secret) == keys.Stored(issued, keys.fingerprint("a", issued))
    written = guards(**record.noted({"a": issued, "b": RECORD}, RECORD.at + 5))
    assert record.notes(written, ["a", "c"]) == record.Notes({"a": issued, "b": RECORD}, set(), RECORD.at + 5)


def test_the_plan_notes_in_the_guards_secret_what_is_accepted_and_until_when_all_else_is_revoked() -> None:
    written = children.guard_secret(render.decided(OWNER, SPEC), {"a": RECORD}, RECORD.at + 7)
    assert record.notes(written, []) == record.Notes({"a": RECORD}, set(), RECORD.at + 7)


def test_an_entry_with_other_letters_than_base64_has_is_no_text() -> None:
    assert record.decoded({"data": {"a": "c2stYQ=="}}, "a") == "sk-a"
    for edited in ("c2st*YQ==", " c2stYQ==", "c2stYQ", "/w=="):
        assert record.decoded({"data": {"a": edited}}, "a") == ""


def test_nothing_is_noted_where_there_is_no_secret() -> None:
    assert record.notes(None, ["a"]) == record.Notes({}, (), 0)


def test_what_an_earlier_operator_noted_is_understood() -> None:
    """It noted the moment by client, and none where every deletion had succeeded."""
    accepted = record.noted({"a": RECORD}, 0)[record.APPLIED]
    assert record.notes(guards(keys_json=accepted), []).revoked_until == RECORD.at
    later = json.dumps({"b": RECORD.at + 9, "c": 1})
    assert record.notes(guards(keys_json=accepted, void_json=later), []).revoked_until == RECORD.at + 9


@pytest.mark.parametrize("task", get_args(api.Task))
def test_the_most_clients_with_the_longest_names_and_keys_fit_into_one_secret(task: api.Task) -> None:
    made = (f"sk-{number:0128}" for number in itertools.count())
    names = [f"{number:03}{'x' * 60}" for number in range(access.MOST_CLIENTS)]
    listed = tuple(api.Client(name=name, expires_at="2100-01-01T00:00:00Z") for name in names)
    model = api.Model(source="file:///" + "m" * 120, task=task)
    spec = api.Spec(model=model, access=api.Access(clients=listed), expose=api.Expose(host="h" * 60 + ".example"))
    at = 1_800_000_000
    issued = {
        name: keys.Issued(next(made), 1, at, tuple(keys.Previous(next(made), at) for _ in range(keys.MOST_PREVIOUS)))
        for name in names
    }
    written = children.guard_secret(render.decided(OWNER, spec), issued, 0)
    assert sum(len(base64.b64decode(value)) for value in written["data"].values()) < MIB
