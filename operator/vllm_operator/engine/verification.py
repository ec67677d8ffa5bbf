"""The one request that tells a server that answers from a process that runs, and what a right answer to it is.

A completion of one token takes a text through tokenizer, workers and sampler; `/health` asks none of them.
"""

import json
from typing import Any, NamedTuple

OK = 200
BUSY = (429, 503)
"""The client's limit is spent, or the queue is full: it says nothing of whether the model answers."""
WORDS_LIMIT = 200


class Request(NamedTuple):
    """A POST of JSON."""

    path: str
    body: dict[str, Any]


def request(model: str) -> Request:
    """Return the request to the model that clients call `model`."""
    return Request("/v1/completions", {"model": model, "prompt": "Hello", "max_tokens": 1, "temperature": 0})


def fault(status: int, text: str) -> str | None:
    """Return what is wrong with the answer, in words that name its status, or None where it is right."""
    if status == OK and _decoded(text).get("choices"):
        return None
    return f"{status}: {_first_line(text) or 'nothing'}"


def _first_line(text: str) -> str:
    error = _decoded(text).get("error")
    words = str(error.get("message", "")) if isinstance(error, dict) else text
    return next((line.strip()[:WORDS_LIMIT] for line in words.splitlines() if line.strip()), "")


def _decoded(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
