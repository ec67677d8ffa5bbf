"""The OpenAI SDK, which checks each answer against its own types, and its exceptions for each refusal.

    strict.py ADDRESS      the key is in the environment

Prints the class of the exception of each refusal by its status.
"""

import json
import sys
from collections.abc import Callable

import openai

BASE, MODEL = f"{sys.argv[1]}/v1", "facebook/opt-125m"
CLIENT = openai.OpenAI(base_url=BASE, max_retries=0, _strict_response_validation=True)
SAID = [{"role": "user", "content": "Hello"}]


def refusal(call: Callable[[], object]) -> str:
    """Return the name of the exception that the call raises."""
    try:
        call()
    except openai.APIStatusError as error:
        body = error.body
        assert isinstance(body, dict)
        assert {"message", "type", "param", "code"} <= set(body), body
        return type(error).__name__
    return "none"


(listed,) = CLIENT.models.list().data
assert listed.id == MODEL
written = CLIENT.completions.create(model=MODEL, prompt="The future", max_tokens=3, logprobs=2)
assert written.choices[0].logprobs
CLIENT.chat.completions.create(model=MODEL, messages=SAID, max_tokens=3)  # type: ignore[arg-type]
CLIENT.responses.create(model=MODEL, input="Hello", max_output_tokens=3)
pieces = CLIENT.chat.completions.create(model=MODEL, messages=SAID, max_tokens=3, stream=True)  # type: ignore[call-overload]
assert [piece.choices[0].finish_reason for piece in pieces if piece.choices][-1]
stranger = openai.OpenAI(base_url=BASE, api_key="sk-wrong", max_retries=0)
sys.stdout.write(
    json.dumps(
        {
            "400": refusal(lambda: CLIENT.completions.create(model=MODEL, prompt="a", temperature=3)),
            "401": refusal(stranger.models.list),
            "404": refusal(lambda: CLIENT.completions.create(model="no-such-model", prompt="a")),
            "unknown": refusal(lambda: CLIENT.embeddings.create(model=MODEL, input="a")),
        }
    )
)
