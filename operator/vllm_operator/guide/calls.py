"""What can be asked of a model, in words for its callers: a purpose for each path, and a body where one text is enough.

Knows: the calls of the OpenAI API, and those of vLLM beside it. Must not: decide which of them a model answers: that is the
table in `engine.endpoints`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_PLACE = "?"
TEXT = "The future of artificial intelligence is"
Json = dict[str, Any]
Steps = tuple[str | int, ...]


class Call(NamedTuple):
    """`asked`: the body without the model's name, with "?" in the place of the caller's text.

    `sdk`: the method of OpenAI's clients, "" where they have none; `answer`: the path to the answer within the response.
    """

    asked: Json
    sdk: str = ""
    answer: Steps = ()

    def body(self, text: str | None) -> Json:
        """Return the body with the text in its place; None becomes null, which the page's form replaces."""
        return {name: _filled(value, text) for name, value in self.asked.items()}


def _filled(value: Any, text: str | None) -> Any:
    if value == _PLACE:
        return text
    if isinstance(value, dict):
        return {name: _filled(one, text) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, text) for one in value]
    return value


CALLS = {
    "/v1/completions": Call({"prompt": "?", "max_tokens": 100}, "completions", ("choices", 0, "text")),
    "/v1/chat/completions": Call(
        {"messages": [{"role": "user", "content": "?"}], "max_tokens": 100},
        "chat.completions",
        ("choices", 0, "message", "content"),
    ),
    "/v1/embeddings": Call({"input": "?"}, "embeddings", ("data", 0, "embedding")),
    "/pooling": Call({"input": "?"}, answer=("data",)),
    "/classify": Call({"input": "?"}, answer=("data",)),
    "/score": Call({"text_1": "?", "text_2": "Machines that learn"}, answer=("data", 0, "score")),
    "/rerank": Call({"query": "?", "documents": ["Machines that learn", "Lunch at noon"]}, answer=("results",)),
}
"""The calls that one text is enough for."""

SPEECH = "/v1/audio/transcriptions"
"""The call that takes a file."""

PURPOSES = {
    "/health": "200 while the model answers; needs no key",
    "/v1/models": "the model and its context length",
    "/v1/completions": "continues a text",
    "/v1/chat/completions": "answers a conversation",
    "/v1/responses": "OpenAI's Responses",
    "/v1/messages": "Anthropic's Messages",
    "/v1/messages/count_tokens": "their length in tokens",
    "/tokenize": "the tokens of a text",
    "/detokenize": "the text of tokens",
    "/v1/embeddings": "a text as a vector",
    "/v2/embed": "Cohere's Embed",
    "/pooling": "a text as vectors",
    "/classify": "the class of a text",
    "/score": "how close two texts are",
    "/rerank": "documents by closeness to a query",
    SPEECH: "speech to text",
    "/v1/audio/translations": "speech to English text",
}
"""A path that is not here is another spelling of the one before it."""
