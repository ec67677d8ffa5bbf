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
from typing import TYPE_CHECKING, NamedTuple

import orjson

from vllm_operator.guard import clusters, cors, proto, replies

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vllm_operator.guard.access import Access, Client, Credential, Endpoint, Page

NAME = "guard"
METADATA = "guard"
BUDGET = 1_000_000_000
"""The tokens of a bucket: so many that the share of any limit is exact to a millionth, and below Envoy's 32 bits."""

HEALTH = "/health"
"""vLLM's own health, which answers once the model is loaded."""
_BODY = 4096
"""The bytes that an answer of Envoy's own may have by default."""
_SET = "OVERWRITE_IF_EXISTS_OR_ADD"
_LATEST_EXPIRY = 2**53
"""Expiries above this, in unix seconds, are written as this: Envoy reads numbers as doubles."""

_TO_ENGINE: proto.Json = {
    "cluster": clusters.ENGINE,
    "timeout": "0s",
    "idle_timeout": "3600s",
    "flush_timeout": "600s",
}
"""Only the silence within an answer is bounded, since a stream may take hours and a long prompt is read in silence; and how long
a caller may leave unread what vLLM has sent to its end."""
_UNAUTHORIZED: proto.Json = {
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
    found = proto.encoded(configuration(access, endpoints))
    version = hashlib.sha256(found).hexdigest()[:16]
    response = {"version_info": version, "resources": [orjson.Fragment(found)]}
    return Live(proto.encoded(response).decode(), version)


def configuration(access: Access, endpoints: Sequence[Endpoint]) -> proto.Json:
    """Return Envoy's RouteConfiguration."""
    host: proto.Json = {
        "name": NAME,
        "domains": ["*"],
        "routes": _routes(access, endpoints),
        "response_headers_to_remove": list(cors.ENGINES_OWN),
    }
    if access.origins:
        host |= _facts(origins=sorted(access.origins))
    page = len(access.page.body.encode()) if access.page else 0
    body = {"name": NAME, "virtual_hosts": [host], "max_direct_response_body_size_bytes": max(_BODY, page)}
    return proto.typed("config.route.v3.RouteConfiguration") | body


def _routes(access: Access, endpoints: Sequence[Endpoint]) -> list[proto.Json]:
    """Return preflights, the page, what is open, what each key opens, and refusals. Envoy takes the first that matches."""
    listed = sorted(endpoints, key=lambda endpoint: (endpoint.method, endpoint.path))
    pages = [access.page] if access.page else []
    below, engine = _below(access.path), _to_engine(access.path)
    unknown = _not_found(access.path, pages, listed)
    found = _preflights(_calls(listed, below), unknown) if access.origins else []
    found += [_page(page, below) for page in pages]
    found += [_open(calls, engine) for calls in _calls((one for one in listed if not one.keyed), below)]
    found.append(_root(access.path))
    keyed = _calls((one for one in listed if one.keyed), below)
    for client in sorted(access.clients, key=lambda client: client.name):
        for credential in client.credentials:
            found += _keyed(credential, keyed, _granted(client, credential, engine))
            found += [_rest(client, credential, start, unknown) for start in _starts(access.path)]
    found += [{"match": match, **_UNAUTHORIZED} for match in _guarded(access.path, listed)]
    return [*found, {"match": {"prefix": "/"}, **unknown}]


def _calls(listed: Iterable[Endpoint], below: str) -> list[_Calls]:
    """Return the endpoints by method; `listed` is sorted by it, and `below` is RE2 for what may stand before their paths."""
    grouped = itertools.groupby(listed, key=lambda endpoint: endpoint.method)
    return [_Calls(method, _behind(below, (one.path for one in group))) for method, group in grouped]


def _below(path: str) -> str:
    """Return RE2 for what may stand before a path of the model: nothing, or `path`, since callers in the cluster use none."""
    return f"(?:{_literal(path)})?" if path else ""


def _behind(below: str, paths: Iterable[str]) -> str:
    """Return RE2 for exactly these paths, behind what matches `below`."""
    either = "|".join(map(_literal, paths))
    return f"{below}(?:{either})" if below else either


def _starts(path: str) -> list[str]:
    """Return the beginnings below which every unknown path asks for a key."""
    return ["/v1/", *([f"{path}/v1/"] if path else [])]


def _to_engine(path: str) -> proto.Json:
    """Return the way to vLLM, which knows nothing of `path`."""
    if not path:
        return _TO_ENGINE
    return {**_TO_ENGINE, "regex_rewrite": {"pattern": {"regex": f"^{_literal(path)}/"}, "substitution": "/"}}


def _root(path: str) -> proto.Json:
    """Return the route of load balancers that ask `/` and cannot be told another path: it answers as vLLM's health does."""
    paths = "|".join(["/", *([f"{_literal(path)}/?"] if path else [])])
    rewrite = {"regex_rewrite": {"pattern": {"regex": "^.*$"}, "substitution": HEALTH}}
    return _open(_Calls("GET", paths), {**_TO_ENGINE, **rewrite})


def _preflights(listed: Iterable[_Calls], unknown: proto.Json) -> list[proto.Json]:
    """Return the routes on which browsers ask whether a page may call; the script answers the origins that may."""
    return [
        {
            "match": _match("OPTIONS", paths, _exactly("access-control-request-method", method)),
            **_facts(preflight=method),
            **unknown,
        }
        for method, paths in listed
    ]


def _page(page: Page, below: str) -> proto.Json:
    """Return the page as it is. Envoy reads a percent sign as the start of a command in headers, and not in bodies."""
    headers = [{"header": {"key": name, "value": value.replace("%", "%%")}} for name, value in page.headers]
    return {
        "match": _match("GET", _behind(below, [page.path])),
        "direct_response": {"status": 200, "body": {"inline_string": page.body}},
        "response_headers_to_add": headers,
    }


def _open(calls: _Calls, engine: proto.Json) -> proto.Json:
    return {
        "match": _match(*calls),
        "route": engine,
        "request_headers_to_remove": ["authorization", "x-client-id"],
    }


def _keyed(credential: Credential, keyed: Iterable[_Calls], granted: proto.Json) -> list[proto.Json]:
    """Return the routes of what one key opens."""
    bearer = _bearer(credential)
    return [{"match": _match(*calls, bearer), **granted} for calls in keyed]


def _granted(client: Client, credential: Credential, engine: proto.Json) -> proto.Json:
    """Return what becomes of a request with this key."""
    return {
        **_facts(**_grant(client, credential)),
        "route": engine,
        "request_headers_to_add": [{"header": {"key": "x-client-id", "value": client.name}, "append_action": _SET}],
        "request_headers_to_remove": ["authorization"],
    }


def _rest(client: Client, credential: Credential, start: str, unknown: proto.Json) -> proto.Json:
    """Return a 404 for all else below `start`, where callers without a key get 401."""
    return {"match": {"prefix": start, "headers": [_bearer(credential)]}, **_facts(client=client.name), **unknown}


def _facts(**facts: object) -> proto.Json:
    """Return what the limiter, the script, the counters and the log read of a route."""
    return {"metadata": {"filter_metadata": {METADATA: facts}}}


def _grant(client: Client, credential: Credential) -> proto.Json:
    """Return the client of the key and the cost of a request, as text, since Envoy may print a large number as 1e+09."""
    limit = client.limit
    cost = str(BUDGET // limit.requests)
    grant: proto.Json = {"client": client.name, "unit": limit.unit, "limit": limit.requests, "cost": cost}
    if credential.expires_at is not None:
        grant["expires_at"] = max(0, min(credential.expires_at, _LATEST_EXPIRY))
    return grant


def _match(method: str, paths: str, *headers: proto.Json) -> proto.Json:
    return {"safe_regex": {"regex": paths}, "headers": [_exactly(":method", method), *headers]}


def _exactly(name: str, value: str) -> proto.Json:
    return {"name": name, "string_match": {"exact": value}}


def _bearer(credential: Credential) -> proto.Json:
    """Match the header that sends this key. No character of a key has a meaning in RE2 (see `access.KEY_PATTERN`)."""
    regex = f"(?i:bearer) +{credential.key}"
    return {"name": "authorization", "string_match": {"safe_regex": {"regex": regex}}}


def _literal(text: str) -> str:
    """Return RE2 for exactly this text. A dash has no meaning there, and stays, so that a path can be searched for."""
    return re.escape(text).replace(r"\-", "-")


def _guarded(path: str, listed: Iterable[Endpoint]) -> list[proto.Json]:
    """Return the matches that answer 401: all of /v1/, and keyed endpoints elsewhere. They come after the routes of keys."""
    elsewhere = {one.path for one in listed if one.keyed and not one.path.startswith("/v1/")}
    exact = sorted({before + one for before in ("", path) for one in elsewhere})
    return [*({"prefix": start} for start in _starts(path)), *({"path": one} for one in exact)]


def _not_found(path: str, pages: Iterable[Page], listed: Iterable[Endpoint]) -> proto.Json:
    by_path = sorted(listed, key=lambda endpoint: (endpoint.path, endpoint.method))
    answers = ", ".join([*(f"GET {page.path}" for page in pages), *(f"{one.method} {one.path}" for one in by_path)])
    where = f"Below {path}, this" if path else "This"
    body = f"Unknown method or path. {where} model answers: {answers}."
    return {"direct_response": {"status": 404, "body": {"inline_string": body}}}
