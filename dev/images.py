"""The project's images: what each is made from, its name, its archive in the cache, and its size.

`build(name)` returns the path of a docker archive in `paths.IMAGES`, named by a hash of everything that goes into the
image; it is built only if it is not there. Knows nothing about how an engine builds (dev/image_builders.py), about archives as
files (dev/image_archive.py) or about the machine's package indexes (dev/indexes.py).
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import pathlib
import re
import sys
from collections.abc import Iterator, Sequence

from dev import build_logs, image_archive, image_builders, indexes, paths, progress

PREFIX = "localhost/vllm-operator"
SOURCES = paths.ROOT / "images"
FORMAT = "2"  # raise it when the way of building changes, so that every archive is made anew
KEY = 16  # digits of a hash
INPUTS = {  # image -> what its Containerfile takes from the work tree, beside its own folder
    "pause": (),
    "operator": ("images/base", "operator/vllm_operator", "requirements/operator.txt"),
    "guard": ("images/base",),
    "vllm-cpu": ("images/base",),
}
ARCHITECTURES = {
    "operator": ("amd64", "arm64")
}  # what an image is published for; of others this machine's own is enough
BASE = "base"  # the root file system that stands in for the upstream base image …
DEBIAN = SOURCES / BASE / "debian.sh"  # … and what makes it


@dataclasses.dataclass(frozen=True)
class Listed:
    """One built image: its name, its reference, its archive, and its sizes in bytes."""

    name: str
    reference: str
    archive: pathlib.Path
    sizes: image_archive.Sizes


def names() -> list[str]:
    """Return the images, in the order in which they are built."""
    return list(INPUTS)


def reference(name: str, architecture: str = "") -> str:
    """Return the name under which the image is loaded; its tag changes with its contents.

    The guard's tells the version of Envoy, as upstream's does: without it the operator takes it for the oldest.
    """
    version = f"{_version(name)}-" if name == "guard" else ""
    return f"{PREFIX}/{_variant(name, architecture)}:{version}{key(name)}"


def _version(name: str) -> str:
    """Return the version that an image's recipe labels it with."""
    found = re.search(r'image\.version="([^"]+)"', containerfile(name).read_text())
    if not found:
        raise progress.Failure(
            f"{containerfile(name)} has no version", "label it with org.opencontainers.image.version"
        )
    return found[1]


def archive(name: str, architecture: str = "") -> pathlib.Path:
    """Return where the archive of the image as it now stands lies, or would lie."""
    return image_archive.path(paths.IMAGES, _variant(name, architecture), key(name))


def containerfile(name: str) -> pathlib.Path:
    """Return the recipe of an image."""
    return SOURCES / name / "Containerfile"


def upstream_base() -> str:
    """Return the base image that the Containerfiles name."""
    lines = containerfile("pause").read_text().splitlines()
    return next(line.removeprefix("ARG BASE=") for line in lines if line.startswith("ARG BASE="))


def key(name: str) -> str:
    """Return the hash of all that goes into the image: recipe, files, base."""
    if name not in INPUTS:
        raise progress.Failure(f"there is no image {name!r}", f"choose from {', '.join(INPUTS)}")
    return _hash(DEBIAN, SOURCES / name, *(paths.ROOT / entry for entry in INPUTS[name]))


def build(name: str, architecture: str = "") -> pathlib.Path:
    """Return the archive of the image, for this machine or another architecture, built now if it is not there yet.

    Raises `progress.Failure`.
    """
    if not archive(name, architecture).is_file():
        with alone():
            while not (wanted := archive(name, architecture)).is_file():
                _build(name, architecture or image_builders.native(), wanted)
    return archive(name, architecture)


def listing(chosen: Sequence[str] = ()) -> list[Listed]:
    """Return the images, or the chosen ones, whose archives are there."""
    found = [(name, archive(name)) for name in chosen or names()]
    return [Listed(name, reference(name), file, image_archive.sizes(file)) for name, file in found if file.is_file()]


