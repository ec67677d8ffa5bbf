"""What an engine sends is foreign to all else at its host: no browser runs it, or remembers anything of it.

Two models at one host are one origin for browsers, so a page of one could read what a user has typed into the other's guide.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from tests.guard import envoys, fake_engine, rig
from vllm_operator.guard import headers

if TYPE_CHECKING:
    from tests import browser
    from tests.guard.conftest import Start

SCRIPT = b"<!doctype html><script>document.title = localStorage.length + document.cookie</script>"
EVIL = {
    "content_type": "text/html",
    "content_security_policy": "script-src *",
    "x_content_type_options": "none",
    "set_cookie": "a=b; Path=/",
    "service_worker_allowed": "/",
    "clear_site_data": '"*"',
    "refresh": "0; url=/other/guide",
    "location": "/other/guide",
    "strict_transport_security": "max-age=0",
    "alt_svc": 'h3="evil.example:443"',
    "www_authenticate": "Basic",
    "x_accel_redirect": "/internal",
    "x_request_id": "mine",
    "x_ratelimit_remaining": "99999999999",
    "access_control_allow_origin": "*",
}
BELOW = "/opt"


@pytest.fixture(params=envoys.versions(), ids=lambda version: f"{version[0]}.{version[1]}")
def running(request: pytest.FixtureRequest, start: Start, engine: fake_engine.Engine) -> rig.Guard:
    """Return a guard at a shared host whose engine means harm."""
    engine.script = fake_engine.answer(200, SCRIPT, **EVIL, x_of_mine="1")
    now = dataclasses.replace(rig.access(), path=BELOW, page=rig.PAGE)
    return start(now, envoy=envoys.find(request.param))


@pytest.mark.parametrize("path", ["/health", "/", BELOW, f"{BELOW}/", f"{BELOW}/health"])
def test_what_needs_no_key_is_the_guards_own(running: rig.Guard, engine: fake_engine.Engine, path: str) -> None:
    reply = running.ask("GET", path)
    assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b"", None)
    assert not [name for name, text in EVIL.items() if reply.headers[name.replace("_", "-")] == text]
    assert {seen.path for seen in engine.seen} == {"/health"}


def test_an_answer_is_sandboxed_and_leaves_nothing_behind(running: rig.Guard) -> None:
    reply = running.ask("GET", f"{BELOW}/v1/models", rig.KEY, x_request_id="theirs")
    assert (reply.status, reply.body) == (200, SCRIPT)
    assert {name: reply.headers.get_all(name) for name, _ in headers.SANDBOXED} == {
        name: [value] for name, value in headers.SANDBOXED
    }
    assert (reply.headers.get_all("x-request-id"), reply.headers["x-ratelimit-remaining"]) == (["theirs"], "5999")
    assert set(map(str.lower, reply.headers)) <= set(headers.FROM_ENGINE)
    assert not {"set-cookie", "location", "refresh", "www-authenticate"} & set(map(str.lower, reply.headers))


def test_a_refusal_says_what_is_needed_in_the_engines_place(running: rig.Guard) -> None:
    assert running.ask("GET", "/v1/models").headers.get_all("www-authenticate") == ["Bearer"]


def test_the_guide_has_its_own_policy(running: rig.Guard) -> None:
    page = dataclasses.replace(rig.PAGE, headers=(("content-security-policy", "default-src 'none'"),))
    running.change(dataclasses.replace(rig.access(), path=BELOW, page=page))
    reply = running.ask("GET", f"{BELOW}/guide")
    assert reply.headers.get_all("content-security-policy") == ["default-src 'none'"]


def test_a_guard_with_an_older_script_passes_no_page_on_without_a_key(start: Start, engine: fake_engine.Engine) -> None:
    """Its script leaves such a request to the routes, which are those of today."""
    engine.script = fake_engine.answer(200, SCRIPT, **EVIL)
    running = start(alter=rig.without_script)
    for path in ("/health", "/"):
        reply = running.ask("GET", path)
        assert reply.headers.get_all("content-type") == ["text/plain; charset=utf-8"]
        assert {name: reply.headers[name] for name, _ in headers.SANDBOXED} == dict(headers.SANDBOXED)
        assert not set(headers.NOT_FROM_ENGINE) - {"x-request-id"} & set(map(str.lower, reply.headers))


def test_a_browser_runs_nothing_of_an_engine(
    start: Start, engine: fake_engine.Engine, chromium: browser.Chromium
) -> None:
    """Were the sandbox gone, the script would write the title; the plain text of an older guard is shown as text."""
    engine.script = fake_engine.answer(200, SCRIPT, content_type="text/html")
    running = start(alter=rig.without_script)
    page = chromium.page()
    page.open(f"http://{rig.HOST}:{running.site.public_port}/health")
    assert page.run("document.title") == ""
    assert page.run("document.body.innerText").startswith("<!doctype html>")
