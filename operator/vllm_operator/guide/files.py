"""The text files of this package, such as the page's style and the programs of its examples, read once per process."""

from __future__ import annotations

import functools
import importlib.resources


@functools.cache
def text(name: str) -> str:
    """Return a file without the line break at its end."""
    return importlib.resources.files("vllm_operator.guide").joinpath(name).read_text().removesuffix("\n")


@functools.cache
def packed(name: str) -> str:
    """Return a file without comments and line breaks, since etcd stores it once for every model."""
    lines = (line.strip() for line in text(name).splitlines())
    return "".join(line for line in lines if not line.startswith(("//", "/*")))
