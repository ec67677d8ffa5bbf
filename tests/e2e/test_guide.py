"""The guide as a visitor meets it: a real browser, through the real Ingress, before real vLLM. Pictures: .artifacts/guide."""

import html
import itertools
import json
import pathlib
import re
import sys
from collections.abc import Iterator

import pytest

from dev import demo, demo_calls, paths, provider
from tests import browser, kubectl, waiting
from tests.e2e import conftest, leaks

GUIDE = f"https://{demo.HOST}/guide"
PICTURES = paths.ROOT / ".artifacts" / "guide"
WATCH = """window.lengths = [];
    new MutationObserver(() => lengths.push(answer.textContent.length)).observe(answer, {childList: true})"""
KEPT = "JSON.stringify([localStorage.length, sessionStorage.length, document.cookie, location.href])"


@pytest.fixture
def page(admin: kubectl.Admin) -> Iterator[browser.Page]:
    """A visitor's page, in a browser that finds the demo's host alone and takes its certificate."""
    assert admin
    hosts, certificate = {demo.HOST: provider.current().address()}, demo.AUTHORITY / f"{demo.HOST}.crt"
    with browser.started(hosts=hosts, trusted=certificate) as chromium:
        page = chromium.page()
        page.open(GUIDE)
        yield page


def test_headers_are_the_guards_own_through_the_ingress(client: conftest.Client) -> None:
    answer = client.get("/guide", key="")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"].startswith("default-src 'none';style-src 'sha256-")
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert (answer.headers["x-frame-options"], answer.headers["x-content-type-options"]) == ("DENY", "nosniff")
    assert client.get("/guide/", key="").status == client.get("/guide", "-I", key="").status == 404
    assert client.key not in answer.body


def test_a_visitor_tries_a_key_and_the_page_keeps_it_nowhere(page: browser.Page, client: conftest.Client) -> None:
    page.write("#key", "sk-wrong")
    page.click("#send")
    page.until("said.textContent.startsWith('401: this key is not accepted')")
    complaints = len(page.complaints)  # of the 401 itself, which is the browser's own line
    assert all("401" in text for text in page.complaints)
    page.write("#key", client.key)
    page.run(WATCH)
    page.click("#send")
    page.until("/^[0-9]+ tokens in /.test(said.textContent)", 120)
    assert page.run("answer.textContent.trim().length") > 0
    assert page.run("new Set(lengths).size") > 10, "the answer came in one piece"
    page.write("#key", "")
    assert len(page.complaints) == complaints
    assert {url for url in page.requests if not url.startswith((f"https://{demo.HOST}/", "data:,"))} == set()
    assert json.loads(page.run(KEPT)) == [0, 0, "", GUIDE]
    assert page.send("Network.getCookies")["cookies"] == []
    assert client.key not in page.run("document.documentElement.outerHTML") + "".join(page.requests)


def test_pictures_are_kept(page: browser.Page, client: conftest.Client) -> None:
    page.write("#key", client.key)
    page.click("#send")
    page.until("/^[0-9]+ tokens in /.test(said.textContent)", 120)
    page.run("scrollTo(0, 0)")
    for screen, dark in itertools.product((browser.PHONE, browser.DESKTOP), (False, True)):
        page.show(screen, dark=dark)
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
        picture = PICTURES / f"{'phone' if screen.mobile else 'desktop'}-{'dark' if dark else 'light'}.png"
        page.picture(picture)
        assert picture.stat().st_size > 20_000
    assert not page.complaints


PROGRAMS = {"curl": ("sh", "ask.sh"), "Python": (sys.executable, "ask.py")}


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_example_runs_as_it_is_copied(client: conftest.Client, tmp_path: pathlib.Path, name: str) -> None:
    interpreter, file = PROGRAMS[name]
    found = re.search(rf"data-copy={name}>(.*?)</pre>", client.get("/guide", key="").body, re.DOTALL)
    assert found
    program = tmp_path / file
    program.write_text(html.unescape(found[1]))
    done = demo_calls.run(
        [interpreter, str(program)], {"OPENAI_API_KEY": client.key, "PYTHONIOENCODING": "utf-8"}, capture=True
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)["choices"][0]["text"] if name == "curl" else done.stdout
    assert said.strip() not in ("", "undefined", "None", "null")


def test_the_switch_is_thrown_live_and_the_page_is_small_in_etcd(admin: kubectl.Admin, client: conftest.Client) -> None:
    stored = {}
    for on, status in ((False, 404), (True, 200)):
        admin.patch("vllm", "vllm11", {"spec": {"expose": {"guide": on}}})
        waiting.until(
            f"/guide is {status}", lambda s=status: client.get("/guide", key="").status == s, admin.world, 200
        )
        entries = dict(leaks.etcd(set()))
        stored[on] = len(entries[f"etcd /registry/secrets/{demo.NAMESPACE}/vllm11.guard"])
    assert 9_000 < stored[True] - stored[False] <= 12_000
    admin.patch("vllm", "vllm11", {"spec": {"expose": {"guide": None}}})
