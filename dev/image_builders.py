"""How an image is built from its Containerfile: docker, podman, or buildah where no engine runs.

Knows commands, stores and mounts of the three; knows nothing about which images there are. Every engine builds the
same Containerfiles and leaves a docker archive, which docker, podman and containerd all read, with plain layers:
compressing them takes longer than all the rest, and a local import only has to undo it. Buildah keeps its store
under the cache directory and runs in mount and process namespaces of its own, so that a killed build leaves nothing.
"""

import contextlib
import dataclasses
import functools
import os
import pathlib
import platform
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from dev import build_logs, indexes, paths, progress

STORE = paths.CACHE / "buildah"
CACHES = "buildah-cache"  # buildah's own name for the folder of its cache mounts
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
REGISTRY = "https://registry-1.docker.io/v2/"
TOOLS = ("buildah", "mmdebstrap", "unshare", "setpriv")
PACKAGES = "buildah mmdebstrap debian-archive-keyring"
FULL = 200 << 20  # bytes free below which a failed command is taken to have filled the disk
SMALLEST = 1 << 20  # bytes: no image here is as small as this


@dataclasses.dataclass(frozen=True)
class Job:
    """One image to build: `containerfile` in `context`, for `architecture`, to be named `reference` and written to `archive`."""

    name: str
    architecture: str
    containerfile: pathlib.Path
    context: pathlib.Path
    reference: str
    arguments: Mapping[str, str]
    secrets: Mapping[str, pathlib.Path]
    archive: pathlib.Path
    log: pathlib.Path


class Engine:
    """Docker or podman: the same words for both."""

    def __init__(self, command: str) -> None:
        self.name = command

    def command(self, *words: str) -> list[str]:
        """Return the words that run `words` with this engine."""
        return [self.name, *words]

    def asks(self, *words: str) -> bool:
        """Tell whether a command of the engine succeeds."""
        return _run(self.command(*words)).returncode == 0

    def has(self, reference: str) -> bool:
        """Tell whether the engine's store holds `reference`."""
        return self.asks("image", "inspect", reference)

    def pull(self, reference: str) -> bool:
        """Fetch `reference` from its registry; False where that does not work."""
        return self.asks("pull", reference)

    def adopt(self, tree: pathlib.Path, reference: str) -> None:
        """Make the root file system in the archive `tree` the image `reference`."""
        _must(f"importing {reference}", self.command("import", str(tree), reference))

    def build(self, job: Job) -> None:
        """Build `job` and write its archive. Raises `progress.Failure`."""
        _must(f"building the image {job.name}", self.command("build", *options(job), str(job.context)), job.log)
        save = self.command("save", "--output", str(job.archive), job.reference)
        _must(f"saving the image {job.name}", save, job.log)
        _must_hold(job)


class Buildah(Engine):
    """Buildah, which needs no daemon: chroot isolation, everything below `STORE`."""

    FLAGS = ("--isolation", "chroot", "--layers=false", "--format", "oci", "--disable-compression")
    TRACELESS = """mount -t tmpfs tmpfs /var/lib && "$@"
status=$?
rmdir /run/containers/networks /run/containers 2> /dev/null
exit $status"""
    ALONE = ("setpriv", "--pdeathsig", "KILL", "unshare", "--kill-child", "--fork", "--pid", "--mount", "--mount-proc")

    def __init__(self) -> None:
        super().__init__("buildah")

    def command(self, *words: str) -> list[str]:
        """Return the command in namespaces of its own, where /var/lib/containers is not the machine's."""
        store = ["--root", str(STORE / "root"), "--runroot", str(STORE / "run"), "--storage-driver", "overlay"]
        return [*self.ALONE, "sh", "-c", self.TRACELESS, "sh", self.name, *store, *words]

    def has(self, reference: str) -> bool:
        """Tell whether the store holds `reference`."""
        return self.asks("inspect", "--type", "image", reference)

    def adopt(self, tree: pathlib.Path, reference: str) -> None:
        """Make the root file system in the archive `tree` the image `reference`, the only one in the store."""
        self.asks("rmi", "--all", "--force")
        recipe = STORE / "Containerfile"
        recipe.write_text(f'FROM scratch\nADD {tree.name} /\nCMD ["sh"]\n')
        words = ["build", *self.FLAGS, "--tag", reference, "--file", str(recipe), str(tree.parent)]
        _must(f"importing {reference}", self.command(*words))

    def build(self, job: Job) -> None:
        """Build `job`, write its archive, and drop the image again: the archive is what is kept."""
        self.tidy()
        words = ["build", *self.FLAGS, "--pull=never", *_mirrors(), *options(job), str(job.context)]
        _must(f"building the image {job.name}", self.command(*words), job.log)
        push = self.command("push", job.reference, f"docker-archive:{job.archive}:{job.reference}")
        _must(f"saving the image {job.name}", push, job.log)
        _must_hold(job)
        self.asks("rmi", job.reference)

    def tidy(self) -> None:
        """Remove what a killed build left behind, but not the caches of its package managers."""
        for left in (STORE / "tmp").glob("*"):
            if left.is_dir() and left.name != CACHES:
                shutil.rmtree(left, ignore_errors=True)
        self.asks("rm", "--all")


