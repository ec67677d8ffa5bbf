"""What a source holds: files with sizes and hashes, which of them are wanted, and which names no listing may have. Pure.

A listing comes from a server, and is hostile until it has passed `checked`.
"""

import fnmatch
import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from vllm_operator.fetch import failures

DEFAULT_PATTERNS = ("*.safetensors", "*.json", "*.model", "*.txt", "*.jinja", "*.tiktoken", "tokenizer*")
CODE = ".py"
"""What a model's own code is written in: fetched with the defaults where it may be run."""
NEVER_BY_DEFAULT = (CODE, ".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
"""Files that run code when they are loaded: fetched only where model.files names them."""
WITH_CODE = ("*.safetensors", "*.json", "*.model", "*.txt", "*.jinja", "*.tiktoken", "tokenizer*", "*.py")
"""What a choice that has the model's code is noted by, and its directory named after. It never changes, whatever is chosen: with
another one the weights would be fetched again."""
WEIGHTS = (".safetensors",)
MOST_FILES = 100_000
MOST_BYTES = 1 << 50
LONGEST_NAME = 255  # bytes of one segment, the limit of Linux's file systems
LONGEST_PATH = 1024
SOME = 40  # characters of a name, where a message has some of them
RESERVED = (".fetch", ".complete")


class File(NamedTuple):
    """One file: `path` below the source, `size` in bytes, and what it is checked against, where the source says it.

    `sha256` and `blob` (git's SHA-1 of a blob) are hexadecimal; `version` is the object's ETag.
    """

    path: str
    size: int
    sha256: str = ""
    blob: str = ""
    version: str = ""


class Listing(NamedTuple):
    """The wanted files of a source at one revision: a commit, or a hash over what a bucket held."""

    revision: str
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files)


def wanted(files: Sequence[File], patterns: Sequence[str], source: str, *, has_code: bool = False) -> tuple[File, ...]:
    """Return the files that match a pattern, sorted by path and safe to write; raise `failures.Failure` where none does.

    A pattern is a shell's, over the whole path: `*` matches `/` too. Without patterns the defaults hold; `has_code`: the model's
    own code may be run and is fetched with them, and weights that run code are not, whatever may be run beside them.
    """
    chosen = [file for file in files if _matches(file.path, patterns, has_code=has_code)]
    if not chosen:
        told = f"{failures.shown(source)} has no file that matches model.files ({_some(files)})"
        raise failures.Failure(failures.SOURCE_EMPTY, told, "correct model.files or model.source")
    if not patterns and not any(file.path.endswith(WEIGHTS) for file in chosen):
        told = f"{failures.shown(source)} has no *.safetensors ({_some(files)})"
        raise failures.Failure(failures.SOURCE_EMPTY, told, "name the files that you trust in model.files")
    return checked(chosen, source)


def checked(files: Sequence[File], source: str) -> tuple[File, ...]:
    """Return the files sorted by path; raise `failures.Failure` where one could not lie in a directory beside the others."""
    for file in files:
        if wrong := _wrong(file):
            raise _refused(source, file.path, wrong)
    if len(files) > MOST_FILES:
        told = f"{failures.shown(source)} has more than {MOST_FILES} files"
        raise failures.Failure(failures.REFUSED, told, "name fewer in model.files")
    seen: dict[str, str] = {}
    for file in files:
        for part in _parents(file.path):
            if seen.setdefault(_folded(part), part) != part:
                raise _refused(source, file.path, "another name differs from it only in case or in Unicode form")
    whole = {_folded(file.path) for file in files}
    if len(whole) != len(files):
        told = f"{failures.shown(source)} lists a file twice"
        raise failures.Failure(failures.REFUSED, told, "it is no source of weights")
    for file in files:
        if any(_folded(part) in whole for part in _parents(file.path)[:-1]):
            raise _refused(source, file.path, "a part of it is a file too")
    return tuple(sorted(files))


def digest(hashes: Mapping[str, tuple[str, int]]) -> str:
    """Return the digest of files: SHA-256 over the sorted lines "sha256 size path"; `hashes`: path -> sha256 and size."""
    lines = sorted(f"{sha256} {size} {path}\n" for path, (sha256, size) in hashes.items())
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def pinned(files: Iterable[File]) -> str:
    """Return a revision for files of a bucket, which has none: a hash over paths, sizes and ETags."""
    lines = sorted(f"{file.version} {file.size} {file.path}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:40]


def _matches(path: str, patterns: Sequence[str], *, has_code: bool) -> bool:
    if patterns:
        return _is_named(path, patterns)
    if path.lower().endswith(CODE):
        return has_code
    return _is_named(path, DEFAULT_PATTERNS) and not path.lower().endswith(NEVER_BY_DEFAULT)


def _is_named(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def _wrong(file: File) -> str:
    """Return why the file cannot be written below a directory, or nothing."""
    segments = file.path.split("/")
    if any(segment in ("", ".", "..") for segment in segments):
        return "it would lie outside of the directory"
    if segments[0] in RESERVED:
        return "the fetcher keeps that name for itself"
    if not file.path.isprintable() or "\\" in file.path:
        return "it has characters that no file may have"
    if len(file.path.encode()) > LONGEST_PATH or any(len(one.encode()) > LONGEST_NAME for one in segments):
        return "it is too long"
    return "" if 0 <= file.size <= MOST_BYTES else "its size is no size"


def _parents(path: str) -> list[str]:
    """Return the path and the directories above it, from the top."""
    segments = path.split("/")
    return ["/".join(segments[:count]) for count in range(1, len(segments) + 1)]


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _some(files: Sequence[File]) -> str:
    names = ", ".join(failures.printable(path, SOME) for path in sorted(file.path for file in files)[:3])
    return f"it has {names}" if names else "it holds nothing"


def _refused(source: str, path: str, why: str) -> failures.Failure:
    told = f"{failures.shown(source)} has a file {failures.shown(path)!r}, but {why}"
    return failures.Failure(failures.REFUSED, told, "leave it out by model.files")
