"""The exact methods and paths that vLLM answers for clients, by task. What is not in this table does not exist for them.

Source: the routers under vllm/entrypoints of vLLM 0.32 (openai, anthropic, pooling, speech_to_text), which a test compares
with this table in a running vLLM. A prefix would admit too much: `/v1/load_lora_adapter` begins with `/v1` too.

Left out, although vLLM has them: what keeps state (`GET /v1/responses/{id}`, files, adapters), what tells of the server
(`/version`, `/load`, `/metrics`), what holds more than one request (`/v1/chat/completions/batch`), what is for machinery
(`*/render`, `/inference/…`), what no task names (`/invocations`, `/generative_scoring`, `/v1/systemone`), and
WebSockets (`/v1/realtime`), which the guard does not serve.
"""

from collections.abc import Mapping
from typing import NamedTuple

from vllm_operator import api


class Endpoint(NamedTuple):
    """One method and path; `keyed`: a client's key is needed."""

    method: str
    path: str
    keyed: bool = True


HEALTH = "/health"
METRICS = "/metrics"

_EVERY = (Endpoint("GET", HEALTH, keyed=False), Endpoint("GET", "/v1/models"))
_TOKENS = ("/tokenize", "/detokenize")
_POSTED: Mapping[api.Task, tuple[str, ...]] = {
    "Generate": (
        "/v1/completions",
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/messages",
        "/v1/messages/count_tokens",
        *_TOKENS,
    ),
    "Embed": ("/v1/embeddings", "/v2/embed", *_TOKENS),
    "Score": ("/score", "/v1/score", "/rerank", "/v1/rerank", "/v2/rerank"),
    "Classify": ("/classify",),
    "Pool": ("/pooling",),
    "Transcribe": ("/v1/audio/transcriptions", "/v1/audio/translations"),
}

_MAX_BYTES, _MAX_AUDIO_BYTES = 32 * 2**20, 64 * 2**20
"""The bytes of a body by default: a long context with some images, and more than vLLM takes of a recording (25 MiB)."""


def max_request_bytes(task: api.Task) -> int:
    """Return how many bytes the body of a request for this task may have by default."""
    return _MAX_AUDIO_BYTES if task == "Transcribe" else _MAX_BYTES


def of(task: api.Task) -> tuple[Endpoint, ...]:
    """Return what clients may ask of a model with this task."""
    return (*_EVERY, *(Endpoint("POST", path) for path in _POSTED[task]))
