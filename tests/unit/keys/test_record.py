"""Keys in Secrets: what was written is read back, and the most that may be asked for fits."""

import base64
import dataclasses
import itertools
import json
from collections.abc import Iterator
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
    alone = dataclasses.replace(issued, previous=())
    hashes = tuple((keys.digest(one.key), one.until) for one in issued.previous)
    assert record.stored(secret) == keys.Stored(alone, keys.fingerprint("a", alone), hashes)
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


NAMES = [f"{number:03}{'x' * 60}" for number in range(access.MOST_CLIENTS)]
PATHS = {"none": None, "short": "/a", "letters": "/" + "a" * 127, "dots": "/a" + "." * 126, "segments": "/a" * 64}
LONGEST_HOST = ".".join(["h" * 60] * 4)
MARGIN = 0.06
"""The share of a Secret that is left for what a later release adds."""


def largest(task: api.Task, path: str | None) -> api.Spec:
    """Return a spec of which each part that the guard's Secret is made of is as long as may be."""
    limit = api.RateLimit(requests=1_000_000, unit="Minute")
    clients = tuple(api.Client(name=name, expires_at="2100-01-01T00:00:00Z", rate_limit=limit) for name in NAMES)
    origins = tuple(f"https://{number:02}{'o' * 254}:65535" for number in range(32))
    names = [f"{number:02}{'n' * 126}" for number in range(64)]
    adapters = tuple(api.Adapter(name=name, source="hf://o/a") for name in names[:32])
    model = api.Model(
        source="file:///" + "m" * 500,
        task=task,
        served_name=names[40],
        served_names=tuple(names[41:49]),
        adapters=adapters,
    )
    url = f"https://{LONGEST_HOST}/{'u' * (399 - len('https://') - len(LONGEST_HOST))}"
    return api.Spec(
        model=model,
        engine=api.Engine(max_model_len=10_000_000),
        access=api.Access(clients=clients, cors=api.Cors(allow_origins=origins)),
        expose=api.Expose(host=LONGEST_HOST, path=path, url=url, guide=True),
    )


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("task", get_args(api.Task))
def test_all_that_can_be_largest_at_once_fits_into_one_secret(task: api.Task, path: str | None) -> None:
    made = (f"sk-{number:06}{'k' * 122}" for number in itertools.count())
    issued = {name: longest(made) for name in NAMES}
    decided = render.decided(naming.Owner("n" * 63, "m" * 52, "u" * 36), largest(task, path))
    written = children.guard_secret(decided, issued, 7_000_000_000)
    assert decided.serving.path == (path or "")
    assert len(decided.serving.url) == len("/") + 400
    assert sum(len(base64.b64decode(value)) for value in written["data"].values()) < (1 - MARGIN) * MIB


def longest(made: Iterator[str]) -> keys.Issued:
    """Return the record of a client whose key was replaced as often as is remembered."""
    at = 4_000_000_000
    return keys.Issued(
        next(made), 1_000_000, at, tuple(keys.Previous(next(made), at) for _ in range(keys.MOST_PREVIOUS))
    )
