"""The real process, as the image starts it, before an API server that is away."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

from dev import paths
from tests import waiting

KUBECONFIG = (
    "{current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],"
    " clusters: [{name: a, cluster: {server: 'http://127.0.0.1:9'}}], users: [{name: a, user: {token: s3cret}}]}"
)


class Process:
    """The process; `port` is that of /readyz."""

    def __init__(self, directory: pathlib.Path, port: int) -> None:
        self.port, self.log = port, directory / "log"
        (directory / "kubeconfig").write_text(KUBECONFIG)
        settings = {
            "KUBECONFIG": str(directory / "kubeconfig"),
            "PYTHONPATH": str(paths.ROOT / "operator"),
            "VLLM_OPERATOR_HTTP_PORT": str(port),
        }
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "vllm_operator", "run"]
            self.process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log)

    def answer(self, path: str) -> tuple[int, str] | None:
        """Return status and text of an answer, None where there is none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None


@contextlib.contextmanager
def started(directory: pathlib.Path, port: int = 0) -> Iterator[Process]:
    if not port:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = int(probe.getsockname()[1])
    one = Process(directory, port)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait()


def test_it_waits_for_the_api_server_and_ends_when_it_is_told_to(tmp_path: pathlib.Path) -> None:
    with started(tmp_path) as one:
        waiting.until("/healthz", lambda: one.answer("/healthz") == (200, "ok\n"), one.log.read_text)
        assert one.answer("/readyz") == (503, "not all that is watched is known yet\n")
        assert one.process.poll() is None
        begun = time.monotonic()
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(25) == 0
        assert time.monotonic() - begun < 20
        assert "s3cret" not in one.log.read_text()


def test_a_port_that_is_taken_is_an_error(tmp_path: pathlib.Path) -> None:
    with (
        socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as taken,
        started(tmp_path, taken.getsockname()[1]) as one,
    ):
        assert one.process.wait(40) == 1
        assert "Address already in use" in one.log.read_text()
