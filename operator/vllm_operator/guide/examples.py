"""One call as a program to copy, for each language. The key comes from the environment, so no file has to hold it.

The programs are the files of `programs/`, in the syntax of `str.format`; those ending in `-file` send a file.
Knows: how each language writes a text. Must not: know HTML; what is returned here is plain text.
"""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import orjson

from vllm_operator.guide import calls, files

if TYPE_CHECKING:
    from collections.abc import Collection

_JSON = json.JSONEncoder(ensure_ascii=False)


def programs(url: str, model: str, paths: Collection[str]) -> dict[str, str]:
    """Return a program by language for the first known call among `paths`; none where no call is known."""
    if calls.SPEECH in paths:
        return _speech(url, model)
    path = next((path for path in calls.CALLS if path in paths), None)
    return _calls(url, model, path) if path else {}


def _calls(url: str, model: str, path: str) -> dict[str, str]:
    """Return the programs that send JSON."""
    call, address = calls.CALLS[path], url + path
    body = {"model": model, **call.body(calls.TEXT)}
    base = _json(f"{url}/v1" if call.sdk else url)  # OpenAI's clients put it before a path of their own
    indented = orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
    return {
        "curl": _program("curl", address=shlex.quote(address), body=shlex.quote(indented)),
        "Python": _program("python", base=base, **_python(path, call, body)),
        "Node": _program("node", base=base, **_node(path, call, body)),
        "PHP": _program("php", address=_php(address), body=_php(body), found=_indexed(call.answer)),
    }


def _speech(url: str, model: str) -> dict[str, str]:
    """Return the programs that send a file."""
    address, base, name = url + calls.SPEECH, _json(url + "/v1"), _json(model)
    return {
        "curl": _program("curl-file", address=shlex.quote(address), model=shlex.quote(f"model={model}")),
        "Python": _program("python-file", base=base, model=name),
        "Node": _program("node-file", base=base, model=name),
        "PHP": _program("php-file", address=_php(address), model=_php(model)),
    }


def _program(name: str, **values: str) -> str:
    return files.text(f"programs/{name}.txt").format(**values)


def _python(path: str, call: calls.Call, body: calls.Json) -> dict[str, str]:
    """Return method, arguments and place of the answer; what OpenAI's package has no method for is posted, and read whole."""
    if call.sdk:
        lines = [f"    {name}={_json(value)}," for name, value in body.items()]
        return {"method": f"{call.sdk}.create", "arguments": "\n".join(lines), "found": _dotted(call.answer)}
    lines = [f"    {_json(path)},", f"    body={_json(body)},", "    cast_to=object,"]
    return {"method": "post", "arguments": "\n".join(lines), "found": ""}


def _node(path: str, call: calls.Call, body: calls.Json) -> dict[str, str]:
    """Return the same for OpenAI's package for JavaScript."""
    found = _dotted(call.answer)
    if call.sdk:
        lines = [f"  {name}: {_json(value)}," for name, value in body.items()]
        return {"method": f"{call.sdk}.create(", "fields": "\n".join(lines), "found": found}
    return {"method": f"post({_json(path)}, ", "fields": f"  body: {_json(body)},", "found": found}


def _dotted(steps: calls.Steps) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def _indexed(steps: calls.Steps) -> str:
    return "".join(f"[{_php(step)}]" for step in steps)


def _json(value: object) -> str:
    """Return a value as JSON, which Python and JavaScript read as well."""
    return _JSON.encode(value)


def _php(value: Any) -> str:
    """Return a value as PHP writes it: in single quotes nothing but a backslash and a quote has a meaning."""
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, dict):
        return "[" + ", ".join(f"{_php(name)} => {_php(one)}" for name, one in value.items()) + "]"
    if isinstance(value, list):
        return "[" + ", ".join(map(_php, value)) + "]"
    return _json(value)
