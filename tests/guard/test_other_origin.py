"""The API documentation's program for browsers, in a real browser, on a page of another origin than the model's."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest

from dev import paths
from tests.guard import rig
from tests.guard.test_limits import COMPLETION
from vllm_operator import guard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests import browser
    from tests.guard.conftest import Start

READ_A_REFUSAL = """
fetch('http://127.0.0.1:%d/v1/completions', {method: 'POST', body: '{}',
    headers: {'Content-Type': 'application/json', 'Authorization': 'Bearer %s', 'X-Of-An-SDK': '1'}})
  .then(async r => [r.status, Number(r.headers.get('retry-after')) > 0, (await r.json()).error.code])
"""


@pytest.fixture
def site() -> Iterator[rig.Engine]:
    """A web site of somebody else: its own port makes it another origin."""
    site = rig.Engine()
    site.start()
    yield site
    site.stop()


def program(running: rig.Guard) -> str:
    """Return the document's program with nothing but address and key put in."""
    document = (paths.ROOT / "docs/api-documentation.md").read_text()
    found = re.search(r"### JavaScript \(Fetch\)\n+```javascript\n(.*?)```", document, re.DOTALL)
    assert found
    here = found[1].replace("https://vllm11.byteshop.in/", f"http://{rig.HOST}:{running.site.public_port}/")
    return here.replace("your-vllm-api-key", rig.KEY)


def access(*origins: str, limit: guard.RateLimit = rig.MINUTE) -> guard.Access:
    return dataclasses.replace(rig.access(limit=limit), origins=origins)


def visit(chromium: browser.Chromium, site: rig.Engine, script: str = "") -> browser.Page:
    """Open the site's page, on which the script runs."""
    body = f'<!doctype html><link rel="icon" href="data:,"><script>{script}</script>'.encode()
    site.script = rig.answer(body=body, content_type="text/html")
    page = chromium.page()
    page.open(f"http://{rig.HOST}:{site.port}/")
    return page


def origin(site: rig.Engine) -> str:
    return f"http://{rig.HOST}:{site.port}"


def test_the_documented_program_runs_on_a_page_that_may_call(
    start: Start, engine: rig.Engine, site: rig.Engine, chromium: browser.Chromium
) -> None:
    engine.script = rig.answer(body=COMPLETION)
    page = visit(chromium, site, program(start(access(origin(site)))))
    rig.until(lambda: page.run("1") and page.complaints)
    assert page.complaints == ['log: [{"type": "string", "value": " bright"}]']
    assert [(seen.method, seen.path) for seen in engine.seen] == [("POST", "/v1/completions")]


def test_it_does_not_on_a_page_that_may_not(
    start: Start, engine: rig.Engine, site: rig.Engine, chromium: browser.Chromium
) -> None:
    page = visit(chromium, site, program(start(access("https://app.example.com"))))
    rig.until(lambda: page.run("1") and any("blocked by CORS policy" in text for text in page.complaints))
    assert not engine.seen


def test_page_reads_why_and_how_long_it_is_refused(start: Start, site: rig.Engine, chromium: browser.Chromium) -> None:
    running = start(access("*", limit=guard.RateLimit(1, "Minute")))
    page = visit(chromium, site)
    assert running.ask("GET", "/v1/models", rig.KEY).status == 200
    assert page.run(READ_A_REFUSAL % (running.site.public_port, rig.KEY)) == [429, True, "rate_limit_exceeded"]
    assert page.run(READ_A_REFUSAL % (running.site.public_port, rig.OTHER)) == [401, False, "invalid_api_key"]
