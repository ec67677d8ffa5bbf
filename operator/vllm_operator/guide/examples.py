"""One call as a program to copy, for each language. The key comes from the environment: nobody has to write it into a file.

Knows: how each language writes a text. Must not: know HTML; what is returned here is plain text.
"""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from vllm_operator.guide import calls

if TYPE_CHECKING:
    from collections.abc import Collection

KEY = "OPENAI_API_KEY"
_IN_PYTHON = "# pip install openai\nfrom openai import OpenAI\n\n"
_IN_NODE = '// npm install openai; save as ask.mjs\nimport OpenAI from "openai";\n'


def programs(url: str, model: str, paths: Collection[str]) -> dict[str, str]:
    """Return a program by language for the first known call among `paths`; none where no call is known."""
    if calls.SPEECH in paths:
        return _speech(url, model)
    path = next((path for path in calls.CALLS if path in paths), None)
    if path is None:
        return {}
    call, address = calls.CALLS[path], url + path
    body = {"model": model, **call.body(calls.TEXT)}
    return {
        "curl": _curl(
            address,
            '-H "Content-Type: application/json"',
            f"-d {shlex.quote(json.dumps(body, ensure_ascii=False, indent=2))}",
        ),
        "Python": _python(url, path, call, body),
        "Node": _node(url, path, call, body),
        "PHP": _php(address, call, body),
    }


def _speech(url: str, model: str) -> dict[str, str]:
    """Return the programs that send a file."""
    address, base, name = url + calls.SPEECH, _json(url + "/v1"), _json(model)
    create, path = "client.audio.transcriptions.create", "speech.wav"
    return {
        "curl": _curl(address, f"-F file=@{path}", f"-F {shlex.quote('model=' + model)}"),
        "Python": f'{_IN_PYTHON}client = OpenAI(base_url={base})\nwith open("{path}", "rb") as file:\n'
        f"    print({create}(model={name}, file=file).text)",
        "Node": f'{_IN_NODE}import fs from "node:fs";\n\nconst client = new OpenAI({{ baseURL: {base} }});\n'
        f'const file = fs.createReadStream("{path}");\nconsole.log((await {create}({{ model: {name}, file }})).text);',
        "PHP": f"<?php\n$call = curl_init({_literal(address)});\n"
        f"curl_setopt($call, CURLOPT_HTTPHEADER, ['Authorization: Bearer ' . getenv('{KEY}')]);\n"
        f"curl_setopt($call, CURLOPT_POSTFIELDS, ['model' => {_literal(model)}, 'file' => new CURLFile('{path}')]);\n"
        "curl_exec($call);",
    }


def _curl(address: str, *options: str) -> str:
    lines = (f"curl {shlex.quote(address)}", f'-H "Authorization: Bearer ${KEY}"', *options)
    return " \\\n  ".join(lines)


def _python(url: str, path: str, call: calls.Call, body: calls.Json) -> str:
    """Return a program for OpenAI's package, which waits by itself when it is told to."""
    given = "".join(f"    {name}={_json(value)},\n" for name, value in body.items())
    found = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in call.answer)
    if not call.sdk:
        given, found = f"    {_json(path)},\n    body={_json(body)},\n    cast_to=object,\n", ""
    asked = f"client.{call.sdk + '.create' if call.sdk else 'post'}(\n{given})"
    return f"{_IN_PYTHON}client = OpenAI(base_url={_json(_base(url, call))})\nanswer = {asked}\nprint(answer{found})"


def _node(url: str, path: str, call: calls.Call, body: calls.Json) -> str:
    given = "".join(f"  {name}: {_json(value)},\n" for name, value in body.items())
    found = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in call.answer)
    asked = f"{call.sdk}.create({{\n{given}}})" if call.sdk else f"post({_json(path)}, {{\n  body: {_json(body)},\n}})"
    return (
        f"{_IN_NODE}\nconst client = new OpenAI({{ baseURL: {_json(_base(url, call))} }});\n"
        f"const answer = await client.{asked};\nconsole.log(answer{found});"
    )


def _php(address: str, call: calls.Call, body: calls.Json) -> str:
    """Return a program that needs no package."""
    found = "".join(f"[{_literal(step)}]" for step in call.answer)
    return (
        "<?php\n$context = stream_context_create(['http' => [\n"
        "    'method' => 'POST',\n"
        f"    'header' => ['Content-Type: application/json', 'Authorization: Bearer ' . getenv('{KEY}')],\n"
        f"    'content' => json_encode({_literal(body)}),\n]]);\n"
        f"$answer = json_decode(file_get_contents({_literal(address)}, false, $context), true);\nprint_r($answer{found});"
    )


def _base(url: str, call: calls.Call) -> str:
    """Return what OpenAI's clients put before a path: a call of their own has its path from them."""
    return f"{url}/v1" if call.sdk else url


def _json(value: object) -> str:
    """Return a value as JSON, which Python and JavaScript read as well."""
    return json.dumps(value, ensure_ascii=False)


def _literal(value: Any) -> str:
    """Return a value as PHP writes it: in single quotes nothing but a backslash and a quote has a meaning."""
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, dict):
        return "[" + ", ".join(f"{_literal(name)} => {_literal(one)}" for name, one in value.items()) + "]"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return _json(value)
