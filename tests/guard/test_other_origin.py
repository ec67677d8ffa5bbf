"""The API documentation's program for browsers, in a real browser, on a page of another origin than the model's."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from tests.contract import document
from tests.guard import fake_engine, rig
from vllm_operator import guard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests import browser
    from tests.guard.conftest import Start

COMPLETION = (
    b'{"id":"cmpl-1","object":"text_completion","created":1,"model":"opt",'
    b'"choices":[{"index":0,"text":" bright","logprobs":null,"finish_reason":"stop"}]}'
)
READ_A_REFUSAL = """
fetch('http://127.0.0.1:%d/v1/completions', {method: 'POST', body: '{}',
    headers: {'Content-Type': 'application/json', 'Authorization': 'Bearer %s', 'X-Of-An-SDK': '1'}})
  .then(async r => [r.status, Number(r.headers.get('retry-after')) > 0, (await r.json()).error.code])
"""


@pytest.fixture
def site() -> Iterator[fake_engine.Engine]:
    """A web site of somebody else: its own port makes it another origin."""
    site = fake_engine.Engine()
    site.start()
    yield site
    site.stop()


def program(running: rig.Guard) -> str:
    """Return the document's program with nothing but address and key put in."""
    text = document.programs(document.API.read_text())["JavaScript (Fetch)"].text
    here = text.replace("https://vllm11.byteshop.in/", f"http://{rig.HOST}:{running.site.public_port}/")
    return here.replace("your-vllm-api-key", rig.KEY)


def access(*origins: str, limit: guard.RateLimit = rig.MINUTE) -> guard.Access:
    return dataclasses.replace(rig.access(limit=limit), origins=origins)


def visit(chromium: browser.Chromium, site: fake_engine.Engine, script: str = "") -> browser.Page:
    """Open the site's page, on which the script runs."""
    body = f'<!doctype html><link rel="icon" href="data:,"><script>{script}</script>'.encode()
    site.script = fake_engine.answer(body=body, content_type="text/html")
    page = chromium.page()
    page.open(f"http://{rig.HOST}:{site.port}/")
    return page


def origin(site: fake_engine.Engine) -> str:
    return f"http://{rig.HOST}:{site.port}"


def test_the_documented_program_runs_on_a_page_that_may_call(
    start: Start, engine: fake_engine.Engine, site: fake_engine.Engine, chromium: browser.Chromium
) -> None:
    engine.script = fake_engine.answer(body=COMPLETION)
    page = visit(chromium, site, program(start(access(origin(site)))))
    rig.until(lambda: page.run("1") and page.complaints)
    assert page.complaints == ['log: [{"type": "string", "value": " bright"}]']
    assert [(seen.method, seen.path) for seen in engine.seen] == [("POST", "/v1/completions")]


def test_it_does_not_on_a_page_that_may_not(
    start: Start, engine: fake_engine.Engine, site: fake_engine.Engine, chromium: browser.Chromium
) -> None:
    page = visit(chromium, site, program(start(access("https://app.example.com"))))
    rig.until(lambda: page.run("1") and any("blocked by CORS policy" in text for text in page.complaints))
    assert not engine.seen


def test_page_reads_why_and_how_long_it_is_refused(
    start: Start, site: fake_engine.Engine, chromium: browser.Chromium
) -> None:
    running = start(access("*", limit=guard.RateLimit(1, "Minute")))
    page = visit(chromium, site)
    assert running.ask("GET", "/v1/models", rig.KEY).status == 200
    assert page.run(READ_A_REFUSAL % (running.site.public_port, rig.KEY)) == [429, True, "rate_limit_exceeded"]
    assert page.run(READ_A_REFUSAL % (running.site.public_port, rig.OTHER)) == [401, False, "invalid_api_key"]
