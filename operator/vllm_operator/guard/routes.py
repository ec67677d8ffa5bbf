"""The live part of the guard: one route per key, which holds what the key opens, its client, its expiry and its limit.

Knows: exact methods and paths, never a prefix that reaches vLLM: `/v1/load_lora_adapter` lies under `/v1`.
Must not: hold anything whose change would refill buckets or cut connections. That is in `bootstrap`, which is static.

A limit is written as the `cost` of one request. Every client has a bucket of `BUDGET` tokens per unit, so a bucket never
depends on the limit: a changed limit, a changed key or another client leaves a client's tokens where they are.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

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
_BODY = 4096
"""The bytes that Envoy grants an answer of its own unless the configuration says otherwise."""
_SET = "OVERWRITE_IF_EXISTS_OR_ADD"
_LATEST_EXPIRY = 2**53
"""Expiries above this, in unix seconds, are written as this: Envoy reads numbers as doubles."""

Json = dict[str, Any]

_TO_ENGINE: Json = {"cluster": ENGINE, "timeout": "0s", "idle_timeout": "600s"}
"""A stream may take hours, so an answer is bounded in its silence alone."""
_UNAUTHORIZED: Json = {
    "direct_response": {"status": 401, "body": {"inline_string": replies.NO_KEY}},
    "response_headers_to_add": [{"header": {"key": "www-authenticate", "value": "Bearer"}}],
}


class Live(NamedTuple):
    """The route file, and the version that a guard reports once it has taken the file up."""

    text: str
    version: str


class _Calls(NamedTuple):
    """One method, and the regular expression of the exact paths that it has."""

    method: str
    paths: str


def rendered(access: Access, endpoints: Sequence[Endpoint]) -> Live:
    """Return the route file: a discovery response, whose version is a hash of the routes.

    The version is no secret: of random keys a hash tells nothing, and keys that users bring must be random.
    """
    found = _json(configuration(access, endpoints))
    version = hashlib.sha256(found).hexdigest()[:16]
    response = {"version_info": version, "resources": [orjson.Fragment(found)]}
    return Live(_json(response).decode(), version)


def configuration(access: Access, endpoints: Sequence[Endpoint]) -> Json:
    """Return the RouteConfiguration: preflights, open endpoints, each key's, refusals. Envoy takes the first that matches."""
    listed = sorted(endpoints, key=lambda endpoint: (endpoint.method, endpoint.path))
    pages = [access.page] if access.page else []
    unknown = _not_found(pages, listed)
    found = _preflights(_calls(listed), unknown) if access.origins else []
    found += [_page(page) for page in pages]
    found += [_open(calls) for calls in _calls(one for one in listed if not one.keyed)]
    keyed = _calls(one for one in listed if one.keyed)
    for client in sorted(access.clients, key=lambda client: client.name):
        for credential in client.credentials:
            found += _keyed(client, credential, keyed, unknown)
    found += [{"match": match, **_UNAUTHORIZED} for match in _guarded(listed)]
    found.append({"match": {"prefix": "/"}, **unknown})
    readers = _facts(origins=sorted(access.origins)) if access.origins else {}
    silent = {"response_headers_to_remove": list(cors.ENGINES_OWN)}
    host = {"name": NAME, "domains": ["*"], "routes": found, **silent, **readers}
    largest = max([_BODY, *(len(page.body.encode()) for page in pages)])
    return {"@type": _TYPE, "name": NAME, "virtual_hosts": [host], "max_direct_response_body_size_bytes": largest}


def _calls(listed: Iterable[Endpoint]) -> list[_Calls]:
    """Return the endpoints by method; `listed` is sorted by it."""
    grouped = itertools.groupby(listed, key=lambda endpoint: endpoint.method)
    return [_Calls(method, "|".join(_literal(one.path) for one in group)) for method, group in grouped]


