"""Runs inside the engine's container, by vLLM's own Python: what vLLM's own media connector fetches.

Reads JSON from stdin: `cases` (by name the `arguments` of `vllm serve`, and perhaps `redirects`, the variable's value in place of
the container's, and the `kinds` of media in place of all), `urls`, and `names` that this process takes for its own listener,
whose port stands for {port} in a URL. The listener redirects where a path says so. Prints JSON: by case and URL, which names were
looked up and which addresses asked, in order, the listener's as `listener`. Each URL is fetched as `vllm serve` does it, and
without an event loop.
"""

import asyncio
import contextlib
import http.server
import itertools
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

from vllm import envs
from vllm.connections import HTTPConnection
from vllm.entrypoints.cli.serve import ServeSubcommand
from vllm.multimodal.media import MEDIA_CONNECTOR_REGISTRY
from vllm.utils.argparse_utils import FlexibleArgumentParser

PARSER = FlexibleArgumentParser()
ServeSubcommand().subparser_init(PARSER.add_subparsers())
LOCAL = "127.0.0.1"
SECONDS = 5
KINDS = ("image", "audio", "video")
REDIRECTS = "VLLM_MEDIA_URL_ALLOW_REDIRECTS"
reached: list[str] = []
look_up = socket.getaddrinfo


class Listener(http.server.BaseHTTPRequestHandler):
    """Answers with nothing that is a picture, or sends elsewhere: /to/HOST/PATH to http://HOST/PATH."""

    def do_GET(self) -> None:
        """Answer."""
        kind, _, target = self.path.lstrip("/").partition("/")
        if kind == "to":
            self.send_response(302)
            self.send_header("Location", f"http://{target}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def listening() -> Iterator[int]:
    """Listen on loopback; yield the port."""
    with http.server.ThreadingHTTPServer((LOCAL, 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def watch(port: int, names: list[str]) -> None:
    """Note each look-up and each connection from here on; none leaves this process but to the listener."""

    def found(host: Any, *arguments: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        reached.append(name)
        if name not in names:
            raise socket.gaierror(name)
        return look_up(LOCAL, *arguments, **more)

    def connecting(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "socket.connect" or not isinstance(arguments[1], tuple):
            return
        is_ours = arguments[1][:2] == (LOCAL, port)
        reached.append("listener" if is_ours else str(arguments[1][0]))
        if not is_ours:
            raise ConnectionRefusedError(arguments[1][0])

    socket.getaddrinfo = found
    sys.addaudithook(connecting)


def fetched(domains: list[str] | None, url: str, kinds: list[str]) -> list[str]:
    """Return whom vLLM reached for one URL of these kinds of media, each once."""
    reached.clear()
    for fetch, kind in itertools.product((_at_once, _as_served), kinds):
        connection = HTTPConnection()
        load = MEDIA_CONNECTOR_REGISTRY.load
        connector = load(envs.VLLM_MEDIA_CONNECTOR, connection=connection, allowed_media_domains=domains)
        with contextlib.suppress(Exception):
            fetch(connector, kind, url)
    return list(dict.fromkeys(reached))


def _at_once(connector: Any, kind: str, url: str) -> None:
    getattr(connector, f"fetch_{kind}")(url)


def _as_served(connector: Any, kind: str, url: str) -> None:
    async def served() -> None:
        try:
            await asyncio.wait_for(getattr(connector, f"fetch_{kind}_async")(url), SECONDS)
        finally:
            await (await connector.connection.get_async_client()).close()

    asyncio.run(served())


def main() -> None:
    """Answer what is asked on stdin."""
    asked = json.load(sys.stdin)
    os.environ["VLLM_MEDIA_FETCH_MAX_RETRIES"] = "1"
    own, found = os.environ[REDIRECTS], {}
    with listening() as port:
        watch(port, asked["names"])
        for name, case in asked["cases"].items():
            os.environ[REDIRECTS] = case.get("redirects", own)
            domains = PARSER.parse_args(["serve", *case["arguments"]]).allowed_media_domains
            kinds = case.get("kinds", KINDS)
            found[name] = {url: fetched(domains, url.replace("{port}", str(port)), kinds) for url in asked["urls"]}
    sys.stdout.write(json.dumps(found))


main()
