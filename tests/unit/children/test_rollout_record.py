"""What is remembered of a rollout: it comes back as it was written, and what somebody made of it counts as nothing."""

import json
from typing import Any

import pytest

from vllm_operator.children import rollout_record
from vllm_operator.children.rollout_record import GaveWay, Record
from vllm_operator.kube import kinds

AT = "2026-01-01T00:00:00Z"
KEY = "serving.byteshop.in/rollout"


def deployment(text: Any) -> kinds.Object:
    return {"metadata": {"annotations": {KEY: text}}}


@pytest.mark.parametrize(
    "record",
    [
        Record(since=AT),
        Record(AT, "abc", True),
        Record(AT, "abc", False, GaveWay("def", AT, 'EngineFailed: "boom"\n')),
        Record(),
    ],
)
def test_what_is_remembered_comes_back(record: Record) -> None:
    assert rollout_record.read(deployment(rollout_record.written(record))) == record


def test_nothing_to_remember_is_no_annotation() -> None:
    assert rollout_record.written(Record()) == ""
    assert rollout_record.read(None) == rollout_record.read({"metadata": {}}) == Record()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[1]",
        "null",
        json.dumps({"since": "yesterday", "verified": 1, "recreates": "yes", "gaveWay": []}),
        json.dumps({"gaveWay": {"inputs": "a", "at": "never", "words": "x"}}),
        json.dumps({"gaveWay": {"inputs": 1, "at": AT}}),
    ],
)
def test_what_somebody_made_of_it_counts_as_nothing(text: str) -> None:
    assert rollout_record.read(deployment(text)) == Record()


def test_words_are_cut_and_the_rest_is_kept() -> None:
    found = rollout_record.read(deployment(rollout_record.written(Record(gave_way=GaveWay("a", AT, "x" * 5000)))))
    assert found.gave_way is not None
    assert (found.gave_way.inputs, len(found.gave_way.words)) == ("a", rollout_record.WORDS_LIMIT)
