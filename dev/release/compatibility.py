"""Whether the resource of this tree may follow the last release's: `python -m dev.release.compatibility [FILE]`, `make crd`.

The CRD of the last release is the one of its tag in git, or the FILE. A change that a release may not make passes only where the
changelog of the coming release tells it, in the words "`spec.the.field` is narrowed".
"""

import pathlib
import re
import subprocess
import sys
from typing import Any

import yaml

from dev import paths, progress
from dev.release import crd_changes, version

CRD = "crds/modeldeployments.yaml"
NONE_BEFORE = "No release came before: there is nothing to compare the resource with."
SAME = "The resource is that of {}."


def last(root: pathlib.Path = paths.ROOT) -> str:
    """Return the tag of the last release that the tree came from, "" where there is none; the tree's own is not meant."""
    tags = _git(root, "tag", "--list", "v*", "--merged", "HEAD", "--no-contains", "HEAD").split()
    versions = [tag[1:] for tag in tags if re.fullmatch(version.NUMBER, tag[1:])]
    return f"v{max(versions, key=version.order)}" if versions else ""


def changes(before: dict[str, Any], root: pathlib.Path = paths.ROOT) -> list[crd_changes.Change]:
    """Return how the tree's CRD differs from an earlier one."""
    return crd_changes.compare(before, yaml.safe_load((root / CRD).read_text()))


def released(tag: str, root: pathlib.Path = paths.ROOT) -> dict[str, Any]:
    """Return the CRD of a tag."""
    found: dict[str, Any] = yaml.safe_load(_git(root, "show", f"{tag}:{CRD}"))
    return found


def report(found: list[crd_changes.Change], since: str) -> str:
    """Return the changes as a part of the release's notes."""
    if not found:
        return SAME.format(since)
    lines = [f"- {change.kind}: `{change.path or 'the object'}` {change.what}" for change in found]
    return "\n".join([f"The resource since {since}:", "", *lines])


def forbidden(found: list[crd_changes.Change], told: str) -> list[crd_changes.Change]:
    """Return the changes that a release may not make and whose path the changelog does not name as narrowed."""
    refused = [change for change in found if change.kind == crd_changes.REFUSED]
    return [change for change in refused if f"`{change.path}` is narrowed" not in told]


def checked(root: pathlib.Path = paths.ROOT, file: pathlib.Path | None = None) -> str:
    """Return the report of the tree. Raises `progress.Failure` where it has what a release may not do."""
    since = str(file or last(root))
    if not since:
        return NONE_BEFORE
    found = changes(yaml.safe_load(file.read_text()) if file else released(since, root), root)
    wrong = forbidden(found, version.coming(root))
    if wrong:
        named = "; ".join(f"{change.path} {change.what}" for change in wrong)
        raise progress.Failure(
            f"the resource no longer takes what that of {since} takes ({named})",
            "undo it, make a new API version, or tell it in the changelog: docs/release.md",
        )
    return report(found, since)


def _git(root: pathlib.Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise progress.Failure(
            f"`git {words[0]}` failed ({done.stderr.strip()[-200:]})", "clone the repository, with tags"
        )
    return done.stdout


def main(arguments: list[str]) -> int:
    """Print how the resource changed."""
    progress.say(checked(file=pathlib.Path(arguments[0]) if arguments and arguments[0] else None))
    return 0


if __name__ == "__main__":
    sys.exit(progress.exit_on_failure(lambda: main(sys.argv[1:])))
