"""Facts of a model -> the document, and the headers that it is sent with.

Knows: HTML, and what browsers enforce. Must not: put a fact anywhere but into an escaped text or attribute; style and script are
constant, so that the content security policy allows them alone, by their hashes.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
from typing import TYPE_CHECKING, NamedTuple

from vllm_operator.guide import calls, examples, files

if TYPE_CHECKING:
    from collections.abc import Sequence

PATH = "/guide"


class Facts(NamedTuple):
    """`url`: the model's base URL without a slash at its end; `context`: its tokens, None where the weights declare it.

    `endpoints`: methods and paths; `aliases`: further names of the model; `adapters`: names of LoRA adapters.
    """

    url: str
    model: str
    context: int | None
    endpoints: Sequence[tuple[str, str]]
    aliases: Sequence[str] = ()
    adapters: Sequence[str] = ()


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


STYLE, SCRIPT = files.packed("style.css"), files.packed("script.js")
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": f"default-src 'none';style-src {_hash(STYLE)};script-src {_hash(SCRIPT)};connect-src 'self';"
    "img-src data:;form-action 'none';base-uri 'none';frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""The guard adds the content type: HTML in UTF-8. `img-src` is for the empty icon, which spares browsers a request."""

_PARAMETERS = (
    "<p>Options: max_tokens, temperature (0 to 2, default 1: lower is more focused), top_p (0 to 1, default 1), n,"
    " stop, presence_penalty, frequency_penalty (-2 to 2, default 0), stream."
)


def document(facts: Facts) -> str:
    """Return the HTML of the guide."""
    name = _text(facts.model)
    return files.packed("page.html").format(
        style=STYLE,
        script=SCRIPT,
        model=name,
        name=_copied(name, "the name"),
        url=_copied(_text(f"{facts.url}/"), "the base URL"),
        aliases=_names("Also called", facts.aliases) + _names("Adapters, by these names", facts.adapters),
        context=_context(facts.context),
        tabs=_tabs(facts),
        **_of_the_task(tuple(facts.endpoints)),
    )


def _names(title: str, names: Sequence[str]) -> str:
    listed = ", ".join(f"<code>{_text(name)}</code>" for name in names)
    return f"<dt>{title}<dd>{listed}" if listed else ""


def _context(tokens: int | None) -> str:
    return f"{tokens:,} tokens, prompt and answer together" if tokens else "as the model's weights declare"


def _tabs(facts: Facts) -> str:
    """Return a tab for each language; the first is open."""
    programs = examples.programs(facts.url, facts.model, {path for _, path in facts.endpoints})
    opened = next(iter(programs), "")
    return "".join(
        f"<input type=radio name=in id={name}{' checked' if name == opened else ''}><label for={name}>{name}</label>"
        f"<div><pre tabindex=0 data-copy={name}>{_text(text)}</pre></div>"
        for name, text in programs.items()
    )


@functools.lru_cache(maxsize=32)
def _of_the_task(endpoints: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the parts that are the same for all models of one task."""
    paths = [path for _, path in endpoints]
    listed = (f"<dt><code>{method} {path}</code><dd>{_purpose(path)}" for method, path in endpoints)
    parameters = _PARAMETERS if "/v1/completions" in paths else ""
    return {"form": _form(paths), "endpoints": "".join(listed), "parameters": parameters}


def _form(paths: list[str]) -> str:
    """Return the form; it has no names and no action, so that nothing of it can stand in an address."""
    asked = {path: calls.CALLS[path].body(None) for path in paths if path in calls.CALLS}
    options = "".join(f"<option data-body={_attribute(_json(body))}>{path}" for path, body in asked.items())
    return files.packed("form.html").format(calls=options, text=calls.TEXT) if asked else ""


def _purpose(path: str) -> str:
    if path not in calls.PURPOSES:
        return "the same"
    body = f": <code>{_text(_json(calls.CALLS[path].body('…')))}</code>" if path in calls.CALLS else ""
    return calls.PURPOSES[path] + body


def _copied(escaped: str, name: str) -> str:
    return f"<code data-copy={_attribute(name)}>{escaped}</code>"


def _text(text: str) -> str:
    return html.escape(text, quote=False)


def _attribute(text: str) -> str:
    """Return a quoted value; in single quotes, since double ones would be escaped once more in the guard's JSON."""
    return "'" + _text(text).replace("'", "&#39;") + "'"


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
