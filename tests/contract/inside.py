"""Runs inside the engine's container, by vLLM's own Python: what vLLM itself says of arguments, routes and requests.

Reads JSON from stdin: `arguments` (lists to parse), `tasks` (task -> what vLLM calls it, `paths`, and the operator's `request`).
Prints JSON: which arguments were refused, which paths are no routes, what is wrong with a request, by task, and the options
with the kind of their values.
"""

import argparse
import asyncio
import base64
import contextlib
import inspect
import io
import json
import sys
import types
from typing import Any

import fastapi
import pydantic
from starlette import requests
from vllm.entrypoints.cli.serve import ServeSubcommand
from vllm.entrypoints.launchers.api_server.routers import register_api_routers
from vllm.utils.argparse_utils import FlexibleArgumentParser

Json = dict[str, Any]


PARSER = FlexibleArgumentParser()
SERVE = ServeSubcommand().subparser_init(PARSER.add_subparsers())


def is_taken(arguments: list[str]) -> bool:
    """Tell whether `vllm serve` takes these arguments."""
    with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit):
        PARSER.parse_args(["serve", *arguments])
        return True
    return False


def kinds() -> dict[str, str]:
    """Return the options without their dashes and negations, each with the kind of its value."""
    named = ((name, action) for action in SERVE._actions for name in action.option_strings)
    return {
        name[2:]: kind(action)
        for name, action in named
        if name.startswith("--") and not name.startswith(("--no-", "--help"))
    }


def kind(action: argparse.Action) -> str:
    """Return how many values an option takes: none (flag), one (scalar), perhaps one (optional), or several (list)."""
    if action.nargs == 0:
        return "flag"
    return {None: "scalar", "?": "optional"}.get(action.nargs, "list")


def routes(supported: list[str]) -> dict[str, Any]:
    """Return what vLLM registers for a model that supports these tasks: path -> the function that answers a POST."""
    app = fastapi.FastAPI()
    app.state.args = PARSER.parse_args(["serve", "model"])
    pooling = next((task for task in supported if task not in ("generate", "transcription")), None)
    shape = types.SimpleNamespace(get_pooling_task=lambda _: pooling, hf_config=types.SimpleNamespace(num_labels=1))
    register_api_routers(app.state.args, app, tuple(supported), shape)
    return {route.path: route.endpoint for route in app.routes if "POST" in (getattr(route, "methods", None) or ())}


def fault(endpoint: Any, request: Json) -> str:
    """Return what vLLM's own type of the request says against it, "" where nothing."""
    wanted = inspect.signature(inspect.unwrap(endpoint)).parameters["request"].annotation
    content = base64.b64decode(request["content"])
    kind = request["content_type"]
    body = json.loads(content) if kind == "application/json" else asyncio.run(form(content, kind))
    try:
        pydantic.TypeAdapter(wanted).validate_python(body)
    except pydantic.ValidationError as error:
        return str(error)
    return ""


async def form(content: bytes, kind: str) -> Json:
    """Return the fields of a form as the server would read them."""

    async def receive() -> Json:
        return {"type": "http.request", "body": content, "more_body": False}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}
    return dict(await requests.Request(scope, receive).form())


def main() -> None:
    """Answer what is asked on stdin."""
    asked = json.load(sys.stdin)
    refused = [index for index, arguments in enumerate(asked["arguments"]) if not is_taken(arguments)]
    missing, wrong = {}, {}
    for name, task in asked["tasks"].items():
        found = routes(task["supported"])
        missing[name] = [path for path in task["paths"] if path not in found]
        wrong[name] = fault(found[task["request"]["path"]], task["request"])
    sys.stdout.write(json.dumps({"refused": refused, "missing": missing, "wrong": wrong, "kinds": kinds()}))


main()