def _preflights(listed: Iterable[_Calls], unknown: Json) -> list[Json]:
    """Return the routes on which browsers ask whether a page may call; the script answers the origins that may."""
    return [
        {
            "match": _match("OPTIONS", paths, _exactly("access-control-request-method", method)),
            **_facts(preflight=method),
            **unknown,
        }
        for method, paths in listed
    ]


def _page(page: Page) -> Json:
    """Return the page as it is: in a body Envoy puts nothing in place of a percent sign, in a header it would."""
    headers = [{"header": {"key": name, "value": value.replace("%", "%%")}} for name, value in page.headers]
    return {
        "match": _match("GET", _literal(page.path)),
        "direct_response": {"status": 200, "body": {"inline_string": page.body}},
        "response_headers_to_add": headers,
    }


def _open(calls: _Calls) -> Json:
    return {
        "match": _match(*calls),
        "route": _TO_ENGINE,
        "request_headers_to_remove": ["authorization", "x-client-id"],
    }


def _keyed(client: Client, credential: Credential, keyed: Iterable[_Calls], unknown: Json) -> list[Json]:
    """Return what one key opens, and the answer for what it does not: 404, where a caller without a key gets 401."""
    bearer = _bearer(credential)
    granted = {
        **_facts(**_grant(client, credential)),
        "route": _TO_ENGINE,
        "request_headers_to_add": [{"header": {"key": "x-client-id", "value": client.name}, "append_action": _SET}],
        "request_headers_to_remove": ["authorization"],
    }
    opened = [{"match": _match(*calls, bearer), **granted} for calls in keyed]
    rest = {"match": {"prefix": "/v1/", "headers": [bearer]}, **_facts(client=client.name), **unknown}
    return [*opened, rest]


def _facts(**facts: object) -> Json:
    """Return what limiter, script, counters and log read of a route."""
    return {"metadata": {"filter_metadata": {METADATA: facts}}}


def _grant(client: Client, credential: Credential) -> Json:
    """Return whose the key is and what a request costs; the cost as text, since Envoy may print a large number as 1e+09."""
    limit = client.limit
    cost = str(BUDGET // limit.requests)
    grant: Json = {"client": client.name, "unit": limit.unit, "limit": limit.requests, "cost": cost}
    if credential.expires_at is not None:
        grant["expires_at"] = max(0, min(credential.expires_at, _LATEST_EXPIRY))
    return grant


def _match(method: str, paths: str, *headers: Json) -> Json:
    return {"safe_regex": {"regex": paths}, "headers": [_exactly(":method", method), *headers]}


def _exactly(name: str, value: str) -> Json:
    return {"name": name, "string_match": {"exact": value}}


def _bearer(credential: Credential) -> Json:
    """Match the header that sends this key. No character of a key means anything to RE2 (see `access.KEY_PATTERN`)."""
    regex = f"(?i:bearer) +{credential.key}"
    return {"name": "authorization", "string_match": {"safe_regex": {"regex": regex}}}


def _literal(text: str) -> str:
    """Return RE2 for exactly this text; a dash means nothing there, and left alone a path can be searched for."""
    return re.escape(text).replace(r"\-", "-")


def _guarded(listed: Iterable[Endpoint]) -> list[Json]:
    """Return what asks for a key where none matched: all of /v1/, and keyed endpoints elsewhere."""
    elsewhere = {one.path for one in listed if one.keyed and not one.path.startswith("/v1/")}
    return [{"prefix": "/v1/"}, *({"path": path} for path in sorted(elsewhere))]


def _not_found(pages: Iterable[Page], listed: Iterable[Endpoint]) -> Json:
    by_path = sorted(listed, key=lambda endpoint: (endpoint.path, endpoint.method))
    answers = ", ".join([*(f"GET {page.path}" for page in pages), *(f"{one.method} {one.path}" for one in by_path)])
    body = f"Unknown method or path. This model answers: {answers}."
    return {"direct_response": {"status": 404, "body": {"inline_string": body}}}


def _json(value: Json) -> bytes:
    """Return JSON, which is YAML: one spelling for one value."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
