#!/usr/bin/python3
"""A stand-in for vLLM that is silent as long as it is asked to be: the seconds stand in the field `seed` of a completion.

It is put into the operator's image under the name `vllm` (tests/bench/engine_image.py), so it imports what that image has alone.
"""

import asyncio
import json
import time

from aiohttp import web

MODEL = "facebook/opt-125m"
CHOICE = {"index": 0, "text": " once", "logprobs": None, "finish_reason": "length"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def completion() -> dict[str, object]:
    """Return a completion of one token."""
    head = {"id": "cmpl-1", "object": "text_completion", "created": int(time.time()), "model": MODEL}
    return {**head, "choices": [CHOICE], "usage": USAGE}


async def health(_: web.Request) -> web.Response:
    """Answer as vLLM does once the model is loaded."""
    return web.Response()


async def models(_: web.Request) -> web.Response:
    """List the model."""
    listed = {"id": MODEL, "object": "model", "created": 0, "owned_by": "vllm", "max_model_len": 2048}
    return web.json_response({"object": "list", "data": [listed]})


async def complete(request: web.Request) -> web.StreamResponse:
    """Be silent, then answer: a stream begins with one event before its silence."""
    asked = await request.json()
    silence = int(asked.get("seed") or 0)
    if not asked.get("stream"):
        await asyncio.sleep(silence)
        return web.json_response(completion())
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    await response.prepare(request)
    for pause in (0, silence):
        await asyncio.sleep(pause)
        await response.write(f"data: {json.dumps(completion())}\n\n".encode())
    await response.write(b"data: [DONE]\n\n")
    return response


def main() -> None:
    """Serve where vLLM does, whatever the arguments."""
    application = web.Application()
    application.router.add_get("/health", health)
    application.router.add_get("/v1/models", models)
    application.router.add_post("/v1/completions", complete)
    web.run_app(application, host="127.0.0.1", port=8001, print=None)


if __name__ == "__main__":
    main()
