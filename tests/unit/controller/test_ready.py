"""`ready URL`: what `helm test` asks, and what it says when the answer is no."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from vllm_operator import __main__ as command


class Operator(http.server.BaseHTTPRequestHandler):
    """Answers 503 as often as it is told to, then 200."""

    refusals = 0

    def do_GET(self) -> None:
        refused, Operator.refusals = Operator.refusals > 0, Operator.refusals - 1
        self.send_response(503 if refused else 200)
        self.end_headers()
        self.wfile.write(b"the store is not complete yet\n" if refused else b"ok\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Operator) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/readyz"
        server.shutdown()
        thread.join()


def test_it_asks_until_the_operator_is_ready(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    Operator.refusals = 1
    assert command.main(["ready", url]) == 0
    assert capsys.readouterr().out == "The operator is ready.\n"


def test_it_says_what_was_answered_and_fails(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    Operator.refusals = 100
    assert command.main(["ready", url, "--seconds", "0"]) == 1
    assert "answers 503: the store is not complete yet" in capsys.readouterr().out


def test_where_nobody_listens_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["ready", "http://127.0.0.1:1/readyz", "--seconds", "0"]) == 1
    assert "does not answer" in capsys.readouterr().out


def test_a_proxy_is_never_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    Operator.refusals = 0
    assert command.main(["ready", url, "--seconds", "0"]) == 0
