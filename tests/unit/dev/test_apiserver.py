"""The few requests that bring a cluster up, against a server with certificates of dev/pki.py."""

import http.server
import json
import pathlib
import ssl
import threading
from collections.abc import Iterator

import pytest

from dev import apiserver, pki
from dev.embedded import components


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers each path with the status that it names; anything it was sent comes back."""

    def do_GET(self) -> None:
        self._answer(b'{"kind": "Node"}')

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        self.send_response(int(self.path.strip("/")))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Say nothing."""


@pytest.fixture
def kubeconfig(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    authority = pki.authority(tmp_path)
    pki.issue(authority, tmp_path, "server", user="server", hosts=("127.0.0.1",))
    pki.issue(authority, tmp_path, "admin", user="admin", group="system:masters")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.crt"))
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = tmp_path / "kubeconfig"
        path.write_text(components.kubeconfig(tmp_path, "admin", f"https://127.0.0.1:{server.server_port}"))
        yield path
        server.shutdown()


def test_an_answer_is_decoded(kubeconfig: pathlib.Path) -> None:
    assert apiserver.get(kubeconfig, "/200") == {"kind": "Node"}


def test_what_is_not_there_yet_is_none(kubeconfig: pathlib.Path) -> None:
    assert apiserver.get(kubeconfig, "/404") is None
    assert apiserver.get(kubeconfig, "/503") is None


def test_nobody_listening_is_none(kubeconfig: pathlib.Path) -> None:
    config = json.loads(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    kubeconfig.write_text(json.dumps(config))
    assert apiserver.get(kubeconfig, "/200") is None


def test_what_is_there_is_not_created_again(kubeconfig: pathlib.Path) -> None:
    apiserver.create(kubeconfig, "/201", {})
    apiserver.create(kubeconfig, "/409", {})
    with pytest.raises(apiserver.Refused, match="422"):
        apiserver.create(kubeconfig, "/422", {})
