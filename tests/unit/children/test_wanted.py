"""A release fetches nothing again: weights keep the name that their spec alone gave them, whatever a newer one would choose.

The names were computed when the field they are of was new. None of them may be changed here.
"""

from typing import Any

import pytest

from vllm_operator import api
from vllm_operator.children import wanted
from vllm_operator.engine import adapters
from vllm_operator.fetch import listing

SOURCE = {"source": "hf://acme/model@v1"}
ADAPTER = {"adapters": [{"name": "sql", "source": "hf://acme/sql"}]}
CODE = {"engine": {"trustRemoteCode": True}}
STORED: dict[str, tuple[dict[str, Any], str, str]] = {
    "plain": ({"model": SOURCE}, "54d6e4a40a7bc1dc", "54d6e4a40a7bc1dc"),
    "of a digest": ({"model": {**SOURCE, "digest": f"sha256:{'0' * 64}"}}, "f689170bfee9d672", "f689170bfee9d672"),
    "of files": ({"model": {**SOURCE, "files": ["b*", "a*"]}}, "fca154ec984d2fb4", "fca154ec984d2fb4"),
    "with its code": ({"model": SOURCE, **CODE}, "f1900b9c239d75a2", "f1900b9c239d75a2"),
    "with its code among files": (
        {"model": {**SOURCE, "files": ["*.py"]}, **CODE},
        "affc83df9e07d247",
        "affc83df9e07d247",
    ),
    "with an adapter": ({"model": {**SOURCE, **ADAPTER}}, "2ec123ae36131f9c", "d90b16ab34798509"),
    "with an adapter and room": (
        {"model": {**SOURCE, **ADAPTER}, "engine": {"args": ["--max-lora-rank=8"]}},
        "e1edbf76ca2ca9df",
        "d90b16ab34798509",
    ),
}


def names(name: str) -> tuple[str, str]:
    """Return the name of all that is fetched, and the last directory."""
    spec = api.parse(STORED[name][0])
    return wanted.key(spec, ""), wanted.wanted(spec, "")[-1].directory.removeprefix("weights/")


@pytest.mark.parametrize("name", STORED)
def test_weights_have_the_name_that_they_were_fetched_under(name: str) -> None:
    assert names(name) == STORED[name][1:]


@pytest.mark.parametrize("name", STORED)
def test_a_release_with_other_defaults_fetches_nothing_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "DEFAULT_PATTERNS", ("*.gguf",))
    monkeypatch.setattr(listing, "NEVER_BY_DEFAULT", ())
    monkeypatch.setattr(adapters, "RANK", 16)
    assert names(name) == STORED[name][1:]
