"""Requests made to get past a guard, each with the answer that it must get: at the guard itself, and through the edge before it.

None has a valid key where one is needed, so none may reach the engine. `@host` and `@key` stand for the model's host and a
valid key, which those requests hold that try to have it taken in the wrong place.
The edge is Contour's Envoy: it takes HTTP/1.0 itself, mends a path (dots, double slashes) before it sends it on, takes chunks for
the length where a request has both, and answers 421 where the host is not the one that TLS was opened for.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.guard import rig

HOST = b"Host: @host\r\n"
GOOD = b"Authorization: Bearer @key\r\n"
BAD = b"Authorization: Bearer " + rig.OTHER.encode() + b"\r\n"
ORIGINAL = b"X-Original-Url: /health\r\nX-Envoy-Original-Path: /health\r\n"
H2C = b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMA\r\n"
WEBSOCKET = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\n"
POST = b"POST /v1/completions HTTP/1.1\r\n" + HOST


class Case(NamedTuple):
    """Bytes to send, and the status of each answer; none where the guard closes without a word."""

    name: str
    sent: bytes
    guard: list[int]
    edge: list[int] | None = None  # where it differs from the guard's

    def bytes(self, host: str, key: str) -> bytes:
        """Return what is sent to the model at `host` that has `key`."""
        return self.sent.replace(b"@host", host.encode()).replace(b"@key", key.encode())

    def at_edge(self) -> list[int]:
        """Return the statuses through the edge."""
        return self.guard if self.edge is None else self.edge


def line(target: str, method: str = "GET", version: str = "HTTP/1.1", *headers: bytes) -> bytes:
    return f"{method} {target} {version}\r\n".encode() + HOST + b"".join(headers) + b"Connection: close\r\n\r\n"


TARGETS = {
    401: ["/v1/models", "/v1/completions", "/v1/load_lora_adapter", "/v1/models/", "/v1/models?key=1", "/v1/models;x",
          "/v1//models", "/tokenize", "/v1/../metrics", "/v1/./models", "/v1/%6dodels", "/v1/models%00", "/v1/models%20",
          "/v1/", "/v1/models/../../health", "http://@host/v1/models", "/v1/models?/health", "/v1/\\models"],
    404: ["/metrics", "/docs", "/openapi.json", "/invocations", "/pause", "/sleep", "/tokenizer_info", "/server_info", "/v1",
          "/V1/models", "//v1/models", "/./v1/models", "/../v1/models", "/health/../v1/models", "/health/", "/health/x",
          "/health;/v1/models", "//health", "/HEALTH", "/%76%31/models", "/health%3f", "/health%00", "/.well-known/x",
          "/healthz", "/ready", "/config_dump", "/stats", "/quitquitquit", "http://@host/metrics", "http://@host//v1/models",
          "/x?/v1/models"],
    400: ["/v1%2fmodels", "/v1%2Fmodels", "/health%2f..%2fmetrics", "/v1%5cmodels", "/health/%2e%2e%2fpause", "/v1/models#x",
          "*x"],
}  # fmt: skip
SHAPES = [
    Case("post without a key", line("/v1/completions", "POST", "HTTP/1.1", b"Content-Length: 0\r\n"), [401]),
    Case("wrong key", line("/v1/models", "GET", "HTTP/1.1", BAD), [401]),
    Case("authorization twice", line("/v1/models", "GET", "HTTP/1.1", BAD, GOOD), [401]),
    Case("authorization twice, good first", line("/v1/models", "GET", "HTTP/1.1", GOOD, BAD), [401]),
    Case("good key twice", line("/v1/models", "GET", "HTTP/1.1", GOOD, GOOD), [401]),
    Case("two keys in one header", line("/v1/models", "GET", "HTTP/1.1", GOOD[:-2] + b", " + BAD[15:]), [401]),
    Case("key in the query", line("/v1/models?authorization=Bearer%20@key"), [401]),
    Case("key in x-api-key", line("/v1/models", "GET", "HTTP/1.1", b"X-Api-Key: @key\r\n"), [401]),
    Case("key as proxy", line("/v1/models", "GET", "HTTP/1.1", b"Proxy-" + GOOD), [401]),
    Case("folded header", line("/v1/models", "GET", "HTTP/1.1", b"X: a\r\n " + GOOD), [401]),
    Case("space before colon", line("/v1/models", "GET", "HTTP/1.1", GOOD.replace(b":", b" :")), [400]),
    Case("null in a header", line("/v1/models", "GET", "HTTP/1.1", b"X: a\0b\r\n"), [400]),
    Case("client id of its own", line("/v1/models", "GET", "HTTP/1.1", b"X-Client-Id: team-a\r\n"), [401]),
    Case("original path", line("/v1/models", "GET", "HTTP/1.1", ORIGINAL), [401]),
    Case("method override", line("/v1/models", "GET", "HTTP/1.1", b"X-Http-Method-Override: GET\r\n"), [401]),
    Case("host twice", b"GET /v1/models HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", [401], [421]),
    Case("no host", b"GET /v1/models HTTP/1.1\r\nConnection: close\r\n\r\n", [400]),
    Case("lower-case method", line("/health", "get"), [400]),
    Case("unknown method", line("/health", "BREW"), [400]),
    Case("options", line("/v1/models", "OPTIONS"), [401]),
    Case("options star", line("*", "OPTIONS"), [404]),
    Case("head", line("/v1/models", "HEAD"), [401]),
    Case("head of health", line("/health", "HEAD"), [404]),
    Case("trace", line("/health", "TRACE"), [404]),
    Case("connect", b"CONNECT 127.0.0.1:8001 HTTP/1.1\r\nHost: 127.0.0.1:8001\r\n\r\n", [404], [421]),
    Case("http 1.0", b"GET /v1/models HTTP/1.0\r\n" + HOST + b"\r\n", [426], [401]),
    Case("http 1.0 with a key", b"GET /v1/models HTTP/1.0\r\n" + HOST + GOOD + b"\r\n", [426], [200]),
    Case("http 0.9", b"GET /health\r\n", [426], [400]),
    Case("http 3.0", line("/v1/models", "GET", "HTTP/3.0"), [426], [401]),
    Case("http/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
    Case("h2c upgrade", line("/v1/models", "GET", "HTTP/1.1", H2C), [401]),
    Case("websocket", line("/v1/realtime", "GET", "HTTP/1.1", WEBSOCKET), [403]),
    Case("huge header", line("/v1/models", "GET", "HTTP/1.1", b"X: " + b"a" * 60_000 + b"\r\n"), [431]),
    Case("many headers", line("/v1/models", "GET", "HTTP/1.1", *(b"X-%d: a\r\n" % number for number in range(200))), [431]),
    Case("huge target", line("/v1/" + "a" * 60_000), [431]),
    Case("length and chunks", POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /", [400], [401]),
    Case("two lengths", POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", [400]),
    Case("two lengths in one", POST + b"Content-Length: 4, 5\r\n\r\nabcde", [400]),
    Case("negative length", POST + b"Content-Length: -1\r\n\r\n", [400]),
    Case("unknown coding", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", [501]),
    Case("coding hidden", POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", [400]),
    Case("bad chunk", POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", [401], [400]),
    Case("bare line feeds", POST.replace(b"\r\n", b"\n") + b"Content-Length: 0\nConnection: close\n\n", [401]),
    Case("carriage return in the target", b"GET /health\rX: y HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    Case("request behind a refusal", line("/v1/models").replace(b"Connection: close\r\n", b"") + line("/metrics"), [401, 404]),
    Case("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64, [400]),
    Case("nothing but noise", bytes(range(256)), [400]),
]  # fmt: skip
MENDED = {
    401: ["/./v1/models", "/../v1/models", "//v1/models", "/health/../v1/models", "/%76%31/models", "http://@host//v1/models"],
    404: ["/v1/../metrics"],
    400: ["/v1/models%00", "/health%00"],
    200: ["//health", "/v1/models/../../health"],  # what is mended to /health is /health, which needs no key
}  # fmt: skip
"""What the edge's mending of a path makes of it; all others get the same answer as at the guard."""

_AT_EDGE = {target: [status] for status, targets in MENDED.items() for target in targets}
CASES = [
    *(
        Case(target, line(target), [status], _AT_EDGE.get(target))
        for status, targets in TARGETS.items()
        for target in targets
    ),
    *SHAPES,
]

OBEYED = {
    "x_vllm_priority": "-1",
    "x_data_parallel_rank": "3",
    "x_session_id": "theirs",
    "endpoint_load_metrics_format": "json",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "x_forwarded_for": "10.0.0.1",
    "x_forwarded_proto": "https",
    "forwarded": "for=10.0.0.1",
    "x_api_key": rig.KEY,
    "api_key": rig.KEY,
    "cookie": f"key={rig.KEY}",
    "proxy_authorization": f"Bearer {rig.KEY}",
    "x_anything": rig.KEY,
    "x_client_id": "admin",
    "anthropic_version": "2023-06-01",
}
"""Headers that vLLM, its server or a proxy would obey, and keys in other places than the one that counts."""
