"""A listing and a journal -> what is there, and which ranges are left. Pure.

The journal has one line for each thing that is on the disk for good:

    have FILE START END     these bytes of a file are written
    done FILE SHA256        the file is whole, and has that hash
    drop FILE               what was said of the file before does not count any more

FILE is the file's place in the manifest. A line that was cut by the end of a process is passed over, like any other that is none.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from vllm_operator.fetch import listing

RANGE = 32 * 1024 * 1024
"""The most bytes that one request asks for."""
LINE = re.compile(r"(?a)(have) (\d{1,9}) (\d{1,16}) (\d{1,16})|(done) (\d{1,9}) ([0-9a-f]{64})|(drop) (\d{1,9})")


class Range(NamedTuple):
    """The bytes from `start` up to, and without, `end`."""

    start: int
    end: int


class Held(NamedTuple):
    """What is on the disk: by file, the ranges in order, which do not touch, and the hash of those that are whole."""

    have: Mapping[int, tuple[Range, ...]]
    done: Mapping[int, str]


def have_line(file: int, written: Range) -> str:
    """Return the line that says that a range is written."""
    return f"have {file} {written.start} {written.end}\n"


def done_line(file: int, sha256: str) -> str:
    """Return the line that says that a file is whole."""
    return f"done {file} {sha256}\n"


def drop_line(file: int) -> str:
    """Return the line that takes all back that was said of a file."""
    return f"drop {file}\n"


def replay(journal: str, files: Sequence[listing.File]) -> Held:
    """Return what the journal says of the files."""
    have: dict[int, tuple[Range, ...]] = {}
    done: dict[int, str] = {}
    for line in journal.splitlines(keepends=True):
        match = LINE.fullmatch(line.removesuffix("\n")) if line.endswith("\n") else None
        if match and int(match[2] or match[6] or match[9]) < len(files):
            _apply(match, files, have, done)
    return Held(have, done)


def merge(ranges: Sequence[Range], new: Range) -> tuple[Range, ...]:
    """Return `ranges` with `new`, in order, those that touch made one."""
    found: list[Range] = []
    for one in sorted([*ranges, new]):
        if found and one.start <= found[-1].end:
            found[-1] = Range(found[-1].start, max(found[-1].end, one.end))
        elif one.end > one.start:
            found.append(one)
    return tuple(found)


def left(size: int, have: Sequence[Range], most: int = RANGE) -> list[Range]:
    """Return the ranges of a file of `size` bytes that are not in `have`, each of `most` bytes at most, in order."""
    bounds = [0, *(bound for one in have for bound in one), size]
    gaps = zip(bounds[::2], bounds[1::2], strict=True)
    return [Range(start, min(start + most, end)) for begin, end in gaps for start in range(begin, end, most)]


def frontier(have: Sequence[Range]) -> int:
    """Return up to where a file is there without a gap from its beginning."""
    return have[0].end if have and have[0].start == 0 else 0


def fetched(files: Sequence[listing.File], held: Held) -> int:
    """Return how many bytes of the files are there."""
    whole = sum(files[index].size for index in held.done)
    parts = (one for index, ranges in held.have.items() if index not in held.done for one in ranges)
    return whole + sum(end - start for start, end in parts)


def waves(files: Sequence[listing.File]) -> tuple[list[int], list[int]]:
    """Return the files in two waves: those whose hash the source does not say, and the rest.

    After the first wave the digest of all is known, so a wrong one is seen before the large files are fetched.
    """
    unknown = [index for index, file in enumerate(files) if not file.sha256]
    known = [index for index, file in enumerate(files) if file.sha256]
    return unknown, known


def expected(files: Sequence[listing.File], done: Mapping[int, str]) -> str:
    """Return the digest of all files, by what was computed and what the source says; nothing while a hash is not known."""
    hashes = {file.path: (done.get(index, file.sha256), file.size) for index, file in enumerate(files)}
    return listing.digest(hashes) if all(sha256 for sha256, _ in hashes.values()) else ""


def needed(files: Iterable[listing.File], held: Held) -> int:
    """Return how many bytes are left."""
    all_files = list(files)
    return sum(file.size for file in all_files) - fetched(all_files, held)


def _apply(
    match: re.Match[str],
    files: Sequence[listing.File],
    have: dict[int, tuple[Range, ...]],
    done: dict[int, str],
) -> None:
    if match[1]:
        index, new = int(match[2]), Range(int(match[3]), int(match[4]))
        if new.start < new.end <= files[index].size:
            have[index] = merge(have.get(index, ()), new)
    elif match[5]:
        done[int(match[6])] = match[7]
    else:
        have.pop(int(match[9]), None)
        done.pop(int(match[9]), None)
