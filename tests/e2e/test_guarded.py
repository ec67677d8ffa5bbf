"""What the guard adds to vLLM, through the real Ingress: pages of other origins, request ids, counts by client, the log."""

import http.server
import json
import re
import threading
import urllib.request
import uuid
from collections.abc import Iterator

import pytest

from dev import demo, provider
from tests import browser, kubectl, waiting
from tests.attack import inside
from tests.contract import document
from tests.e2e import conftest
from vllm_operator import guard


@pytest.fixture
def program(client: conftest.Client) -> str:
    """The document's program for browsers, with nothing but the key put in."""
    text = document.programs(document.API.read_text())["JavaScript (Fetch)"].text
    return text.replace("your-vllm-api-key", client.key)


@pytest.fixture
def site(program: str) -> Iterator[str]:
    """The origin of somebody else's web site, on whose page the program runs."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(f'<!doctype html><link rel="icon" href="data:,"><script>{program}</script>'.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def page(admin: kubectl.Admin) -> Iterator[browser.Page]:
    assert admin
    hosts, certificate = {demo.HOST: provider.current().address()}, demo.AUTHORITY / f"{demo.HOST}.crt"
    with browser.started(hosts=hosts, trusted=certificate) as chromium:
        yield chromium.page()


def test_the_documented_program_runs_on_a_page_that_may_call_and_only_there(
    admin: kubectl.Admin, client: conftest.Client, site: str, page: browser.Page
) -> None:
    pods = admin.kubectl("get", "pods", "-o", "name")
    page.open(site)
    waiting.until("a refusal", lambda: page.run("1") and "blocked by CORS policy" in "".join(page.complaints))
    assert "access-control-allow-origin" not in client.get("/health", "-H", f"Origin: {site}").headers
    admin.patch("vllm", "vllm11", {"spec": {"access": {"cors": {"allowOrigins": [site]}}}})
    asked = ("-H", f"Origin: {site}")

    def allowed() -> bool:
        return client.get("/health", *asked).headers.get("access-control-allow-origin") == site

    waiting.until("the guard to take up the origin", allowed, admin.world, 100)
    page.complaints.clear()
    page.open(site)
    waiting.until("an answer", lambda: page.run("1") and page.complaints, admin.world, 60)
    (said,) = page.complaints
    assert said.startswith('log: [{"type": "string", "value": ')
    assert admin.kubectl("get", "pods", "-o", "name") == pods
    admin.patch("vllm", "vllm11", {"spec": {"access": {"cors": None}}})
    waiting.until("its end", lambda: not allowed(), admin.world, 100)


def test_a_request_id_comes_back_and_stands_in_the_log_with_the_clients_name(
    admin: kubectl.Admin, client: conftest.Client
) -> None:
    mine = f"test-{uuid.uuid4()}"
    answer = client.get("/v1/models?secret=hush", "-H", f"X-Request-Id: {mine}")
    assert (answer.status, answer.headers["x-request-id"]) == (200, mine)
    assert len(client.get("/v1/models").headers["x-request-id"]) == 36

    def logged() -> bool:
        return mine in admin.kubectl("logs", "deployment/vllm11", "-c", "guard")

    waiting.until("the line", logged, admin.world)
    log = admin.kubectl("logs", "deployment/vllm11", "-c", "guard")
    told = json.loads(next(line for line in log.splitlines() if mine in line))
    assert (told["client"], told["method"], told["path"], told["status"]) == ("default", "GET", "/v1/models", 200)
    assert told["bytes_sent"] > 100
    assert told["duration_ms"] >= 0
    assert client.key not in log
    assert "hush" not in log


def test_requests_are_counted_by_model_client_and_code(admin: kubectl.Admin, client: conftest.Client) -> None:
    def count(name: str, code: int) -> int:
        address = f"http://{admin.pod_address('vllm11')}:{guard.PRIVATE_PORT}{guard.STATS_PATH}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            text = answer.read().decode()
        labels = f'model="facebook/opt-125m",client="{name}",code="{code}"'
        found = re.search(rf"^envoy_guard_requests{{{labels}}} (\d+)$", text, re.MULTILINE)
        return int(found[1]) if found else 0

    known, unknown = count("default", 200), count("", 401)
    assert client.get("/v1/models").status == 200
    assert client.get("/v1/models", key="sk-wrong").status == 401
    waiting.until("both to be counted", lambda: count("default", 200) > known and count("", 401) > unknown)


def test_a_process_beside_the_engine_cannot_listen_on_the_guards_ports(admin: kubectl.Admin) -> None:
    """It runs as the guard's user, in the network of the same pod: what it took of port 8000 would have clients' keys in it."""
    run = ("exec", "deployment/vllm11", "-c", "vllm", "--", "python", "-c", inside.LISTEN)
    assert admin.kubectl(*run).split() == ["EADDRINUSE", "EADDRINUSE"]
