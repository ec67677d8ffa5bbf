"""How an image is built from its Containerfile: docker, podman, or buildah where no engine runs.

Knows commands, stores and mounts of the three; knows nothing about which images there are. Every engine builds the
same Containerfiles and leaves a docker archive, which docker, podman and containerd all read, with plain layers:
compressing them takes longer than all the rest, and a local import only has to undo it. Buildah keeps its store
under the cache directory and runs in a mount namespace of its own, so that a killed build leaves no mount behind.
"""

import contextlib
import dataclasses
import functools
import os
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import IO

from dev import indexes, paths, steps

STORE = paths.CACHE / "buildah"
CACHES = "buildah-cache"  # buildah's own name for the folder of its cache mounts
REGISTRY = "https://registry-1.docker.io/v2/"
UNAUTHORIZED = 401
PACKAGES = "buildah mmdebstrap debian-archive-keyring"
CAUSES = {  # what a log says -> cause, remedy
    "no space left on device": ("the disk is full", f"free some space below {paths.CACHE}, then run again"),
    "Temporary failure resolving": ("a Debian mirror cannot be resolved", "check the network, then run again"),
    "dns error": ("the package index cannot be resolved", "check the network and the index settings, then run again"),
    "Cannot allocate memory": ("memory ran out", "close other programs, then run again"),
    "unshare failed": ("this machine allows no mount namespaces", "run as root, outside an unprivileged container"),
}


@dataclasses.dataclass(frozen=True)
class Job:
    """One image to build: `containerfile` in `context`, to be named `reference` and written to `archive`."""

    name: str
    containerfile: pathlib.Path
    context: pathlib.Path
    reference: str
    arguments: Mapping[str, str]
    secrets: Mapping[str, pathlib.Path]
    archive: pathlib.Path


