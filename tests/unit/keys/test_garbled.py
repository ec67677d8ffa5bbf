"""Whatever somebody writes into a Secret of the operator's: it is read as nothing, for that client alone, and in no time."""

import base64
import json
import time
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from tests import harness
from tests.unit.keys.cases import FIRST, A, B, key
from vllm_operator import keys
from vllm_operator.api import access
from vllm_operator.keys import record
from vllm_operator.kube import kinds

LATER = 1_800_000_060
SECRET_BYTES = 1 << 20  # what Kubernetes lets a Secret hold
NUMBERS = ["1e999", "-1e999", "NaN", "Infinity", "1.0", "1e9", "-1", "true", "null", '"1"', "9" * 400, "253402300800"]
TEXTS = [
    b"", b"\xff\xfe", b"short", b"{", b"7", b"[1]", b"[[]]", b'[["short", 1]]', b"[" * 100_000, b'{"a":' * 100_000,
    b"9" * SECRET_BYTES, b'["' + b"x" * SECRET_BYTES, b'"\\ud800"', "\u0661".encode(), b"\0",
]  # fmt: skip
HASHES = [
    f"[{FIRST.at}, {hashes}]".encode()
    for hashes in (
        '[["0123456789abcdef", 1.5]]',
        '[["x", 1]]',
        '[["0123456789abcdef"]]',
        "7",
        '[["0123456789abcdef", 1], 1]',
    )
] + [b'[1, [["0123456789abcdef", 1]]]']
JSON = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner, max_size=5) | strategies.dictionaries(strategies.text(), inner, max_size=5),
    max_leaves=20,
)


def client_secret(issued: keys.Issued = FIRST, **entries: bytes) -> kinds.Object:
    """The Secret of client `a`, with `entries` in place of its own."""
    data = {name: text.encode() for name, text in record.entries(issued).items()} | entries
    return {"metadata": {"annotations": record.annotations("a", issued)}, "data": _encoded(data)}


def guard_secret(**entries: bytes) -> kinds.Object:
    return {"metadata": {}, "data": _encoded({name.replace("_", "."): text for name, text in entries.items()})}


