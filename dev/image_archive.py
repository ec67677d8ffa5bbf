"""Image archives as files: their names, their sizes, what lies in them, and which of them are deleted.

Knows nothing of how an image is made. An archive lies at FOLDER/<image>-<key>.tar, beside a note of its sizes, which are
measured once since compressing takes half a minute a gigabyte.
"""

import dataclasses
import json
import pathlib
import tarfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any

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


def identity(archive: pathlib.Path) -> str:
    """Return the SHA-256 digest of the image's configuration, by which engines know the image."""
    with tarfile.open(archive) as outer:
        return pathlib.PurePath(_manifest(outer)["Config"]).stem.rpartition(":")[2]


def members(archive: pathlib.Path) -> Iterator[tarfile.TarInfo]:
    """Yield what the layers of an image hold, one after the other."""
    with tarfile.open(archive) as outer:
        for layer in _layers(outer):
            yield from layer


def files(archive: pathlib.Path, is_wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each wanted file of an image."""
    with tarfile.open(archive) as outer:
        for layer in _layers(outer):
            for member in layer:
                path = member.name.removeprefix("./")
                stream = layer.extractfile(member) if member.isfile() and is_wanted(path) else None
                if stream:
                    yield path, stream.read()


def _manifest(outer: tarfile.TarFile) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_extracted(outer, "manifest.json").read())[0]
    return found


def _layers(outer: tarfile.TarFile) -> Iterator[tarfile.TarFile]:
    for name in _manifest(outer)["Layers"]:
        with tarfile.open(fileobj=_extracted(outer, name)) as layer:
            yield layer


def _extracted(outer: tarfile.TarFile, name: str) -> IO[bytes]:
    found = outer.extractfile(name)
    if found is None:
        raise progress.Failure(f"{outer.name!r} is no image: {name} is no file", "delete it, then build it again")
    return found


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