class Engine:
    """Docker or podman: the same words for both."""

    def __init__(self, command: str) -> None:
        self.name = command

    def run(self, *arguments: str, log: IO[str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run one command of the engine; its output goes to `log`, or is returned."""
        return _run(self.command(*arguments), log)

    def command(self, *arguments: str) -> list[str]:
        """Return the words that run `arguments` with this engine."""
        return [self.name, *arguments]

    def has(self, reference: str) -> bool:
        """Tell whether the engine's store holds `reference`."""
        return self.run("image", "inspect", reference).returncode == 0

    def pull(self, reference: str) -> bool:
        """Fetch `reference` from its registry; False where that does not work."""
        return self.run("pull", reference).returncode == 0

    def adopt(self, tree: pathlib.Path, reference: str) -> None:
        """Make the root file system in the archive `tree` the image `reference`."""
        _check(self.run("import", str(tree), reference), f"importing {reference}")

    def build(self, job: Job, log: IO[str]) -> None:
        """Build `job` and write its archive; the log says how it went."""
        _check(self.run("build", *options(job), str(job.context), log=log), f"building the image {job.name}")
        save = ["save", "--output", str(job.archive), job.reference]
        _check(self.run(*save, log=log), f"saving the image {job.name}")


class Buildah(Engine):
    """Buildah without privileges of a daemon: chroot isolation, everything below `STORE`."""

    def __init__(self) -> None:
        super().__init__("buildah")

    def command(self, *arguments: str) -> list[str]:
        """Return the command in a mount namespace of its own, where /var/lib/containers is not the machine's."""
        store = ["--root", str(STORE / "root"), "--runroot", str(STORE / "run"), "--storage-driver", "overlay"]
        script = 'mount -t tmpfs tmpfs /var/lib && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", script, "sh", self.name, *store, *arguments]

    def has(self, reference: str) -> bool:
        """Tell whether the store holds `reference`."""
        return self.run("inspect", "--type", "image", reference).returncode == 0

    def adopt(self, tree: pathlib.Path, reference: str) -> None:
        """Make the root file system in the archive `tree` the image `reference`."""
        recipe = STORE / "tmp" / "Containerfile.base"
        recipe.write_text(f'FROM scratch\nADD {tree.name} /\nCMD ["sh"]\n')
        words = ["build", *_FLAGS, "--tag", reference, "--file", str(recipe), str(tree.parent)]
        _check(self.run(*words), f"importing {reference}")

    def build(self, job: Job, log: IO[str]) -> None:
        """Build `job`, write its archive, and drop the image again: the archive is what is kept."""
        words = ["build", *_FLAGS, "--pull=never", *_mirrors(), *options(job), str(job.context)]
        _check(self.run(*words, log=log), f"building the image {job.name}")
        target = f"docker-archive:{job.archive}:{job.reference}"
        _check(self.run("push", job.reference, target, log=log), f"saving the image {job.name}")
        self.run("rmi", job.reference, log=log)

    def tidy(self) -> None:
        """Remove what a killed build left behind, but not the caches of its package managers."""
        for left in (STORE / "tmp").glob("*"):
            if left.is_dir() and left.name != CACHES:
                shutil.rmtree(left, ignore_errors=True)
        self.run("rm", "--all")


_FLAGS = ("--isolation", "chroot", "--layers=false", "--format", "oci", "--disable-compression")


def options(job: Job) -> list[str]:
    """Return the options of `build` that all engines share."""
    words = ["--file", str(job.containerfile), "--tag", job.reference]
    for name, value in (dict(job.arguments) | indexes.proxies()).items():
        words += ["--build-arg", f"{name}={value}"]
    for name, source in job.secrets.items():
        words += ["--secret", f"id={name},src={source}"]
    return words


@functools.cache
def choose() -> Engine:
    """Return the engine that runs here: docker, podman, else buildah."""
    for command in ("docker", "podman"):
        if shutil.which(command) and _run([command, "info"]).returncode == 0:
            return Engine(command)
    missing = [tool for tool in ("buildah", "mmdebstrap", "unshare") if not shutil.which(tool)]
    if missing:
        cause = f"no container engine runs here, and {', '.join(missing)} is missing"
        raise steps.Failure(cause, f"apt-get install {PACKAGES}, or start docker or podman")
    if os.geteuid() != 0:
        raise steps.Failure("building images with buildah needs root", "run as root, or start docker or podman")
    buildah = Buildah()
    buildah.tidy()
    return buildah


def registry_answers() -> bool:
    """Tell whether the registry of the upstream base image can be reached from here."""
    try:
        with urllib.request.urlopen(REGISTRY, timeout=3):
            return True
    except urllib.error.HTTPError as error:
        return error.code == UNAUTHORIZED
    except OSError:
        return False


def make_base(script: pathlib.Path, tree: pathlib.Path) -> None:
    """Write the root file system that `script` makes to `tree`, from this machine's mirrors if it has its own."""
    partial = tree.with_suffix(".partial.tar")
    words = ["unshare", "--mount", str(script), str(partial), *map(str, indexes.debian_sources())]
    with steps.step("the base image, from Debian packages"):
        _check(_run(words), "making the base image from Debian packages")
    partial.rename(tree)


def explain(log: pathlib.Path, failure: steps.Failure) -> steps.Failure:
    """Return the failure that the end of `log` speaks of, or `failure` with the log's last words."""
    text = log.read_text(errors="replace")[-20000:]
    for sign, (cause, remedy) in CAUSES.items():
        if sign.lower() in text.lower():
            return steps.Failure(f"{failure.cause}: {cause}", remedy)
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no output")
    return steps.Failure(f"{failure.cause}: {last[-200:]}", f"read {log}, then run again: finished parts are kept")


def _mirrors() -> list[str]:
    sources = indexes.debian_sources()
    if not sources:
        return []
    folder = STORE / "tmp" / "sources"
    folder.mkdir(exist_ok=True)
    for source in sources:
        shutil.copy(source, folder)
    empty = folder / "empty"
    empty.touch()
    return ["--volume", f"{folder}:/etc/apt/sources.list.d:ro", "--volume", f"{empty}:/etc/apt/sources.list:ro"]


def _run(command: Sequence[str], log: IO[str] | None = None) -> subprocess.CompletedProcess[str]:
    (STORE / "tmp").mkdir(parents=True, exist_ok=True)
    env = os.environ | {"TMPDIR": str(STORE / "tmp"), "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}
    with contextlib.suppress(FileNotFoundError):
        output = log or subprocess.PIPE
        return subprocess.run(command, env=env, stdout=output, stderr=subprocess.STDOUT, text=True, check=False)
    return subprocess.CompletedProcess(list(command), 127, f"{command[0]}: not found")


def _check(done: subprocess.CompletedProcess[str], what: str) -> None:
    if done.returncode != 0:
        said = (done.stdout or "").strip().splitlines()
        raise steps.Failure(f"{what} failed{': ' + said[-1] if said else ''}", "run again: finished parts are kept")
