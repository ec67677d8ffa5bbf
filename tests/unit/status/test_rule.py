"""A row's words have room in a condition and in an Event: what is long is shortened, and the remedy never."""

from vllm_operator.kube import requests
from vllm_operator.status import rule


def test_long_words_leave_room_for_the_remedy() -> None:
    row = rule.Rule[str]("Any", lambda at: at, "the scheduler says: {found}", "free {found:.4} or add a node")
    value = row("node " * 1000)
    assert value is not None
    assert value.message.endswith("…: free node or add a node")
    assert len(value.message.encode()) <= requests.NOTE_LIMIT


def test_short_words_are_told_as_they_are() -> None:
    value = rule.Rule[str]("Any", lambda at: at, "no {found}", "make {at}")("room")
    assert value is not None
    assert value.message == "no room: make room"
