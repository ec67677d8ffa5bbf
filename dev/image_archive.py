"""Image archives as files: their names, their sizes, and which of them are deleted.

Knows nothing of how an image is made. An archive lies at FOLDER/<image>-<key>.tar, beside a note of its sizes, which are
measured once since compressing takes half a minute a gigabyte.
"""

import dataclasses
import json
import pathlib
import tarfile
import zlib

from dev import progress

KEPT = 2  # archives of one image: the newest and the one before
BLOCK = 1 << 20
LEVEL = 6  # gzip's own, and what engines push with
GZIP = 31  # zlib's window bits for it


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Bytes of all layers of an archive: as they lie there, and as gzip makes them for a registry."""

    uncompressed: int
    compressed: int


def path(folder: pathlib.Path, image: str, key: str) -> pathlib.Path:
    """Return where the archive of `image` lies, whose contents have the hash `key`."""
    return folder / f"{image}-{key}.tar"


def sizes(archive: pathlib.Path) -> Sizes:
    """Return the sizes of an archive, measured if no note of them is there."""
    note = archive.with_suffix(".json")
    if not note.is_file():
        progress.write_whole(note, json.dumps(dataclasses.asdict(_measure(archive))))
    return Sizes(**json.loads(note.read_text()))


def prune(folder: pathlib.Path, image: str, key: str) -> None:
    """Delete all but the newest archives of `image`, with their notes; `key` says how long a hash is."""
    found = folder.glob(path(folder, image, "[0-9a-f]" * len(key)).name)
    for old in sorted(found, key=lambda file: file.stat().st_mtime, reverse=True)[KEPT:]:
        old.unlink()
        old.with_suffix(".json").unlink(missing_ok=True)


def _measure(archive: pathlib.Path) -> Sizes:
    plain = packed = 0
    with tarfile.open(archive) as outer:
        for member in outer:
            stream = outer.extractfile(member) if member.isfile() else None
            if stream is None:
                continue
            squeeze = zlib.compressobj(LEVEL, wbits=GZIP)
            while block := stream.read(BLOCK):
                plain += len(block)
                packed += len(squeeze.compress(block))
            packed += len(squeeze.flush())
    return Sizes(plain, packed)
