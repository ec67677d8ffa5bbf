"""Which files of a listing are wanted, and which names no listing may have."""

import hashlib
import os
import pathlib

import hypothesis
import pytest
from hypothesis import strategies

from vllm_operator.fetch import failures, listing

SOURCE = "hf://org/tiny"
PARTS = strategies.sampled_from(
    ["a", "A", "b", "..", ".", "", ".fetch", ".complete", "é", "e\u0301", "ß", "ss", "\0", "x\ny", "a" * 256, "\\"]
)


def files(*paths: str) -> list[listing.File]:
    return [listing.File(path, 1) for path in paths]


def reason(*paths: str, patterns: tuple[str, ...] = ("*",)) -> str:
    with pytest.raises(failures.Failure) as raised:
        listing.wanted(files(*paths), patterns, SOURCE)
    assert len(raised.value.message) <= failures.MOST
    return raised.value.reason


def test_by_default_nothing_is_fetched_that_runs_code_when_it_is_loaded() -> None:
    held = [
        "model.safetensors",
        "config.json",
        "tokenizer.model",
        "merges.txt",
        "chat.jinja",
        "qwen.tiktoken",
        "tokenizer",
    ]
    never = [
        "pytorch_model.bin",
        "model.pt",
        "old.pth",
        "x.pkl",
        "modeling.py",
        "tokenizer.py",
        "tokenizer_config.PY",
        "README.md",
    ]
    found = listing.wanted(files(*held, *never), (), SOURCE)
    assert sorted(file.path for file in found) == sorted(held)


def test_code_that_may_be_run_is_fetched_and_weights_that_run_code_are_still_not() -> None:
    held = files("model.safetensors", "sub/modeling.py", "config.json", "tokenizer.PY")
    never = files("pytorch_model.bin", "tokenizer.pkl", "model.pt", "adapter.ckpt")
    assert set(listing.wanted([*held, *never], (), SOURCE, has_code=True)) == set(held)
    with pytest.raises(failures.Failure, match=r"no \*\.safetensors") as raised:
        listing.wanted([*files("modeling.py", "config.json"), *never], (), SOURCE, has_code=True)
    assert raised.value.reason == failures.SOURCE_EMPTY


def test_what_files_names_is_fetched_whatever_it_is() -> None:
    found = listing.wanted(files("a/model.bin", "modeling.py", "config.json"), ("*.bin", "*.py"), SOURCE)
    assert [file.path for file in found] == ["a/model.bin", "modeling.py"]


def test_a_source_without_what_is_wanted_is_empty_and_says_what_it_has() -> None:
    assert reason("a.json", patterns=("*.gguf",)) == failures.SOURCE_EMPTY
    with pytest.raises(failures.Failure, match=r"pytorch_model\.bin") as raised:
        listing.wanted(files("config.json", "pytorch_model.bin"), (), SOURCE)
    assert raised.value.reason == failures.SOURCE_EMPTY


@pytest.mark.parametrize(
    "path",
    ["../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a/", "", ".fetch/journal", ".complete", "a\nb", "a\0b", "a\\..\\b",
     "x" * 256, "a/" * 600 + "b"],
)  # fmt: skip
def test_no_file_leaves_the_directory_or_takes_the_fetchers_own_names(path: str) -> None:
    assert reason("config.json", path) == failures.REFUSED


@pytest.mark.parametrize(
    ("one", "other"), [("Config.json", "config.json"), ("A/x", "a/y"), ("\u00e9", "e\u0301"), ("a", "a/b"), ("a", "a")]
)
def test_two_names_that_some_volume_takes_for_one_are_refused(one: str, other: str) -> None:
    assert reason(one, other) == failures.REFUSED


@pytest.mark.parametrize("size", [-1, listing.MOST_BYTES + 1])
def test_a_size_that_is_none_is_refused(size: int) -> None:
    with pytest.raises(failures.Failure):
        listing.checked([listing.File("a", size)], SOURCE)


def test_a_hostile_file_that_is_not_wanted_holds_up_nothing() -> None:
    assert listing.wanted(files("a.json", "../x.bin"), ("*.json",), SOURCE) == (listing.File("a.json", 1),)


@hypothesis.given(strategies.lists(strategies.lists(PARTS, min_size=1, max_size=3).map("/".join), max_size=4))
def test_what_is_accepted_lies_below_the_directory_and_apart(paths: list[str]) -> None:
    try:
        found = listing.checked(files(*paths), SOURCE)
    except failures.Failure:
        return
    for file in found:
        assert os.path.normpath(f"/d/{file.path}") == f"/d/{file.path}"
        assert pathlib.PurePosixPath(file.path).parts[0] not in listing.RESERVED
    assert len({file.path.casefold() for file in found}) == len(paths)


def test_the_digest_is_of_sorted_lines() -> None:
    lines = "aa 1 b\nbb 2 a\n"
    assert listing.digest({"a": ("bb", 2), "b": ("aa", 1)}) == f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def test_a_bucket_is_pinned_by_paths_sizes_and_etags() -> None:
    one = listing.File("a", 1, version='"x"')
    assert listing.pinned([one]) != listing.pinned([one._replace(version='"y"')])
    assert listing.pinned([one]) != listing.pinned([one._replace(size=2)])
