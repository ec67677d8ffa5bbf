"""The one request that tells a server that answers from a process that runs, and what a right answer to it is, by task.

It takes a text through tokenizer and workers to a result; `/health` asks none of them.
"""

import io
import json
import wave
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from vllm_operator import api
from vllm_operator.engine import adapters, options

OK = 200
BUSY = (429, 503)
"""The client's limit is spent, or the queue is full: it says nothing of whether the model answers."""
WORDS_LIMIT = 200
MOST_BRACKETS = 1000
BOUNDARY = "part-of-a-form"
RATE = 16_000
MOST_TOKENS = 10_000_000_000


class Request(NamedTuple):
    """A POST, or a GET without content."""

    path: str
    content: bytes
    content_type: str = "application/json"
    method: str = "POST"


class Served(NamedTuple):
    """What a server serves: the name that clients send as `model`, its further names, its adapters', and its task."""

    model: str
    task: api.Task
    aliases: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()


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


def served(arguments: Iterable[str], task: api.Task) -> Served | None:
    """Return what a server serves that was started with `arguments`, as options.arguments() writes them.

    None where they name no model. Some tasks are started alike: where the spec's `task` is started like this, it is that one.
    """
    arguments = list(arguments)
    pairs = (argument.removeprefix("--").partition("=") for argument in arguments if argument.startswith("--"))
    given = {name: value for name, _, value in pairs}
    chosen = {name: given[name] for name in ("runner", "convert") if name in given}
    tasks = [one for one in PROOFS if options.TASKS.get(one, {}) == chosen]
    names = adapters.values("--served-model-name", arguments)
    if not (names and names[0] and tasks):
        return None
    return Served(names[0], task if task in tasks else tasks[0], tuple(names[1:]), adapters.names(arguments))


def chooses_context(arguments: Iterable[str]) -> bool:
    """Tell whether a server that was started with `arguments` chooses the length of its context."""
    return f"--max-model-len={api.AUTO}" in arguments


MODELS = Request("/v1/models", b"", method="GET")
"""The request that tells the length of the context, which vLLM chooses where it may."""


def context(text: str) -> int | None:
    """Return the length of the context that the answer to MODELS names, in tokens; None where it names none."""
    listed = _decoded(text).get("data")
    first = listed[0] if isinstance(listed, list) and listed else None
    length = first.get("max_model_len") if isinstance(first, dict) else None
    return length if type(length) is int and 0 < length <= MOST_TOKENS else None


def request(model: str, task: api.Task = "Generate") -> Request:
    """Return the request to the model that clients call `model`."""
    proof = PROOFS[task]
    parameters = {"model": model, **proof.parameters}
    if task == "Transcribe":
        return Request(proof.path, _form(parameters, _silence()), f"multipart/form-data; boundary={BOUNDARY}")
    return Request(proof.path, json.dumps(parameters).encode())


def fault(status: int, text: str, task: api.Task = "Generate", key: str = "") -> str | None:
    """Return what is wrong with the answer, in words that name its status and not the `key`, or None where it is right.

    `text` may be anything that a server sends.
    """
    answer = _decoded(text)
    if status == OK and answer.get(PROOFS[task].field) not in (None, []):
        return None
    words = _words(answer) or text
    hidden = words.replace(key, "sk-...") if key else words
    return f"{status}: {_first_line(hidden) or 'nothing'}"


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


def _words(answer: Mapping[str, Any]) -> str:
    """Return the message of an error in vLLM's form, "" where there is none."""
    error = answer.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else ""


def _first_line(words: str) -> str:
    """Return the first line that is not blank, without what cannot be printed."""
    line = next(iter(words.lstrip()[:WORDS_LIMIT].splitlines()), "")
    return "".join(letter if letter.isprintable() else " " for letter in line).strip()


def _decoded(text: str) -> dict[str, Any]:
    """Return the JSON object that `text` is; {} where it is none, or more than a right answer is.

    orjson refuses what is nested too deeply; a list takes a hundred times the memory of its two brackets.
    """
    if text.count("[") + text.count("{") > MOST_BRACKETS:
        return {}
    try:
        found = orjson.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
