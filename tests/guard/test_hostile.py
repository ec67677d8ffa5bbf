"""Requests made to get past the guard. None has a key: none may reach the engine, and the guard must live on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.guard import rig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.guard.conftest import Start

HOST = b"Host: model\r\n"
GOOD = b"Authorization: Bearer " + rig.KEY.encode() + b"\r\n"
BAD = b"Authorization: Bearer " + rig.OTHER.encode() + b"\r\n"
ORIGINAL = b"X-Original-Url: /health\r\nX-Envoy-Original-Path: /health\r\n"
H2C = b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMA\r\n"
WEBSOCKET = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\n"
POST = b"POST /v1/completions HTTP/1.1\r\n" + HOST


class Case(NamedTuple):
    """Bytes to send, and the status of each answer; none where the guard closes without a word."""

    name: str
    sent: bytes
    expected: list[int]


def line(target: str, method: str = "GET", version: str = "HTTP/1.1", *headers: bytes) -> bytes:
    return f"{method} {target} {version}\r\n".encode() + HOST + b"".join(headers) + b"Connection: close\r\n\r\n"


TARGETS = {
    401: ["/v1/models", "/v1/completions", "/v1/load_lora_adapter", "/v1/models/", "/v1/models?key=1", "/v1/models;x",
          "/v1//models", "/v1/../metrics", "/v1/./models", "/v1/%6dodels", "/v1/models%00", "/v1/models%20", "/v1/",
          "/v1/models/../../health", "http://model/v1/models", "/v1/models?/health", "/v1/\\models"],
    404: ["/", "/metrics", "/docs", "/openapi.json", "/invocations", "/pause", "/sleep", "/tokenize", "/server_info", "/v1",
          "/V1/models", "//v1/models", "/./v1/models", "/../v1/models", "/health/../v1/models", "/health/", "/health/x",
          "/health;/v1/models", "//health", "/HEALTH", "/%76%31/models", "/health%3f", "/health%00", "/.well-known/x",
          "/healthz", "/ready", "/config_dump", "/stats", "/quitquitquit", "http://model/metrics", "http://model//v1/models",
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
    Case("key in the query", line(f"/v1/models?authorization=Bearer%20{rig.KEY}"), [401]),
    Case("key in x-api-key", line("/v1/models", "GET", "HTTP/1.1", b"X-Api-Key: " + rig.KEY.encode() + b"\r\n"), [401]),
    Case("key as proxy", line("/v1/models", "GET", "HTTP/1.1", b"Proxy-" + GOOD), [401]),
    Case("folded header", line("/v1/models", "GET", "HTTP/1.1", b"X: a\r\n " + GOOD), [401]),
    Case("space before colon", line("/v1/models", "GET", "HTTP/1.1", GOOD.replace(b":", b" :")), [400]),
    Case("null in a header", line("/v1/models", "GET", "HTTP/1.1", b"X: a\0b\r\n"), [400]),
    Case("client id of its own", line("/v1/models", "GET", "HTTP/1.1", b"X-Client-Id: team-a\r\n"), [401]),
    Case("original path", line("/v1/models", "GET", "HTTP/1.1", ORIGINAL), [401]),
    Case("method override", line("/v1/models", "GET", "HTTP/1.1", b"X-Http-Method-Override: GET\r\n"), [401]),
    Case("host twice", b"GET /v1/models HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", [401]),
    Case("no host", b"GET /v1/models HTTP/1.1\r\nConnection: close\r\n\r\n", [400]),
    Case("lower-case method", line("/health", "get"), [400]),
    Case("unknown method", line("/health", "BREW"), [400]),
    Case("options", line("/v1/models", "OPTIONS"), [401]),
    Case("options star", line("*", "OPTIONS"), [404]),
    Case("head", line("/v1/models", "HEAD"), [401]),
    Case("head of health", line("/health", "HEAD"), [404]),
    Case("trace", line("/health", "TRACE"), [404]),
    Case("connect", b"CONNECT 127.0.0.1:8001 HTTP/1.1\r\nHost: 127.0.0.1:8001\r\n\r\n", [404]),
    Case("http 1.0", b"GET /v1/models HTTP/1.0\r\n" + HOST + GOOD + b"\r\n", [426]),
    Case("http 0.9", b"GET /health\r\n", [426]),
    Case("http 3.0", line("/health", "GET", "HTTP/3.0"), [426]),
    Case("http/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
    Case("h2c upgrade", line("/v1/models", "GET", "HTTP/1.1", H2C), [401]),
    Case("websocket", line("/v1/realtime", "GET", "HTTP/1.1", WEBSOCKET), [403]),
    Case("huge header", line("/v1/models", "GET", "HTTP/1.1", b"X: " + b"a" * 60_000 + b"\r\n"), [431]),
    Case("many headers", line("/v1/models", "GET", "HTTP/1.1", *(b"X-%d: a\r\n" % number for number in range(200))), [431]),
    Case("huge target", line("/v1/" + "a" * 60_000), [431]),
    Case("length and chunks", POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /", [400]),
    Case("two lengths", POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", [400]),
    Case("two lengths in one", POST + b"Content-Length: 4, 5\r\n\r\nabcde", [400]),
    Case("negative length", POST + b"Content-Length: -1\r\n\r\n", [400]),
    Case("unknown coding", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", [501]),
    Case("coding hidden", POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", [400]),
    Case("bad chunk", POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", [401]),
    Case("bare line feeds", POST.replace(b"\r\n", b"\n") + b"Content-Length: 0\nConnection: close\n\n", [401]),
    Case("carriage return in the target", b"GET /health\rX: y HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    Case("request behind a refusal", line("/v1/models").replace(b"Connection: close\r\n", b"") + line("/metrics"), [401, 404]),
    Case("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64, [400]),
    Case("nothing but noise", bytes(range(256)), [400]),
]  # fmt: skip
CASES = [Case(target, line(target), [status]) for status, targets in TARGETS.items() for target in targets] + SHAPES


class Stand(NamedTuple):
    guard: rig.Guard
    engine: rig.Engine


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    engine = rig.Engine()
    engine.start()
    guard = rig.Guard(tmp_path_factory.mktemp("guard"), engine, rig.access())
    guard.start()
    yield Stand(guard, engine)
    guard.stop()
    engine.stop()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile_request_is_answered_and_goes_no_further(stand: Stand, case: Case) -> None:
    stand.engine.seen.clear()
    assert rig.statuses(stand.guard.raw(case.sent, len(case.expected))) == case.expected
    assert not stand.engine.seen
    assert stand.guard.ask("GET", "/v1/models", rig.KEY).status == 200


def test_upgrade_headers_end_at_the_guard(stand: Stand) -> None:
    assert rig.statuses(stand.guard.raw(line("/health", "GET", "HTTP/1.1", H2C))) == [200]
    assert not {"upgrade", "http2-settings", "connection"} & {name.lower() for name in stand.engine.seen[-1].headers}


def test_slow_headers_are_not_waited_for(start: Start) -> None:
    def hurry(bootstrap: Any) -> None:
        manager = bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        assert manager["request_headers_timeout"] == "10s"
        manager["request_headers_timeout"] = "0.5s"

    assert rig.statuses(start(alter=hurry).raw(b"GET /health HTTP/1.1\r\nHost: model\r\n")) == [408]


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)
