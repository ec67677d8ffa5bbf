"""The project's images: what each is made from, its name, its archive in the cache, and its size.

`build(name)` returns the path of a docker archive in `paths.IMAGES`, named by a hash of everything that goes into the
image; it is built only if it is not there. Knows nothing about how an engine builds (dev/engines.py) nor about the
machine's package indexes (dev/indexes.py).
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import pathlib
import sys
import tarfile
import zlib
from collections.abc import Iterator, Sequence

from dev import engines, indexes, paths, steps

PREFIX = "localhost/vllm-operator"
SOURCES = paths.ROOT / "images"
FORMAT = "1"  # raise it when the way of building changes, so that every archive is made anew
KEPT = 2  # archives of one image: this one and the one before
READ = 1 << 20
INPUTS = {  # image -> what its Containerfile takes from the work tree, beside its own folder
    "pause": (),
    "operator": ("operator/vllm_operator", "requirements/operator.txt"),
    "guard": (),
    "vllm-cpu": (),
}
DEBIAN = SOURCES / "base" / "debian.sh"
BASE = "base"  # the root file system that stands in for the upstream base image


@dataclasses.dataclass(frozen=True)
class Listed:
    """One built image: its reference, its archive, and its size in bytes as it lies there and compressed by gzip."""

    name: str
    reference: str
    archive: pathlib.Path
    uncompressed: int
    compressed: int


def names() -> list[str]:
    """Return the images that exist in the work tree, in the order in which they are built."""
    return [name for name in INPUTS if containerfile(name).is_file()]


def reference(name: str) -> str:
    """Return the name under which the image is loaded; its tag changes with its contents."""
    return f"{PREFIX}/{name}:{key(name)}"


def archive(name: str) -> pathlib.Path:
    """Return where the archive of the image as it now stands lies, or would lie."""
    return paths.IMAGES / f"{name}-{key(name)}.tar"


def containerfile(name: str) -> pathlib.Path:
    """Return the recipe of an image."""
    return SOURCES / name / "Containerfile"


def key(name: str) -> str:
    """Return the hash of all that goes into the image: recipe, files, base."""
    if name not in INPUTS and name != BASE:
        raise steps.Failure(f"there is no image {name!r}", f"choose from {', '.join(INPUTS)}")
    digest = hashlib.sha256(f"{FORMAT} {name}\n".encode())
    roots = [SOURCES / name, SOURCES / BASE, *(paths.ROOT / entry for entry in INPUTS.get(name, ()))]
    roots = [DEBIAN] if name == BASE else roots
    for file in sorted({file for root in roots for file in _files(root)}):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(paths.ROOT)} {file.stat().st_mode & 0o111:o} {content}\n".encode())
    return digest.hexdigest()[:16]


def build(name: str) -> pathlib.Path:
    """Return the archive of the image, built now if it is not there yet. Raises `steps.Failure`."""
    wanted = archive(name)
    if wanted.is_file():
        return wanted
    with _alone():
        if not wanted.is_file():
            _build(name, wanted)
    return wanted


def listing() -> list[Listed]:
    """Return the images whose archives are there, with their sizes."""
    return [_listed(name) for name in names() if archive(name).is_file()]


def main(argv: Sequence[str]) -> int:
    """Build the named images, or all, and print name, reference and sizes."""
    chosen = list(argv) or names()
    for name in chosen:
        build(name)
    for image in listing():
        if image.name in chosen:
            megabytes = f"{image.uncompressed / 1e6:7.1f} MB ({image.compressed / 1e6:.1f} MB compressed)"
            steps.say(f"{image.name:10} {megabytes:40} {image.reference}")
    return 0


def _build(name: str, wanted: pathlib.Path) -> None:
    engine = engines.choose()
    log = paths.ARTIFACTS / "images" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with steps.step(f"image {name}, by {engine.name}", lambda: _last_line(log)), log.open("w") as output:
        partial = wanted.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        with _secrets() as secrets:
            job = engines.Job(
                name=name,
                containerfile=containerfile(name),
                context=paths.ROOT,
                reference=reference(name),
                arguments=_base(engine),
                secrets=secrets,
                archive=partial,
            )
            try:
                engine.build(job, output)
            except steps.Failure as failure:
                raise engines.explain(log, failure) from None
        partial.rename(wanted)
        _prune(name)


def _base(engine: engines.Engine) -> dict[str, str]:
    """Return the argument BASE: none where the upstream image can be had, else our stand-in for it."""
    stand_in = f"{PREFIX}/{BASE}:{key(BASE)}"
    if engine.has(stand_in):
        return {"BASE": stand_in}
    if engines.registry_answers() and engine.pull(upstream_base()):
        return {}
    tree = paths.IMAGES / f"{BASE}-{key(BASE)}.rootfs.tar"
    if not tree.is_file():
        engines.make_base(DEBIAN, tree)
    engine.adopt(tree, stand_in)
    return {"BASE": stand_in}


def upstream_base() -> str:
    """Return the base image that the Containerfiles name."""
    lines = containerfile("pause").read_text().splitlines()
    return next(line.removeprefix("ARG BASE=") for line in lines if line.startswith("ARG BASE="))


@contextlib.contextmanager
def _secrets() -> Iterator[dict[str, pathlib.Path]]:
    """Yield the files that carry this machine's index settings into a build, and remove them afterwards."""
    settings = engines.STORE / "tmp" / "settings"
    settings.touch(mode=0o600)
    settings.write_text(indexes.settings())
    bundle = indexes.certificates()
    try:
        yield {"settings": settings} | ({"ca": bundle} if bundle else {})
    finally:
        settings.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the one lock of image building; a second builder waits."""
    paths.IMAGES.mkdir(parents=True, exist_ok=True)
    with (paths.IMAGES / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _files(root: pathlib.Path) -> Iterator[pathlib.Path]:
    found = [root] if root.is_file() else root.rglob("*")
    return (file for file in found if file.is_file() and "__pycache__" not in file.parts)


def _prune(name: str) -> None:
    """Delete all but the newest archives of an image, with their notes."""
    found = sorted(_archives(name), key=lambda file: file.stat().st_mtime, reverse=True)
    for old in found[KEPT:]:
        old.unlink()
        old.with_suffix(".json").unlink(missing_ok=True)


def _archives(name: str) -> list[pathlib.Path]:
    length = len(f"{name}-.tar") + len(key(name))
    return [file for file in paths.IMAGES.glob(f"{name}-*.tar") if len(file.name) == length]


def _listed(name: str) -> Listed:
    file = archive(name)
    note = file.with_suffix(".json")
    if not note.is_file():
        with steps.step(f"measuring the image {name}"):
            note.write_text(json.dumps(_sizes(file)))
    sizes = json.loads(note.read_text())
    return Listed(name, reference(name), file, sizes["uncompressed"], sizes["compressed"])


def _sizes(file: pathlib.Path) -> dict[str, int]:
    """Return the bytes of all layers, plain and as gzip would make them for a registry."""
    plain, packed = 0, 0
    with tarfile.open(file) as outer:
        for member in outer:
            stream = outer.extractfile(member) if member.isfile() else None
            if stream is None:
                continue
            squeeze = zlib.compressobj(6, wbits=31)
            while block := stream.read(READ):
                plain += len(block)
                packed += len(squeeze.compress(block))
            packed += len(squeeze.flush())
    return {"uncompressed": plain, "compressed": packed}


def _last_line(log: pathlib.Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    return lines[-1].strip()[:100] if lines else ""


if __name__ == "__main__":
    sys.exit(steps.exit_on_failure(lambda: main(sys.argv[1:])))
