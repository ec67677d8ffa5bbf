"""What the guard answers by itself, in OpenAI's error shape, and the small script beside Envoy's filters.

Knows: HTTP statuses, their texts and what a caller can do about each. Must not: show a key, or touch a body that vLLM sent.
"""

from __future__ import annotations

import functools
from typing import Any

from vllm_operator.guard import cors

Json = dict[str, Any]

NO_KEY = "No valid API key: send the header 'Authorization: Bearer <key>' with a key of this model."
EXPIRED = "This API key has expired: ask for a new one, and send it as 'Authorization: Bearer <key>'."
RETRY_SECONDS = 5
WHOLE_BYTES = 65536
"""Bodies up to this size are taken in whole before anything is answered."""
_AS_SENT = "%LOCAL_REPLY_BODY%"
_INVALID, _SERVER = "invalid_request_error", "server_error"

_ERRORS = {
    400: (_INVALID, "bad_request", "The request is malformed: see https://www.rfc-editor.org/rfc/rfc9112."),
    401: (_INVALID, "invalid_api_key", _AS_SENT),
    403: (_INVALID, "forbidden", "Upgrades and tunnels are not served here: send a plain HTTP/1.1 request."),
    404: (_INVALID, "unknown_url", _AS_SENT),
    408: (_INVALID, "request_timeout", "The request did not arrive whole in time: send it again."),
    413: (_INVALID, "request_too_large", "The request is too large."),
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
def local_replies() -> Json:
    """Return Envoy's LocalReplyConfig: every error that is not vLLM's has OpenAI's shape, and a page is sent as it is."""
    page = {"text_format_source": {"inline_string": _AS_SENT}, "content_type": "text/html; charset=utf-8"}
    errors = [_mapper(status, _body(*error)) for status, error in sorted(_ERRORS.items())]
    return {"mappers": [_mapper(200, page), *errors], "body_format": _body(_SERVER, "error", _AS_SENT)}


def _mapper(status: int, body_format: Json) -> Json:
    equal = {"op": "EQ", "value": {"default_value": status, "runtime_key": "guard.reply"}}
    return {"filter": {"status_code_filter": {"comparison": equal}}, "body_format_override": body_format}


def _body(kind: str, code: str, message: str) -> Json:
    return {"json_format": {"error": {"message": message, "type": kind, "param": None, "code": code}}}


def script(budget: int, units: dict[str, int], peers: str, admin: str) -> str:
    """Return the guard's Lua.

    The limiter has `budget` tokens per unit (in seconds); the cluster `admin` knows the size of the cluster `peers`.
    """
    seconds = ", ".join(f"{unit} = {length}" for unit, length in sorted(units.items()))
    constants = {
        "BUDGET": str(budget),
        "SECONDS": f"{{{seconds}}}",
        "ADMIN": f'"{admin}"',
        "PEERS": f'"/stats?filter=^cluster.{peers}.membership_total$"',
        "EXPIRED": f'"{EXPIRED}"',
        "RETRY": f'"{RETRY_SECONDS}"',
        "WHOLE": str(WHOLE_BYTES),
        "ALLOWED": f'"{cors.ALLOWED}"',
        "EXPOSED": f'"{cors.EXPOSED}"',
        "MAX_AGE": f'"{cors.MAX_AGE}"',
    }
    return "".join(f"local {name} = {value}\n" for name, value in constants.items()) + _SCRIPT


_SCRIPT = r"""
local members, asked_at = 1, -1

-- The number of guards that share a limit, as this Envoy's local cluster has it; asked at most once a second.
local function peers(handle)
  if asked_at ~= os.time() then
    asked_at = os.time()
    local _, body = handle:httpCall(ADMIN, {[":method"] = "GET", [":authority"] = ADMIN,
      [":path"] = PEERS}, nil, 1000)
    members = math.max(1, tonumber((body or ""):match(": (%d+)")) or members)
  end
  return members
end

-- The limiter counts tokens and does not know what a request costs; callers are told requests, and when the next one passes.
-- Nothing of the handle may be held over `peers`, which may wait for its answer.
local function tell_limit(handle)
  local facts, headers = handle:metadata(), handle:headers()
  local cost, rate, limit = tonumber(facts:get("cost")), BUDGET / SECONDS[facts:get("unit")], facts:get("limit")
  local left = tonumber(headers:get("x-ratelimit-remaining"))
  local remaining, reset = math.floor(left / cost), math.ceil((BUDGET - left) / rate)
  if headers:get(":status") == "429" then
    remaining, reset = 0, math.max(1, math.ceil((cost * peers(handle) - left) / rate))
    handle:headers():replace("retry-after", string.format("%d", reset))
  end
  headers = handle:headers()
  headers:replace("x-ratelimit-limit", string.format("%d", limit))
  headers:replace("x-ratelimit-remaining", string.format("%d", remaining))
  headers:replace("x-ratelimit-reset", string.format("%d", reset))
end

local function character(hex) return string.char(tonumber(hex, 16)) end

-- Cut out what looks like a key, also a percent-encoded one; all else stays as it was sent. What is cut off first makes the
-- rounds few: a percent sign may itself be encoded, again and again.
local function without_keys(text)
  local plain, count = text:sub(1, 600), 1
  while count > 0 do plain, count = plain:gsub("%%([2-7]%x)", character) end
  local masked, keys = plain:gsub("sk%-[%w_%%-]+", "sk-...")
  return (keys > 0 and masked or text)
end

-- For the log: no query, and nothing that looks like a key.
local function note(handle)
  local headers, noted = handle:headers(), handle:streamInfo():dynamicMetadata()
  local path = (headers:get(":path") or ""):match("^[^?#]*")
  noted:set("guard", "path", without_keys(path):sub(1, 200))
  noted:set("guard", "request_id", without_keys(headers:get("x-request-id") or ""):sub(1, 128))
end

-- No call has a query, and vLLM would log one: a key that somebody put there goes no further.
local function drop_query(handle)
  local path, query = (handle:headers():get(":path") or ""):match("^([^?]*)(%?.*)$")
  if query then handle:headers():replace(":path", path) end
end

-- A refusal before the request's end costs the connection, and some clients (curl 7.88 over HTTP/2) see an error instead of it.
-- vLLM begins only with a whole request, so waiting for a small one costs nothing.
local function take_in(handle)
  local length = tonumber(handle:headers():get("content-length") or "0") or 0
  if length > 0 and length <= WHOLE then handle:body() end
end

-- Which origin's pages may read the answer: the caller's, where it is in the live part's list, or any.
local function readable_by(handle)
  local origin, origins = handle:headers():get("origin"), handle:virtualHost():metadata():get("origins")
  for _, one in ipairs(origin and origins or {}) do
    if one == "*" or one == origin then return one end
  end
end

local function answer_preflight(handle, method)
  handle:respond({[":status"] = "200", ["access-control-allow-methods"] = method,
    ["access-control-allow-headers"] = ALLOWED, ["access-control-max-age"] = MAX_AGE})
end

local function let_read(handle, origin)
  local headers = handle:headers()
  headers:add("vary", "Origin")
  headers:replace("access-control-allow-origin", origin)
  headers:replace("access-control-expose-headers", EXPOSED)
end

function envoy_on_request(handle)
  note(handle)
  drop_query(handle)
  local origin, method = readable_by(handle), handle:metadata():get("preflight")
  if origin then handle:streamInfo():dynamicMetadata():set("guard", "origin", origin) end
  if origin and method then return answer_preflight(handle, method) end
  take_in(handle)
  local expires_at = handle:metadata():get("expires_at")
  if expires_at and os.time() >= expires_at then
    handle:respond({[":status"] = "401",
      ["www-authenticate"] = 'Bearer error="invalid_token", error_description="expired"'}, EXPIRED)
  end
end

function envoy_on_response(handle)
  local noted = handle:streamInfo():dynamicMetadata():get("guard")
  if noted and noted["origin"] then let_read(handle, noted["origin"]) end
  if handle:metadata():get("cost") and handle:headers():get("x-ratelimit-remaining") then
    tell_limit(handle)
  end
  local headers = handle:headers()
  if headers:get(":status") == "503" and not headers:get("retry-after") then
    headers:add("retry-after", RETRY)
  end
end
"""
