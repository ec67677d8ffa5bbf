"""The live part of the guard: one route per key, which says what the key opens, whose it is, until when, and its limit.

Knows: exact methods and paths, never a prefix that reaches vLLM: `/v1/load_lora_adapter` lies under `/v1`.
Must not: hold what a change of would refill buckets or cut connections; that is in `bootstrap`, and static.

A limit is told as the `cost` of one request. Every client has a bucket of `BUDGET` tokens per unit, so a bucket never
depends on the limit: a changed limit, a changed key or another client leaves a client's tokens where they are.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from typing import TYPE_CHECKING, Any

from vllm_operator.guard import cors, replies

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vllm_operator.guard.access import Access, Client, Credential, Endpoint, Page

NAME = "guard"
ENGINE = "vllm"
METADATA = "guard"
BUDGET = 1_000_000_000
"""The tokens of a bucket: enough that the share of any limit is exact to a millionth, few enough for Envoy's numbers."""

_TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
_IDLE = "600s"
_BODY = 4096
"""The bytes that Envoy grants an answer of its own unless it is told otherwise."""
_SET = "OVERWRITE_IF_EXISTS_OR_ADD"

Json = dict[str, Any]


def text(access: Access, endpoints: Sequence[Endpoint]) -> str:
    """Return the route file: a discovery response, whose version shows in Envoy's statistics."""
    found = configuration(access, endpoints)
    return _text({"version_info": _name(found), "resources": [found]})


def version(access: Access, endpoints: Sequence[Endpoint]) -> str:
    """Return a stable name for these routes. Of random keys a hash tells nothing, and brought ones are to be random."""
    return _name(configuration(access, endpoints))


def configuration(access: Access, endpoints: Sequence[Endpoint]) -> Json:
    """Return the RouteConfiguration: preflights, open endpoints, each key's, refusals. Envoy takes the first that matches."""
    listed = sorted(endpoints, key=lambda endpoint: (endpoint.path, endpoint.method))
    keyed = [endpoint for endpoint in listed if endpoint.keyed]
    pages = [access.page] if access.page else []
    unknown = _not_found([*(("GET", page.path) for page in pages), *((one.method, one.path) for one in listed)])
    found = _preflights(access.origins, listed, unknown)
    found += [_page(page) for page in pages]
    found += [_open(method, paths) for method, paths in _by_method(e for e in listed if not e.keyed)]
    for client in sorted(access.clients, key=lambda client: client.name):
        for credential in client.credentials:
            found += [_keyed(client, credential, method, paths) for method, paths in _by_method(keyed)]
            known = {"match": {"prefix": "/v1/", "headers": [_bearer(credential)]}, **_told(client=client.name)}
            found.append({**known, **unknown})
    found += [{"match": match, **_unauthorized()} for match in _guarded(keyed)]
    found.append({"match": {"prefix": "/"}, **unknown})
    readers = _told(origins=sorted(access.origins)) if access.origins else {}
    silent = {"response_headers_to_remove": list(cors.ENGINES_OWN)}
    host = {"name": NAME, "domains": ["*"], "routes": found, **silent, **readers}
    largest = max([_BODY, *(len(page.body.encode()) for page in pages)])
    return {"@type": _TYPE, "name": NAME, "virtual_hosts": [host], "max_direct_response_body_size_bytes": largest}


def _preflights(origins: Sequence[str], listed: Sequence[Endpoint], unknown: Json) -> list[Json]:
    """Return where browsers ask whether a page may call; the script answers those of `origins`, and no other request."""
    return [
        {
            "match": _match("OPTIONS", paths, _exactly("access-control-request-method", method)),
            **_told(preflight=method),
            **unknown,
        }
        for method, paths in _by_method(listed)
        if origins
    ]


def _page(page: Page) -> Json:
    """Return the page as it is: in a body Envoy puts nothing in place of a percent sign, in a header it would."""
    headers = [{"header": {"key": name, "value": value.replace("%", "%%")}} for name, value in page.headers]
    return {
        "match": _match("GET", [page.path]),
        "direct_response": {"status": 200, "body": {"inline_string": page.body}},
        "response_headers_to_add": headers,
    }


def _open(method: str, paths: Sequence[str]) -> Json:
    return {
        "match": _match(method, paths),
        "route": _to_engine(),
        "request_headers_to_remove": ["authorization", "x-client-id"],
    }


def _keyed(client: Client, credential: Credential, method: str, paths: Sequence[str]) -> Json:
    return {
        "match": _match(method, paths, _bearer(credential)),
        **_told(**_facts(client, credential)),
        "route": _to_engine(),
        "request_headers_to_add": [{"header": {"key": "x-client-id", "value": client.name}, "append_action": _SET}],
        "request_headers_to_remove": ["authorization"],
    }


def _told(**facts: object) -> Json:
    """Return facts for limiter, script, counters and log."""
    return {"metadata": {"filter_metadata": {METADATA: facts}}}


def _facts(client: Client, credential: Credential) -> Json:
    """Return whose the key is and what a request costs; as text, since Envoy may print a large number as 1e+09."""
    expiry = {} if credential.expires_at is None else {"expires_at": credential.expires_at}
    cost = str(BUDGET // client.limit.requests)
    return {"client": client.name, "unit": client.limit.unit, "limit": client.limit.requests, "cost": cost, **expiry}


def _match(method: str, paths: Sequence[str], *headers: Json) -> Json:
    return {"safe_regex": {"regex": "|".join(map(_literal, paths))}, "headers": [_exactly(":method", method), *headers]}


def _exactly(name: str, value: str) -> Json:
    return {"name": name, "string_match": {"exact": value}}


def _bearer(credential: Credential) -> Json:
    regex = f"(?i:bearer) +{_literal(credential.key)}"
    return {"name": "authorization", "string_match": {"safe_regex": {"regex": regex}}}


def _literal(text: str) -> str:
    """Return RE2 for exactly this text; a dash means nothing there, and left alone a key can be searched for."""
    return re.escape(text).replace(r"\-", "-")


def _to_engine() -> Json:
    """Return the way to vLLM: no limit on an answer's length, only on silence, since a stream may take hours."""
    return {"cluster": ENGINE, "timeout": "0s", "idle_timeout": _IDLE}


def _guarded(keyed: Iterable[Endpoint]) -> list[Json]:
    """Return what asks for a key where none matched: all of /v1/, and keyed endpoints elsewhere."""
    return [
        {"prefix": "/v1/"},
        *({"path": path} for path in sorted({e.path for e in keyed}) if not path.startswith("/v1/")),
    ]


def _unauthorized() -> Json:
    return {
        "direct_response": {"status": 401, "body": {"inline_string": replies.NO_KEY}},
        "response_headers_to_add": [{"header": {"key": "www-authenticate", "value": "Bearer"}}],
    }


def _not_found(listed: Iterable[tuple[str, str]]) -> Json:
    answers = ", ".join(f"{method} {path}" for method, path in listed)
    body = f"Unknown method or path. This model answers: {answers}."
    return {"direct_response": {"status": 404, "body": {"inline_string": body}}}


def _by_method(endpoints: Iterable[Endpoint]) -> list[tuple[str, list[str]]]:
    ordered = sorted(endpoints, key=lambda endpoint: (endpoint.method, endpoint.path))
    grouped = itertools.groupby(ordered, key=lambda endpoint: endpoint.method)
    return [(method, [endpoint.path for endpoint in group]) for method, group in grouped]


def _name(found: Json) -> str:
    return hashlib.sha256(_text(found).encode()).hexdigest()[:16]


def _text(value: Json) -> str:
    """Return JSON, which is YAML: one spelling for one value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
