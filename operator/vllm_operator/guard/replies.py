"""What the guard answers by itself, in OpenAI's error shape.

Knows: HTTP statuses, their texts and what a caller can do about each. Must not: show a key, or touch a body that vLLM sent.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vllm_operator.guard import proto

NO_KEY = "No valid API key: send the header 'Authorization: Bearer <key>' with a key of this model."
EXPIRED = "This API key has expired: ask for a new one, and send it as 'Authorization: Bearer <key>'."
RETRY_SECONDS = 5
_RETRY: proto.Json = {
    "header": {"key": "retry-after", "value": str(RETRY_SECONDS)},
    "append_action": "ADD_IF_ABSENT",
}
"""For what Envoy refuses before the script sees it."""
_AS_SENT = "%LOCAL_REPLY_BODY%"
_INVALID, _SERVER = "invalid_request_error", "server_error"

_ERRORS = {
    400: (_INVALID, "bad_request", "The request is malformed: see https://www.rfc-editor.org/rfc/rfc9112."),
    401: (_INVALID, "invalid_api_key", _AS_SENT),
    403: (_INVALID, "forbidden", "Upgrades and tunnels are not served here: send a plain HTTP/1.1 request."),
    404: (_INVALID, "unknown_url", _AS_SENT),
    408: (_INVALID, "request_timeout", "The request did not arrive whole in time: send it again."),
    413: (
        _INVALID,
        "request_too_large",
        "The body is larger than this model takes: see spec.access.maxRequestBytes of its ModelDeployment.",
    ),
    426: (_INVALID, "upgrade_required", "HTTP/1.0 is not served here: use HTTP/1.1."),
    429: (
        "requests",
        "rate_limit_exceeded",
        "Rate limit reached: try again after the seconds that the header Retry-After says.",
    ),
    431: (_INVALID, "request_header_fields_too_large", "The request's header fields are too large."),
    500: (_SERVER, "internal_error", "The server failed: try again."),
    502: (_SERVER, "bad_gateway", "The model's server broke its answer off: try again."),
    503: (
        _SERVER,
        "service_unavailable",
        "The model is loading or restarting: try again after the seconds that Retry-After says.",
    ),
    504: (_SERVER, "timeout", "The model's server was silent for too long: try again."),
}


@functools.cache
def local_replies() -> proto.Json:
    """Return Envoy's LocalReplyConfig: errors of the guard have OpenAI's shape, and a page is sent as it is."""
    page = {"text_format_source": {"inline_string": _AS_SENT}, "content_type": "text/html; charset=utf-8"}
    errors = {status: _mapper(status, _body(*error)) for status, error in sorted(_ERRORS.items())}
    errors[503]["headers_to_add"] = [_RETRY]
    return {
        "mappers": [_mapper(200, page), _unchecked(), *errors.values()],
        "body_format": _body(_SERVER, "error", _AS_SENT),
    }


def _unchecked() -> proto.Json:
    """Return a 500 in place of the 403 of what the script has not let through, which is no upgrade."""
    plain = {"header_filter": {"header": {"name": "upgrade", "present_match": True, "invert_match": True}}}
    failed = _mapper(403, _body(*_ERRORS[500]))
    return {**failed, "filter": {"and_filter": {"filters": [failed["filter"], plain]}}, "status_code": 500}


def _mapper(status: int, body_format: proto.Json) -> proto.Json:
    equal = {"op": "EQ", "value": {"default_value": status, "runtime_key": "guard.reply"}}
    return {"filter": {"status_code_filter": {"comparison": equal}}, "body_format_override": body_format}


def _body(kind: str, code: str, message: str) -> proto.Json:
    return {"json_format": {"error": {"message": message, "type": kind, "param": None, "code": code}}}
