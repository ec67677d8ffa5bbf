"""The project's pages as data: headings, links and blocks of code. Knows the Markdown that is written here, and no more of it."""

import pathlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from dev import paths

BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
OF_SHELL = ("bash", "console", "sh", "shell")


class Block(NamedTuple):
    """A block of code; `above`: the line of prose before it; `line`: where it begins."""

    language: str
    text: str
    above: str
    line: int


def every() -> list[pathlib.Path]:
    """Return all pages: those at the top of the tree, those of docs/, and the chart's."""
    return sorted([*paths.ROOT.glob("*.md"), *paths.ROOT.glob("docs/*.md"), *paths.ROOT.glob("charts/*/*.md")])


def of_docs() -> list[pathlib.Path]:
    """Return the pages of the site."""
    return [page for page in every() if page.parent == paths.ROOT / "docs"]


def prose(text: str) -> str:
    """Return a page without its blocks of code."""
    return BLOCK.sub("", text)


def links(text: str) -> list[str]:
    """Return the targets of all links."""
    return LINK.findall(prose(text))


def anchors(text: str) -> set[str]:
    """Return what a link may name behind #, as forges and the site make it of headings."""
    found: set[str] = set()
    for heading in HEADING.findall(prose(text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = next((f"-{n}" for n in range(1, 100) if slug in found and f"{slug}-{n}" not in found), "")
        found.add(slug + number)
    return found


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of code, in order."""
    for match in BLOCK.finditer(text):
        before = text[: match.start()].rstrip().rpartition("\n")[2]
        yield Block(match["language"], match["text"], before.strip(), text.count("\n", 0, match.start()) + 1)