def _encoded(data: dict[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(text).decode() for name, text in data.items()}


@pytest.mark.parametrize("entry", [record.KEY, record.PREVIOUS])
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_garbled_entry_is_never_taken_for_what_the_operator_wrote(entry: str, text: bytes) -> None:
    found = record.stored(client_secret(**{entry: text}))
    assert not keys.is_genuine("a", found) or found.issued == FIRST


@pytest.mark.parametrize("text", [*TEXTS, *HASHES])
def test_a_garbled_hash_of_a_replaced_key_is_none(text: bytes) -> None:
    secret = client_secret()
    secret["metadata"]["annotations"][record.REPLACED_ANNOTATION] = text.decode(errors="replace")
    assert record.stored(secret) == keys.Stored(FIRST, keys.fingerprint("a", FIRST))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_moment_is_a_whole_number_that_a_calendar_has(number: str) -> None:
    previous = f'[["{B}", {number}]]'.encode()
    assert record.stored(client_secret(**{record.PREVIOUS: previous})).issued is None
    for fields in (f'"{A}", {number}, 1, []', f'"{A}", 1, {number}, []', f'"{A}", 1, 1, [["{B}", {number}]]'):
        found = record.notes(guard_secret(keys_json=f'{{"a": [{fields}]}}'.encode()), [])
        assert (found.applied, set(found.unreadable)) == ({}, {"a"})
    assert record.notes(guard_secret(void_json=f'{{"a": {number}}}'.encode()), []).revoked_until == 0


@pytest.mark.parametrize(
    "moment",
    [
        "soon", "", "2027-01-01", "2027-01-01T00:00:00", "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00",
        "1969-12-31T23:59:59Z", "2027-01-01T00:00:00.5Z", "2027-01-01T00:00:00+00:00", "\u0661" * 20, "9" * 200_000,
    ],
)  # fmt: skip
def test_an_annotation_that_the_operator_did_not_write_is_no_record(moment: str) -> None:
    for annotation in (record.AT_ANNOTATION, record.VERSION_ANNOTATION):
        secret = client_secret()
        secret["metadata"]["annotations"][annotation] = moment
        assert record.stored(secret).issued is None


def test_a_garbled_record_in_the_guards_secret_costs_no_other_client_its_own() -> None:
    good = json.loads(record.noted({"good": FIRST}, 0)[record.APPLIED])
    bad: dict[str, Any] = {
        "list": [],
        "short": ["short", 1, 1, []],
        "none": None,
        "text": "x",
        "nested": [[[]]],
        "more": [*good["good"], 1],
    }
    found = record.notes(guard_secret(keys_json=json.dumps(good | bad).encode()), [])
    assert found.applied == {"good": FIRST}
    assert set(found.unreadable) == bad.keys()


def test_a_name_that_no_client_can_have_is_nobody() -> None:
    """The operator asks for the Secret of each client that is noted, by a name made of the client's."""
    records = {name: ["x"] for name in ("", "../../x", "A", "a.b", "a\n", "x" * 64, "\u0661")}
    assert record.notes(guard_secret(keys_json=json.dumps(records).encode()), []) == record.Notes({}, set(), 0)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_where_nothing_is_readable_no_record_of_those_listed_is(text: bytes) -> None:
    found = record.notes(guard_secret(keys_json=text, void_json=text, revoked_until=text), ["b"])
    assert (found.applied, found.revoked_until) == ({}, 0)
    assert set(found.unreadable) == {"b"}


def test_more_records_than_a_model_can_have_clients_are_no_records() -> None:
    """Each client that is noted may cost a question to the API server."""
    noted = {f"c{number}": FIRST for number in range(access.MOST_CLIENTS + 1)}
    found = record.notes(guard_secret(keys_json=record.noted(noted, 0)[record.APPLIED].encode()), ["b"])
    assert (found.applied, set(found.unreadable)) == ({}, {"b"})
    noted.popitem()
    found = record.notes(guard_secret(keys_json=record.noted(noted, 0)[record.APPLIED].encode()), ["b"])
    assert (found.applied, set(found.unreadable)) == (noted, set())


@pytest.mark.parametrize("number", ["-1", "1.5", "1e9", "9" * 13, "999999999999", "\u0661", " 1", "1_0"])
def test_a_garbled_moment_of_revocation_is_none(number: str) -> None:
    secret = guard_secret(**{"revoked-until": number.encode()})
    assert record.notes(secret, []).revoked_until == 0


@hypothesis.given(strategies.binary() | JSON.map(lambda found: json.dumps(found).encode()), strategies.text())
def test_nothing_that_stands_in_a_secret_raises(text: bytes, annotation: str) -> None:
    secret = client_secret(**{record.KEY: text, record.PREVIOUS: text})
    names = (record.AT_ANNOTATION, record.VERSION_ANNOTATION, record.FINGERPRINT_ANNOTATION)
    secret["metadata"]["annotations"] |= dict.fromkeys(names, annotation)
    assert not keys.is_genuine("a", record.stored(secret))
    assert record.notes(guard_secret(keys_json=text, void_json=text), []).applied == {}
    undecodable = {"metadata": {}, "data": {record.KEY: annotation, record.APPLIED: annotation}}
    assert record.key(undecodable) == "" or record.stored(undecodable)
    assert record.notes(undecodable, []).applied == {}


@pytest.mark.parametrize("begin", [b"[", b'{"a":', b'[["sk-', b"9", b'"', b"[1,"])
def test_the_most_that_a_secret_can_hold_is_read_in_a_moment(begin: bytes) -> None:
    text = begin * (SECRET_BYTES // len(begin))
    began = time.process_time()
    record.stored(client_secret(**{record.KEY: text, record.PREVIOUS: text}))
    record.notes(guard_secret(keys_json=text, void_json=text), [])
    assert time.process_time() - began < 0.5


GARBLED = {
    "infinite": json.dumps([[key(7), float("inf")]]),
    "deep": "[" * 100_000,
    "not a number": f'[["{key(7)}", NaN]]',
    "no list": '{"a": 1}',
}


@pytest.mark.parametrize("text", GARBLED.values(), ids=GARBLED)
async def test_a_garbled_secret_is_repaired_and_said_and_holds_up_no_revocation(text: str) -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    a, b = home.key("a"), home.key("b")
    await home.edit("vllm11.key.a", record.PREVIOUS, text)
    await home.change({"name": "a"})
    await home.run()
    assert not home.accepts(b)
    assert home.accepts(a)
    condition = home.condition("GuardConfigured")
    assert (condition["status"], condition["reason"]) == ("False", "ClientSecretRepaired")
    assert condition["message"].startswith("a: ")
    assert home.again == 30
    await home.run()
    assert record.PREVIOUS not in (home.secret("a") or {})["data"]
    assert home.condition("GuardConfigured")["reason"] != "ClientSecretRepaired"


async def test_a_garbled_record_in_the_guards_secret_is_repaired_and_costs_no_key() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"}, {"name": "c"})
    before = {name: home.key(name) for name in "abc"}
    noted = json.loads(record.decoded(home.api.objects[home.ref("vllm11.guard")], record.APPLIED))
    for garbled in (json.dumps(noted | {"a": [1, 2], "b": 7}), "{"):
        await home.edit("vllm11.guard", record.APPLIED, garbled)
        await home.run()
        assert {name: home.key(name) for name in "abc"} == before
        assert home.condition("GuardConfigured")["reason"] == "ClientSecretRepaired"
        assert record.notes(home.api.objects[home.ref("vllm11.guard")], []).applied.keys() == set("abc")
