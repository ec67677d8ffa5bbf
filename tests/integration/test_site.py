"""The site of the documentation: it is built without a warning, its search works offline, and its alerts are PromQL."""

import pathlib
import re
import subprocess

import pytest
import yaml

from dev import paths
from tests import browser, pages, site, tools

PARSE = "import promql_parser, sys\nfor text in sys.stdin.read().split('\\0'): promql_parser.parse(text)"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    target = tmp_path_factory.mktemp("site")
    site.build(target)
    return target


def test_each_page_is_built_and_in_the_search(built: pathlib.Path) -> None:
    index = (built / "searchindex.js").read_text()
    for page in pages.of_docs():
        assert (built / f"{page.stem}.html").exists()
        assert f'"{page.stem}' in index


def test_nothing_is_loaded_from_elsewhere(built: pathlib.Path) -> None:
    for page in built.glob("*.html"):
        assert re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?//[^"]+"', page.read_text()) == []


def test_the_search_finds_a_reason_without_a_server(built: pathlib.Path) -> None:
    with browser.started() as chromium:
        page = chromium.page()
        page.open(f"file://{built}/search.html?q=OutOfMemory")
        page.until("document.querySelector('#search-results').innerText.includes('every reason > OutOfMemory')")
        assert {url.partition(":")[0] for url in page.requests} <= {"file", "data"}


def test_every_alert_is_promql() -> None:
    groups = yaml.safe_load((paths.ROOT / "docs/alerts.yaml").read_text())["groups"]
    texts = "\0".join(rule["expr"] for group in groups for rule in group["rules"])
    python = tools.environment(site.REQUIREMENTS) / "bin/python"
    done = subprocess.run([python, "-c", PARSE], input=texts, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
