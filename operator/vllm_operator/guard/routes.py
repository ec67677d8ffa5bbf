"""The live part of the guard: what is open to all, what each key opens (`keyed`), and what is refused.

Knows: exact methods and paths, never a prefix that reaches vLLM: `/v1/load_lora_adapter` lies under `/v1`.
Must not: hold anything whose change would refill buckets or cut connections. That is in `bootstrap`, which is static.
"""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING, NamedTuple

import orjson

from vllm_operator.guard import headers, keyed, matches, proto, replies

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vllm_operator.guard.access import Access, Endpoint, Page

NAME = "guard"
HEALTH = "/health"
"""vLLM's own health, which answers once the model is loaded."""
_BODY = 4096
"""The bytes that an answer of Envoy's own may have by default."""
_HEALTHY: proto.Json = {
    **keyed.facts(health=True, keyless=keyed.HEALTH),
    "response_headers_to_add": [keyed.header("content-type", "text/plain; charset=utf-8")],
}
"""The script answers itself. A guard with an older script asks vLLM, of which no browser reads more than plain text."""
_REFUSED = keyed.facts(keyless=keyed.REFUSED)
_UNAUTHORIZED: proto.Json = {
    **_REFUSED,
    "direct_response": {"status": 401, "body": {"inline_string": replies.NO_KEY}},
    "response_headers_to_add": [keyed.header("www-authenticate", "Bearer")],
}


class Live(NamedTuple):
    """The route file, and the version that a guard reports once it has taken the file up."""

    text: str
    version: str


def rendered(access: Access, endpoints: Sequence[Endpoint]) -> Live:
    """Return the route file: a discovery response, whose version is a hash of the routes.

    The version is no secret: of random keys a hash tells nothing, and keys that users bring must be random.
    """
    found = proto.encoded(configuration(access, endpoints))
    version = hashlib.sha256(found).hexdigest()[:16]
    response = {"version_info": version, "resources": [orjson.Fragment(found)]}
    return Live(proto.encoded(response).decode(), version)


def configuration(access: Access, endpoints: Sequence[Endpoint]) -> proto.Json:
    """Return Envoy's RouteConfiguration. What a route says of a header comes after what is said for all."""
    host: proto.Json = {
        "name": NAME,
        "domains": ["*"],
        "routes": _routes(access, endpoints),
        "request_headers_to_remove": list(headers.NOT_TO_ENGINE),
        "request_headers_to_add": [keyed.header(headers.CLIENT, keyed.TOLD)],
        "response_headers_to_remove": list(headers.NOT_FROM_ENGINE),
        "response_headers_to_add": [keyed.header(name, value) for name, value in headers.SANDBOXED],
    }
    origins = {"origins": sorted(access.origins)} if access.origins else {}
    host |= keyed.facts(max_request_bytes=access.max_request_bytes, **origins)
    page = len(access.page.body.encode()) if access.page else 0
    return proto.typed("config.route.v3.RouteConfiguration") | {
        "name": NAME,
        "virtual_hosts": [host],
        "most_specific_header_mutations_wins": True,
        "max_direct_response_body_size_bytes": max(_BODY, page),
    }


def _routes(access: Access, endpoints: Sequence[Endpoint]) -> list[proto.Json]:
    """Return preflights, the page, what is open, what each key opens, and refusals. Envoy takes the first that matches."""
    listed = sorted(endpoints, key=lambda endpoint: (endpoint.method, endpoint.path))
    pages = [access.page] if access.page else []
    below, unknown = matches.below(access.path), _not_found(access.path, pages, listed)
    found = _preflights(_calls(listed, below), unknown) if access.origins else []
    found += [_page(page, below) for page in pages]
    found += [_open(calls, access.path) for calls in _calls((one for one in listed if not one.keyed), below)]
    found.append(_root(access.path))
    refused = [{"match": match, **_UNAUTHORIZED} for match in _guarded(access.path, listed)]
    refused.append({"match": {"prefix": "/"}, **_REFUSED, **unknown})
    found += keyed.strangers(access.clients, refused)
    opened = _calls((one for one in listed if one.keyed), below)
    found += keyed.routes(access.clients, opened, to_engine(access.path), unknown)
    return found + refused


def _calls(listed: Iterable[Endpoint], below: str) -> list[matches.Calls]:
    """Return the endpoints by method; `listed` is sorted by it, and `below` is RE2 for what may stand before their paths."""
    grouped = itertools.groupby(listed, key=lambda endpoint: endpoint.method)
    return [matches.Calls(method, matches.behind(below, (one.path for one in group))) for method, group in grouped]


def to_engine(path: str) -> proto.Json:
    """Return the way to vLLM, which knows nothing of `path`."""
    return keyed.TO_ENGINE | ({"regex_rewrite": matches.without(path)} if path else {})


def _open(calls: matches.Calls, path: str) -> proto.Json:
    """Return the route of vLLM's health."""
    return {"match": calls.match(), "route": to_engine(path), **_HEALTHY}


def _root(path: str) -> proto.Json:
    """Return the route of load balancers that ask `/` and cannot be told another path: it answers as vLLM's health does."""
    paths = "|".join(["/", *([f"{matches.literal(path)}/?"] if path else [])])
    rewrite = {"regex_rewrite": {"pattern": {"regex": "^.*$"}, "substitution": HEALTH}}
    return {"match": matches.Calls("GET", paths).match(), "route": keyed.TO_ENGINE | rewrite, **_HEALTHY}


def _preflights(listed: Iterable[matches.Calls], unknown: proto.Json) -> list[proto.Json]:
    """Return the routes on which browsers ask whether a page may call; the script answers the origins that may."""
    return [
        {
            "match": matches.Calls("OPTIONS", paths).match(matches.exactly("access-control-request-method", method)),
            **keyed.facts(preflight=method, keyless=keyed.OPEN),
            **unknown,
        }
        for method, paths in listed
    ]


def _page(page: Page, below: str) -> proto.Json:
    """Return the page as it is. Envoy reads a percent sign as the start of a command in headers, and not in bodies."""
    return {
        "match": matches.Calls("GET", matches.behind(below, [page.path])).match(),
        **keyed.facts(keyless=keyed.OPEN),
        "direct_response": {"status": 200, "body": {"inline_string": page.body}},
        "response_headers_to_add": [keyed.header(name, value.replace("%", "%%")) for name, value in page.headers],
    }


def _guarded(path: str, listed: Iterable[Endpoint]) -> list[proto.Json]:
    """Return the matches that answer 401: all of /v1/, and keyed endpoints elsewhere."""
    elsewhere = {one.path for one in listed if one.keyed and not one.path.startswith("/v1/")}
    prefixes = ["/v1/", *([f"{path}/v1/"] if path else [])]
    exact = sorted({before + one for before in ("", path) for one in elsewhere})
    return [*({"prefix": start} for start in prefixes), *({"path": one} for one in exact)]


def _not_found(path: str, pages: Iterable[Page], listed: Iterable[Endpoint]) -> proto.Json:
    by_path = sorted(listed, key=lambda endpoint: (endpoint.path, endpoint.method))
    answers = ", ".join([*(f"GET {page.path}" for page in pages), *(f"{one.method} {one.path}" for one in by_path)])
    where = f"Below {path}, this" if path else "This"
    body = f"Unknown method or path. {where} model answers: {answers}."
    return {"direct_response": {"status": 404, "body": {"inline_string": body}}}
