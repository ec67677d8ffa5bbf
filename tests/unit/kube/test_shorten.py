"""A text within a limit of the API: cut between two words, never within a character, and left alone where it fits."""

import hypothesis
import pytest
from hypothesis import strategies

from tests import samples
from vllm_operator.kube import requests, shorten


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("one two three", 13, "one two three"),
        ("one two three", 12, "one two…"),
        ("one two three", 9, "one two…"),
        ("", 5, ""),
        ("a-single-word-without-end", 10, "a-single-…"),
        ("a single-word-without-end", 12, "a single-wo…"),
    ],
)
def test_a_text_is_cut_between_two_words(text: str, limit: int, short: str) -> None:
    assert shorten.to_characters(text, limit) == short
    assert len(short) <= limit


def test_bytes_are_counted_where_bytes_are_limited() -> None:
    assert shorten.to_bytes("äöü", 6) == "äöü"
    assert shorten.to_bytes("äöüä", 7) == "äö…"
    assert shorten.to_bytes("äöüä", 6) == "ä…"
    assert shorten.to_characters("äöüä", 4) == "äöüä"


@hypothesis.given(strategies.text(strategies.characters(exclude_categories=("Cs",))), strategies.integers(3, 40))
def test_whatever_is_said_fits_and_begins_as_it_did(text: str, limit: int) -> None:
    for short, size in ((shorten.to_characters(text, limit), len), (shorten.to_bytes(text, limit), _bytes)):
        assert size(short) <= limit
        assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


def test_a_remedy_is_told_whole_whatever_was_said_before_it() -> None:
    assert shorten.with_remedy("no room", "make room") == "no room: make room"
    long = shorten.with_remedy("word " * 1000, "make room")
    assert long.endswith("…: make room")
    assert _bytes(long) <= requests.NOTE_LIMIT


def test_the_note_of_an_event_is_at_most_1024_bytes() -> None:
    """The API server refuses a longer one, and counts bytes."""
    model = samples.model()
    model["metadata"]["uid"] = "u"
    note = requests.kubernetes_event(model, "PodsRefused", "ein zu großes Kontingent " * 80, 0.0, warning=True)["note"]
    assert 1000 < _bytes(note) <= 1024
    assert note.endswith("…")
    assert requests.kubernetes_event(model, "Serving", "ö" * 512, 0.0, warning=False)["note"] == "ö" * 512


def _bytes(text: str) -> int:
    return len(text.encode())
