"""Documentation of an API as data: examples with their answers, parameters with their limits, fields, programs, error codes.

Knows how our documents are written in Markdown; must not know what any line of them promises.
"""

import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from dev import paths

API = paths.ROOT / "docs" / "api-documentation.md"
TASKS = paths.ROOT / "docs" / "tasks.md"
ADDRESS = "https://vllm11.byteshop.in"
KEY = "your-vllm-api-key"


class Block(NamedTuple):
    """A fenced block: `path` holds the headings above it, `label` the bold word right before it, such as Response."""

    path: tuple[str, ...]
    label: str
    language: str
    text: str


class Example(NamedTuple):
    """A command and what it is answered; None where the document shows an empty body."""

    name: str
    command: str
    answer: Any


class Parameter(NamedTuple):
    """One parameter of a request; `low`, `high` and `default` as the document says them, if it does."""

    name: str
    kinds: tuple[str, ...]
    required: bool
    low: float | None
    high: float | None
    default: float | None


def read(document: pathlib.Path = API) -> str:
    """Return the document's text."""
    return document.read_text()


def put(text: str, address: str, key: str) -> str:
    """Return the text with this address and key in the places of the documented ones, and nothing else changed."""
    return text.replace(ADDRESS, address).replace(KEY, key)


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks in order."""
    headings: list[str] = []
    label, fence, lines = "", "", list[str]()
    for line in text.splitlines():
        if fence and line == "```":
            yield Block(tuple(headings), label, fence, "\n".join(lines) + "\n")
            label, fence, lines = "", "", []
        elif fence:
            lines.append(line)
        elif line.startswith("```"):
            fence = line[3:]
        elif heading := re.match("(#+) +(.*)", line):
            headings[len(heading[1]) - 1 :] = [heading[2]]
        elif bold := re.match(r"\*\*(\w+)\*\*", line):
            label = bold[1]


def examples(text: str) -> list[Example]:
    """Return the documented commands, each with the answer that follows it."""
    found = list[Example]()
    for block in blocks(text):
        if block.label == "Example":
            found.append(Example(block.path[-1], block.text, None))
        if block.label == "Response" and block.language == "json":
            found[-1] = found[-1]._replace(answer=json.loads(block.text))
    return found


def parameters(text: str) -> dict[str, Parameter]:
    """Return the documented parameters by name."""
    lines = re.findall(r"^- `(\w+)` \(([\w ]+), (required|optional)\): (.*)$", text, re.MULTILINE)
    return {name: _parameter(name, kinds, need, words) for name, kinds, need, words in lines}


def _parameter(name: str, kinds: str, need: str, words: str) -> Parameter:
    limits = re.search(r"(-?[\d.]+) to (-?[\d.]+)", words)
    default = re.search(r"default: (-?[\d.]+)", words)
    low, high = (float(limits[1]), float(limits[2])) if limits else (None, None)
    return Parameter(
        name, tuple(kinds.split(" or ")), need == "required", low, high, float(default[1]) if default else None
    )


def fields(text: str, section: str) -> set[str]:
    """Return the fields that a section explains, dotted where one stands below another: `choices.index`."""
    found, outer = set[str](), ""
    for indent, name in re.findall(r"^( *)- `(\w+)`:", _section(text, section), re.MULTILINE):
        outer = outer if indent else name
        found.add(f"{outer}.{name}" if indent else name)
    return found


def codes(text: str) -> dict[int, str]:
    """Return the documented status codes and what they mean."""
    return {int(code): words for code, words in re.findall(r"^\| (\d{3}) \| (.*) \|$", text, re.MULTILINE)}


def programs(text: str) -> dict[str, Block]:
    """Return the programs of the section of examples, by the name of their client."""
    return {block.path[-1]: block for block in blocks(text) if "Programming Language Examples" in block.path}


def block(text: str, heading: str) -> str:
    """Return the only block below a heading."""
    (found,) = (block.text for block in blocks(text) if block.path[-1].endswith(heading))
    return found


def _section(text: str, heading: str) -> str:
    """Return the text below a heading, to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""
