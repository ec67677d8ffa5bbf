"""The one request that tells a server that answers from a process that runs, and what a right answer to it is, by task.

It takes a text through tokenizer and workers to a result; `/health` asks none of them.
"""

import io
import json
import wave
from collections.abc import Mapping
from typing import Any, NamedTuple

from vllm_operator import api

OK = 200
BUSY = (429, 503)
"""The client's limit is spent, or the queue is full: it says nothing of whether the model answers."""
WORDS_LIMIT = 200
BOUNDARY = "part-of-a-form"
RATE = 16_000


class Request(NamedTuple):
    """A POST."""

    path: str
    content: bytes
    content_type: str = "application/json"


class Proof(NamedTuple):
    """What is asked of a task: `parameters` at `path`. `field` of a right answer holds `what`, in words."""

    path: str
    parameters: Mapping[str, Any]
    field: str
    what: str


PROOFS: Mapping[api.Task, Proof] = {
    "Generate": Proof("/v1/completions", {"prompt": "Hello", "max_tokens": 1, "temperature": 0}, "choices", "a token"),
    "Embed": Proof("/v1/embeddings", {"input": "Hello"}, "data", "an embedding"),
    "Score": Proof("/score", {"text_1": "Hello", "text_2": "Hello"}, "data", "a score"),
    "Classify": Proof("/classify", {"input": "Hello"}, "data", "a label"),
    "Pool": Proof("/pooling", {"input": "Hello"}, "data", "a vector"),
    "Transcribe": Proof("/v1/audio/transcriptions", {}, "text", "a text"),
}


def request(model: str, task: api.Task = "Generate") -> Request:
    """Return the request to the model that clients call `model`."""
    proof = PROOFS[task]
    parameters = {"model": model, **proof.parameters}
    if task == "Transcribe":
        return Request(proof.path, _form(parameters, _silence()), f"multipart/form-data; boundary={BOUNDARY}")
    return Request(proof.path, json.dumps(parameters).encode())


def fault(status: int, text: str, task: api.Task = "Generate") -> str | None:
    """Return what is wrong with the answer, in words that name its status, or None where it is right."""
    if status == OK and _decoded(text).get(PROOFS[task].field) not in (None, []):
        return None
    return f"{status}: {_first_line(text) or 'nothing'}"


def _form(fields: Mapping[str, str], file: bytes) -> bytes:
    """Return a form of text fields and one file, as a browser would send it."""
    head = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="silence.wav"\r\n'
    return f"{head}Content-Type: audio/wav\r\n\r\n".encode() + file + f"\r\n--{BOUNDARY}--\r\n".encode()


def _silence() -> bytes:
    """Return a second of it, as a WAV file."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(2 * RATE))
    return written.getvalue()


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