def options(job: Job) -> list[str]:
    """Return the options of `build` that all engines share."""
    words = ["--file", str(job.containerfile), "--tag", job.reference, "--platform", f"linux/{job.architecture}"]
    own = {"BUILDPLATFORM": f"linux/{native()}"}  # which old buildah and podman do not know
    for name, value in (own | dict(job.arguments) | indexes.proxies()).items():
        words += ["--build-arg", f"{name}={value}"]
    for name, source in job.secrets.items():
        words += ["--secret", f"id={name},src={source}"]
    return words


def native() -> str:
    """Return this machine's architecture in the words of images."""
    machine = platform.machine()
    return ARCHITECTURES.get(machine, machine)


@functools.cache
def choose() -> Engine:
    """Return the engine that runs here: docker, podman, else buildah."""
    for command in ("docker", "podman"):
        if shutil.which(command) and _run([command, "info"]).returncode == 0:
            return Engine(command)
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        cause = f"no container engine runs here, and {', '.join(missing)} is missing"
        raise progress.Failure(cause, f"apt-get install {PACKAGES}, or start docker or podman")
    if os.geteuid() != 0:
        raise progress.Failure("building images with buildah needs root", "run as root, or start docker or podman")
    return Buildah()


def registry_answers() -> bool:
    """Tell whether the registry of the upstream base image can be reached from here."""
    try:
        with urllib.request.urlopen(REGISTRY, timeout=3):
            return True
    except urllib.error.HTTPError as error:
        return error.code == HTTPStatus.UNAUTHORIZED
    except OSError:
        return False


def make_base(script: pathlib.Path, tree: pathlib.Path, *arguments: str) -> None:
    """Write the root file system that `script` makes to `tree`, from this machine's mirrors if it has its own."""
    words = [*Buildah.ALONE, str(script), str(tree), *arguments, *map(str, indexes.debian_sources())]
    _must("making the base image from Debian packages", words)


def _mirrors() -> list[str]:
    """Return the mounts that put this machine's apt sources over the base image's, where it has a mirror."""
    sources = indexes.debian_sources()
    if not sources:
        return []
    folder = STORE / "sources"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for source in sources:
        shutil.copy(source, folder)
    (folder / "empty").touch()
    return ["--volume", f"{folder}:/etc/apt/sources.list.d:ro", "--volume", f"{folder}/empty:/etc/apt/sources.list:ro"]


def _must_hold(job: Job) -> None:
    """Raise `progress.Failure` where the archive holds next to nothing, whatever its builder said, and keep no such archive."""
    if job.archive.stat().st_size < SMALLEST:
        job.archive.unlink()
        raise progress.Failure(f"the image {job.name} came out empty", f"read {job.log}, and report it")


def _must(what: str, command: Sequence[str], log: pathlib.Path | None = None) -> None:
    """Run `command`, its output in `log`; raises the `progress.Failure` that the output speaks of."""
    if log is None:
        log = STORE / "log"
        log.unlink(missing_ok=True)
    if _run(command, log).returncode == 0:
        return
    cause, remedy = build_logs.cause(log, is_full=shutil.disk_usage(paths.CACHE).free < FULL)
    raise progress.Failure(f"{what} failed: {cause}", remedy)


def _run(command: Sequence[str], log: pathlib.Path | None = None) -> subprocess.CompletedProcess[bytes]:
    (STORE / "tmp").mkdir(parents=True, exist_ok=True)
    env = os.environ | {"TMPDIR": str(STORE / "tmp"), "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("ab")) if log else subprocess.DEVNULL
        return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
