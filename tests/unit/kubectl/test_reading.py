"""`kubectl vllm`: what it makes of logs, metrics, streams and moments that others wrote."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import kubectl_vllm as plugin
import pytest

GUARD_LINE = {
    "time": "2026-11-28T12:00:01.500Z", "client": "team-a", "method": "POST", "path": "/v1/completions", "status": 200,
    "duration_ms": 2000, "bytes_sent": 12, "request_id": "abc",
}  # fmt: skip


def line(pod: str, container: str, moment: str, text: str) -> plugin.Line:
    return next(plugin.line_of(f"[pod/{pod}/{container}] {moment} {text}\n"))


def test_a_request_brings_what_its_engine_logged_meanwhile_and_nothing_else() -> None:
    call = line("p1", "guard", "2026-11-28T12:00:04.1Z", json.dumps(GUARD_LINE))
    meanwhile = line("p1", "vllm", "2026-11-28T12:00:02.123456789Z", "WARNING a long prompt")
    named = line("p2", "vllm", "2026-11-28T11:00:00Z", "aborted cmpl-abc-0")
    others = [
        line("p1", "vllm", "2026-11-28T12:00:09Z", "later"),
        line("p2", "vllm", "2026-11-28T12:00:02Z", "of another server"),
        line("p1", "guard", "2026-11-28T12:00:02Z", "not JSON"),
        line("p1", "guard", "2026-11-28T12:00:02Z", json.dumps({**GUARD_LINE, "request_id": "other"})),
    ]
    everything = [call, meanwhile, named, *others]
    assert plugin.of_request(everything, "abc") == [call, meanwhile, named]
    assert plugin.of_request(everything, "cmpl-abc-0")[0] == call
    assert call.shown() == "12:00:01.500 p1 guard  200 POST /v1/completions 2000 ms, 12 bytes, team-a, request abc"


def test_kubectls_own_words_among_logs_are_passed_over() -> None:
    assert list(plugin.line_of("error: container is waiting to start\n")) == []
    assert list(plugin.line_of("[pod/a/vllm] no-moment text\n")) == []


def test_rates_survive_a_counter_that_begins_anew() -> None:
    text = 'vllm:x_total{model="a",engine="0"} %s\nvllm:x_total{model="a \\"b\\",",engine="1"} 1.0\n# HELP no\nbad line here x\n'
    before, after = (plugin.Sample(at, plugin.series_of(text % value)) for at, value in ((0.0, "100"), (2.0, "109")))
    assert plugin.Span(before, after).rate("vllm:x_total") == 4.5
    assert plugin.Span(before, after).rate("vllm:x_total", engine="1") == 0
    anew = plugin.Sample(2.0, plugin.series_of(text % "7"))
    assert plugin.Span(before, anew).rate("vllm:x_total", engine="0") == 3.5
    assert after.values("vllm:x_total", "engine") == {"0", "1"}


@pytest.mark.parametrize(
    ("text", "bytes_"), [("16Gi", 16 * 2**30), ("64G", 64 * 10**9), ("81559", 81559), ("500m", 0.5), ("1.5Ki", 1536)]
)
def test_quantities(text: str, bytes_: float) -> None:
    assert plugin.quantity(text) == bytes_


@pytest.mark.parametrize("text", ["", "-1", "many", "1e800000", "16GiB"])
def test_what_is_no_quantity_is_said(text: str) -> None:
    with pytest.raises(plugin.Failure, match="is no quantity"):
        plugin.quantity(text)


def test_percentiles_are_values_that_were_measured() -> None:
    assert [plugin.percentile([3, 1, 2, 4], part) for part in (50, 95, 100)] == [2, 4, 4]
    assert plugin.percentile([], 50) == 0


@pytest.fixture
def served() -> Iterator[Any]:
    """A server that answers with `.status` and `.lines`, and keeps headers and body of what it was asked."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            server: Any = self.server
            body = self.rfile.read(int(self.headers["content-length"]))
            server.seen.append((self.path, self.headers["authorization"], json.loads(body)))
            self.send_response(server.status)
            self.send_header("x-request-id", "r1")
            self.send_header("retry-after", "7")
            self.end_headers()
            self.wfile.write("".join(f"{one}\n\n" for one in server.lines).encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.status, server.lines, server.seen = 200, [], []  # type: ignore[attr-defined]
        server.where = plugin.Endpoint(f"http://127.0.0.1:{server.server_port}/path", "sk-key", "m")  # type: ignore[attr-defined]
        yield server
        server.shutdown()


def test_a_stream_is_shown_piece_by_piece_and_counted_as_the_model_counts(served: Any) -> None:
    served.lines = [
        ": keep-alive",
        'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}',
        'data: {"choices":[{"delta":{"reasoning_content":"Hm"}}]}',
        'data: {"choices":[{"delta":{"content":" yes"}}]}',
        'data: {"choices":[],"usage":{"completion_tokens":9}}',
        "data: [DONE]",
    ]
    shown: list[str] = []
    measured = plugin.streamed(served.where, "/v1/chat/completions", {"messages": []}, shown.append)
    assert (shown, measured.tokens, measured.request) == (["Hm", " yes"], 9, "r1")
    path, sent, body = served.seen[0]
    assert (path, sent, body["model"], body["stream"]) == ("/path/v1/chat/completions", "Bearer sk-key", "m", True)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['data: {"choices":[{"text":"a"}]}'], "the connection ended before it did"),
        (['data: {"error":{"message":"engine died"}}', "data: [DONE]"], "engine died"),
        (["data: {no json"], "broken off"),
    ],
    ids=["cut", "an error event", "no JSON"],
)
def test_a_stream_that_is_broken_off_is_said(served: Any, lines: list[str], words: str) -> None:
    served.lines = lines
    with pytest.raises(plugin.Failure, match=words):
        plugin.streamed(served.where, "/v1/completions", {}, lambda _: None)


@pytest.mark.parametrize(
    ("body", "words"), [('{"error":{"message":"slow down"}}', "slow down"), ("<html>", "Too Many")]
)
def test_a_refusal_has_the_servers_words_and_its_pause(served: Any, body: str, words: str) -> None:
    served.status, served.lines = 429, [body]
    with pytest.raises(plugin.Refused, match=rf"429: {words}.* \(try again in 7 s\)"):
        plugin.streamed(served.where, "/v1/completions", {}, lambda _: None)


def test_nobody_there_is_said_without_a_traceback() -> None:
    with pytest.raises(plugin.Failure, match="does not answer"):
        plugin.post(plugin.Endpoint("http://127.0.0.1:1", "k", "m"), "/v1/completions", {})
