"""Whether the work tree is what a published release is made from. A dry run asks none of it."""

import pathlib
import subprocess

from dev import paths, progress
from dev.release import version


def must_be(root: pathlib.Path = paths.ROOT) -> None:
    """Raise `progress.Failure` where the tree is not a clean one at the tag of its version, with its section in the changelog."""
    wanted = version.current(root)
    version.notes(wanted, root)
    if version.UNRELEASED in version.sections((root / version.CHANGELOG).read_text()):
        raise progress.Failure(
            f"the changelog has a section {version.UNRELEASED}", "run `make bump`, and tag that commit"
        )
    if f"v{wanted}" not in _git(root, "tag", "--points-at", "HEAD").split():
        raise progress.Failure(f"the commit has no tag v{wanted}", f"git tag v{wanted}")
    if _git(root, "status", "--porcelain"):
        raise progress.Failure("the work tree has changes", "commit them, and tag that commit")


def commit_time(root: pathlib.Path = paths.ROOT) -> int:
    """Return the time of the commit (seconds since 1970), so that the same commit gives the same documents."""
    return int(_git(root, "log", "-1", "--format=%ct"))


def _git(root: pathlib.Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise progress.Failure("this is no clone of the repository", "clone it, with its tags")
    return done.stdout.strip()
