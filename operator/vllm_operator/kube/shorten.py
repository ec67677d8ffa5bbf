"""Texts within a limit of the API: cut between two words, and never within a character. Pure."""

ELLIPSIS = "…"
TOLD = 960
"""In characters: a message with a remedy, so that an Event has room for both."""


def with_remedy(words: str, remedy: str) -> str:
    """Return what happened and what to do; what happened is shortened where it is long, and the remedy never."""
    return f"{to_characters(words, max(TOLD - len(remedy), len(ELLIPSIS)))}: {remedy}"


def to_characters(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters, which a schema's maxLength counts."""
    return text if len(text) <= limit else _ended(text[: limit - len(ELLIPSIS)])


def to_bytes(text: str, limit: int) -> str:
    """Return `text` in at most `limit` bytes of UTF-8, which the API server counts in an Event's note."""
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    return _ended(encoded[: limit - len(ELLIPSIS.encode())].decode(errors="ignore"))


def _ended(cut: str) -> str:
    """Return `cut` up to its last space and an ellipsis; a last word that is most of the text is cut itself."""
    whole, _, _ = cut.rpartition(" ")
    return f"{whole if len(whole) > len(cut) // 2 else cut}{ELLIPSIS}"
