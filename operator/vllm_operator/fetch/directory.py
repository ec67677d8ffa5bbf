"""One source's directory on the volume: lock, manifest, journal, partial files, finished files, the mark that all is whole.

    <path of each file>     renamed into place when its hash was right
    .complete               JSON, renamed into place last: whoever sees it finds all files whole
    .fetch/manifest         JSON: source, revision and files: a later start goes on with these, and asks nobody for newer ones
    .fetch/journal          what is on the disk for good (plan.py)
    .fetch/part-N           file N while it is fetched
    .fetch/lock             held (flock) by the fetcher that writes; the kernel frees it with the process

Every open starts at the directory and follows no symbolic link, so nothing that lies there leads outside. Knows no network.
Raises OSError as the volume does.
"""

import contextlib
import errno
import fcntl
import json
import os
import pathlib
import stat
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from vllm_operator.fetch import failures, listing

OWN = ".fetch"
COMPLETE = ".complete"
MANIFEST, JOURNAL, LOCK = "manifest", "journal", "lock"
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Manifest(NamedTuple):
    """What the directory is to hold, and what it was asked for."""

    source: str
    patterns: tuple[str, ...]
    listing: listing.Listing


class Directory:
    """A directory that belongs to one source. Use as a context manager."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._opened: list[int] = []

    def __enter__(self) -> Self:
        """Make and open what is needed."""
        pathlib.Path(self.path).mkdir(parents=True, exist_ok=True)
        self._root = self._keep(os.open(self.path, _DIRECTORY))
        self._own = self._keep(_subdirectory(self._root, OWN))
        return self

    def __exit__(self, *_: object) -> None:
        """Close all, which frees the lock."""
        while self._opened:
            os.close(self._opened.pop())

    def lock(self) -> bool:
        """Take the lock; False while another has it. A volume without locks is taken as it is."""
        descriptor = os.open(LOCK, _WRITE, 0o664, dir_fd=self._own)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            if error.errno not in NO_LOCKS:
                os.close(descriptor)
                raise
        self._keep(descriptor)
        return True

    def manifest(self) -> Manifest | None:
        """Return what an earlier start wrote; None where there is none that can be read."""
        return _manifest(self._own)

    def start(self, manifest: Manifest) -> None:
        """Write the manifest, and forget what was there of another one."""
        for name in os.listdir(self._own):  # noqa: PTH208 - of a descriptor
            if name != LOCK:
                os.unlink(name, dir_fd=self._own)
        found = {
            "source": manifest.source,
            "patterns": manifest.patterns,
            "revision": manifest.listing.revision,
            "files": manifest.listing.files,
        }
        self._replace(self._own, MANIFEST, json.dumps(found))

    def journal(self) -> str:
        """Return the journal."""
        return _text(self._own, JOURNAL)

    def note(self, line: str) -> None:
        """Append a line to the journal; the line before may have been cut."""
        descriptor = os.open(JOURNAL, _WRITE | os.O_APPEND, 0o664, dir_fd=self._own)
        try:
            torn = os.fstat(descriptor).st_size and os.pread(descriptor, 1, os.fstat(descriptor).st_size - 1) != b"\n"
            os.write(descriptor, ("\n" if torn else "").encode() + line.encode())
        finally:
            os.close(descriptor)

    def part(self, index: int) -> int:
        """Return a descriptor of the partial file, which the caller closes."""
        return os.open(f"part-{index}", _WRITE, 0o664, dir_fd=self._own)

    def part_size(self, index: int) -> int:
        """Return the size of the partial file; -1 where there is none."""
        return _size(self._own, f"part-{index}")

    def drop(self, index: int) -> None:
        """Remove the partial file."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"part-{index}", dir_fd=self._own)

    def place(self, index: int, path: str) -> None:
        """Rename the partial file to its path, which may have been done before."""
        with self._parent(path) as (parent, name), contextlib.suppress(FileNotFoundError):
            os.rename(f"part-{index}", name, src_dir_fd=self._own, dst_dir_fd=parent)
            os.fsync(parent)

    def size(self, path: str) -> int:
        """Return the size of a finished file; -1 where there is none."""
        return _size_below(self._root, path)

    def free(self) -> int:
        """Return the bytes that the volume has left for us."""
        found = os.fstatvfs(self._root)
        return found.f_bavail * found.f_frsize

    def complete(self, about: dict[str, Any]) -> None:
        """Mark the directory as whole."""
        self._replace(self._root, COMPLETE, json.dumps(about))

    def reopen(self) -> None:
        """Take the mark away: a file is not as it was."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(COMPLETE, dir_fd=self._root)

    @contextlib.contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        *above, name = path.split("/")
        descriptor = os.dup(self._root)
        try:
            for segment in above:
                descriptor, upper = _subdirectory(descriptor, segment), descriptor
                os.close(upper)
            yield descriptor, name
        finally:
            os.close(descriptor)

    def _replace(self, directory: int, name: str, text: str) -> None:
        descriptor = os.open("new", _WRITE | os.O_TRUNC, 0o664, dir_fd=self._own)
        try:
            os.truncate(descriptor, 0)
            with os.fdopen(descriptor, "w", closefd=False) as file:
                file.write(text)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename("new", name, src_dir_fd=self._own, dst_dir_fd=directory)
        os.fsync(directory)

    def _keep(self, descriptor: int) -> int:
        self._opened.append(descriptor)
        return descriptor


def finished(path: str) -> dict[str, Any] | None:
    """Return what `.complete` says where every file of the manifest has its size; None otherwise. Writes nothing."""
    try:
        with _opened(os.open(path, _DIRECTORY)) as root, _opened(os.open(OWN, _DIRECTORY, dir_fd=root)) as own:
            about = json.loads(_text(root, COMPLETE) or "null")
            manifest = _manifest(own)
            if not isinstance(about, dict) or manifest is None:
                return None
            return about if all(_size_below(root, one.path) == one.size for one in manifest.listing.files) else None
    except (OSError, ValueError):
        return None


def sync(descriptor: int) -> None:
    """Bring what was written to the disk; a file system that cannot is believed."""
    try:
        os.fdatasync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise


def _subdirectory(parent: int, name: str) -> int:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o775, dir_fd=parent)
    return os.open(name, _DIRECTORY, dir_fd=parent)


@contextlib.contextmanager
def _opened(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _text(directory: int, name: str) -> str:
    try:
        descriptor = os.open(name, _READ, dir_fd=directory)
    except FileNotFoundError:
        return ""
    with os.fdopen(descriptor, errors="replace") as file:
        return file.read()


def _size(directory: int, name: str) -> int:
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return -1
    return found.st_size if stat.S_ISREG(found.st_mode) else -1


def _size_below(root: int, path: str) -> int:
    *above, name = path.split("/")
    descriptor = os.dup(root)
    try:
        for segment in above:
            descriptor, upper = os.open(segment, _DIRECTORY, dir_fd=descriptor), descriptor
            os.close(upper)
        return _size(descriptor, name)
    except (FileNotFoundError, NotADirectoryError):
        return -1
    finally:
        os.close(descriptor)


def _manifest(own: int) -> Manifest | None:
    try:
        found = json.loads(_text(own, MANIFEST) or "null")
        files = listing.checked([listing.File(*one) for one in found["files"]], "the manifest")
        return Manifest(found["source"], tuple(found["patterns"]), listing.Listing(found["revision"], files))
    except (ValueError, TypeError, KeyError, failures.Failure):
        return None