def main(argv: Sequence[str]) -> int:
    """Build the named images, or all, and print name, reference and sizes."""
    for name in argv or names():
        build(name)
    with progress.step("measuring what is new"):
        listed = listing(argv)
    for image in listed:
        plain, packed = image.sizes.uncompressed / 1e6, image.sizes.compressed / 1e6
        progress.say(f"{image.name:10}{plain:8.1f} MB, {packed:6.1f} MB compressed   {image.reference}")
    return 0


def _variant(name: str, architecture: str) -> str:
    """Return the image's name with the architecture behind it where that is not this machine's own."""
    return f"{name}-{architecture}" if architecture not in ("", image_builders.native()) else name


def _build(name: str, architecture: str, wanted: pathlib.Path) -> None:
    """Build the image into `wanted`, unless its files change meanwhile: then what was built has no name."""
    engine = image_builders.choose()
    variant = _variant(name, architecture)
    log = paths.ARTIFACTS / "images" / f"{variant}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    arguments = _base(engine)
    partial = wanted.with_suffix(".partial")
    for old in (partial, log):
        old.unlink(missing_ok=True)
    title = f"image {variant}, by {engine.name}"
    with progress.step(title, lambda: build_logs.how_far(log)), _secrets() as secrets:
        job = image_builders.Job(
            name=variant, architecture=architecture, containerfile=containerfile(name), context=paths.ROOT,
            reference=reference(name, architecture), arguments=arguments, secrets=secrets, archive=partial, log=log,
        )  # fmt: skip
        engine.build(job)
    if archive(name, architecture) == wanted:
        partial.rename(wanted)
        image_archive.prune(paths.IMAGES, variant, key(name))
    else:
        progress.say(f"    the files of the image {name} changed while it was built: once more")
        partial.unlink()


def _base(engine: image_builders.Engine) -> dict[str, str]:
    """Return the argument BASE: none where the upstream image can be had, else our stand-in for it."""
    stand_in = f"{PREFIX}/{BASE}:{_hash(DEBIAN)}"
    if engine.has(stand_in):
        return {"BASE": stand_in}
    if image_builders.registry_answers() and engine.pull(upstream_base()):
        return {}
    tree = paths.IMAGES / "base.tar"
    with progress.step("the base image, from Debian packages: no registry answers"):
        image_builders.make_base(DEBIAN, tree)
        engine.adopt(tree, stand_in)
    tree.unlink()
    return {"BASE": stand_in}


@contextlib.contextmanager
def _secrets() -> Iterator[dict[str, pathlib.Path]]:
    """Yield the files that carry this machine's index settings into a build, and remove them afterwards."""
    settings = image_builders.STORE / "settings"
    settings.touch(mode=0o600)
    settings.write_text(indexes.settings())
    bundle = indexes.certificates()
    try:
        yield {"settings": settings} | ({"ca": bundle} if bundle else {})
    finally:
        settings.unlink(missing_ok=True)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Hold the one lock of image building; a second builder waits."""
    paths.IMAGES.mkdir(parents=True, exist_ok=True)
    with (paths.IMAGES / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _hash(*roots: pathlib.Path) -> str:
    """Return a hash of the files below `roots`: their paths, whether they are executable, their contents."""
    digest = hashlib.sha256(FORMAT.encode())
    for file in sorted({file for root in roots for file in _files(root)}):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(paths.ROOT)} {file.stat().st_mode & 0o111:o} {content}\n".encode())
    return digest.hexdigest()[:KEY]


def _files(root: pathlib.Path) -> Iterator[pathlib.Path]:
    found = [root] if root.is_file() else root.rglob("*")
    return (file for file in found if file.is_file() and "__pycache__" not in file.parts)


if __name__ == "__main__":
    sys.exit(progress.exit_on_failure(lambda: main(sys.argv[1:])))
