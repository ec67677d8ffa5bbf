"""What holds for every page: links and anchors lead somewhere, the index has each page, and each command is run or marked."""

import pathlib
import re

import pytest

from dev import paths
from tests import pages

INDEX = paths.ROOT / "docs/index.md"
RUN_BY = re.compile(r"<!-- run by: (tests/[\w/]+\.py) -->")
NOT_RUN = re.compile(r"\*Not run by a test[^*]*\.\*|\*Not run by a test.*:\*")
WHOLE = {
    "api-documentation.md": "tests/e2e/test_contract.py",
    "tasks.md": "tests/e2e/test_tasks.py",
}
"""Pages that have a test of their own, which runs each kind of command that they show."""
MEASURED = {paths.ROOT / "docs" / name for name in ("performance.svg", "performance.json")}
"""What is there once it is measured (tests/bench/scale)."""


def shown(page: pathlib.Path) -> str:
    return str(page.relative_to(paths.ROOT))


def commands() -> list[tuple[pathlib.Path, pages.Block]]:
    found = [(page, block) for page in pages.every() for block in pages.blocks(page.read_text())]
    return [(page, block) for page, block in found if block.language in pages.OF_SHELL and page.name not in WHOLE]


COMMANDS = commands()


@pytest.mark.parametrize("page", pages.every(), ids=shown)
def test_links_lead_somewhere(page: pathlib.Path) -> None:
    text = page.read_text()
    for link in pages.links(text):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists() or target in MEASURED, link
        if anchor and target.suffix == ".md":
            assert anchor in pages.anchors(target.read_text()), link


def test_the_index_has_each_page_for_readers_and_for_the_site() -> None:
    text = INDEX.read_text()
    told = sorted(link for link in pages.links(text) if link.endswith(".md"))
    listed = [line for block in pages.blocks(text) for line in block.text.splitlines() if not line.startswith(":")]
    assert told == sorted(page.name for page in pages.of_docs() if page != INDEX)
    assert sorted(f"{name}.md" for name in listed) == told


@pytest.mark.parametrize(("page", "block"), COMMANDS, ids=[f"{shown(page)}:{block.line}" for page, block in COMMANDS])
def test_a_command_is_run_or_said_not_to_be(page: pathlib.Path, block: pages.Block) -> None:
    """The mark stands in the line above: a comment with the test that runs it, or a sentence that readers see."""
    runner = RUN_BY.search(block.above)
    assert runner or NOT_RUN.search(block.above), f"{page.name}: {block.text}"
    if runner:
        assert (paths.ROOT / runner[1]).exists()


@pytest.mark.parametrize("test", WHOLE.values())
def test_the_tests_of_whole_pages_exist(test: str) -> None:
    assert (paths.ROOT / test).exists()
