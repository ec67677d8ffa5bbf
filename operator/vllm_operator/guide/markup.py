"""Facts of a model -> the document, and the headers that it is sent with.

Knows: HTML, and what browsers enforce. Must not: put a fact anywhere but into an escaped text or attribute; style and script are
constant, so that a hash of each allows them alone.
"""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.resources
import json
from typing import TYPE_CHECKING, NamedTuple

from vllm_operator.guide import calls, examples

if TYPE_CHECKING:
    from collections.abc import Sequence

PATH = "/guide"


class Facts(NamedTuple):
    """`url`: the model's base URL without a slash at its end; `context`: its tokens, None where the weights say it.

    `endpoints`: methods and paths.
    """

    url: str
    model: str
    context: int | None
    endpoints: Sequence[tuple[str, str]]


def _packed(name: str) -> str:
    """Return a file of this package without comments and line breaks: etcd keeps it once for every model."""
    text = importlib.resources.files("vllm_operator.guide").joinpath(name).read_text()
    lines = (line.strip() for line in text.splitlines())
    return "".join(line for line in lines if not line.startswith(("//", "/*")))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


STYLE, SCRIPT = _packed("style.css"), _packed("script.js")
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": f"default-src 'none';style-src {_hash(STYLE)};script-src {_hash(SCRIPT)};connect-src 'self';"
    "img-src data:;form-action 'none';base-uri 'none';frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""The content type is the guard's: it sends pages as HTML in UTF-8. `img-src` is for the empty icon, which spares a request."""

_ERRORS = {
    "400": "The request is malformed, or longer than the context.",
    "401": "The key is missing, wrong, revoked or expired.",
    "404": "No such path, or no model of this name.",
    "429": "The key's rate limit is reached: wait for the seconds in <code>Retry-After</code>, as OpenAI's SDKs do.",
    "500": "The server failed: try again.",
    "503": "The model is loading, or its queue is full: wait likewise.",
}
_OPTIONS = (
    "<p>Options: max_tokens, temperature (0 to 2, default 1: lower is more focused), top_p (0 to 1, default 1), n,"
    " stop, presence_penalty, frequency_penalty (-2 to 2, default 0), stream."
)


def document(facts: Facts) -> str:
    """Return the HTML of the guide."""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=width=device-width>"
        f"<title>{_text(facts.model)}</title><link rel=icon href=data:,><style>{STYLE}</style>"
        f"<header><div><p>API guide<h1>{_copied(facts.model, 'the name')}</h1><p>Speaks the OpenAI API. Each request carries a"
        " key: ask whoever gave you this address for one.</div></header>"
        f"<main>{_connection(facts)}{_form(facts)}{_examples(facts)}{_errors()}{_endpoints(facts)}</main>"
        f"<script>{SCRIPT}</script>"
    )


def _connection(facts: Facts) -> str:
    context = (
        f"{facts.context:,} tokens, prompt and answer together" if facts.context else "as the model's weights declare"
    )
    return (
        "<section class=wide><h2>Connection</h2><dl>"
        f"<dt>Base URL<dd>{_copied(facts.url + '/', 'the base URL')}"
        f"<dt>Context length<dd>{context}"
        "<dt>Header<dd><code>Authorization: Bearer &lt;your key></code></dl></section>"
    )


def _form(facts: Facts) -> str:
    """Return the form; it has no names and no action, so that nothing of it can stand in an address."""
    told = [path for _, path in facts.endpoints if path in calls.CALLS]
    options = "".join(f"<option data-body={_attribute(_json(calls.CALLS[path].body(None)))}>{path}" for path in told)
    if not told:
        return ""
    return (
        "<section class=tall><h2>Try it</h2><p>Your key is sent to this model alone, and is kept nowhere."
        "<form id=form autocomplete=off>"
        "<label for=key>Your key</label><input id=key type=password autocomplete=off required>"
        f"<label for=call>Call</label><select id=call>{options}</select>"
        f"<label for=prompt>Text</label><textarea id=prompt rows=3 required>{calls.TEXT}</textarea>"
        "<button id=send>Send</button> <button type=button id=stop disabled>Stop</button>"
        "<p id=said role=status><pre id=answer tabindex=0 aria-label=Answer></pre>"
        "</form></section>"
    )


def _examples(facts: Facts) -> str:
    programs = examples.programs(facts.url, facts.model, {path for _, path in facts.endpoints})
    tabs = "".join(
        f"<input type=radio name=in id={name}><label for={name}>{name}</label>"
        f"<div><pre tabindex=0 data-copy={name}>{_text(text)}</pre></div>"
        for name, text in programs.items()
    ).replace(">", " checked>", 1)
    return (
        "<section><h2>Examples</h2><p>They read the key from the environment variable"
        f" <code>{examples.KEY}</code>.<fieldset aria-label=Language>{tabs}</fieldset></section>"
    )


def _endpoints(facts: Facts) -> str:
    listed = "".join(f"<dt><code>{method} {path}</code><dd>{_purpose(path)}" for method, path in facts.endpoints)
    written = any(path == "/v1/completions" for _, path in facts.endpoints)
    return f"<section class=wide><h2>Endpoints</h2><dl>{listed}</dl>{_OPTIONS * written}</section>"


def _purpose(path: str) -> str:
    if path not in calls.PURPOSES:
        return "the same"
    body = f": <code>{_text(_json(calls.CALLS[path].body('…')))}</code>" if path in calls.CALLS else ""
    return calls.PURPOSES[path] + body


def _errors() -> str:
    listed = "".join(f"<dt>{status}<dd>{words}" for status, words in _ERRORS.items())
    return f"<section><h2>Errors</h2><dl>{listed}</dl></section>"


def _copied(text: str, name: str) -> str:
    return f"<code data-copy={_attribute(name)}>{_text(text)}</code>"


def _text(text: str) -> str:
    return html.escape(text, quote=False)


def _attribute(text: str) -> str:
    """Return a quoted value; in single quotes, since double ones would be escaped once more in the guard's JSON."""
    return "'" + _text(text).replace("'", "&#39;") + "'"


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
