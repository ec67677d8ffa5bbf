"""The version: one everywhere, set by one command, with a section of the changelog for each."""

import datetime as dt
import itertools
import pathlib
import re
import shutil
import subprocess

import pytest

from dev import paths, progress
from dev.release import version

DAY = dt.date(2026, 12, 1)
NOT_READ = ("requirements/", "dev/go/", "tests/", "CHANGELOG.md")
"""What has versions of others, or earlier ones of ours."""


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of what the version stands in."""
    for file in {version.CHANGELOG, *(file for file, _ in version.PLACES)}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(paths.ROOT / file, tmp_path / file)
    return tmp_path


def changelog(root: pathlib.Path, *names: str) -> None:
    sections = [f"## {name}\n\n- Of {name}.\n" for name in names]
    (root / version.CHANGELOG).write_text("\n".join(["# Changelog\n", *sections]))


def test_the_version_is_the_same_everywhere() -> None:
    assert {one for one in version.stated() if one.version != version.current()} == set()


def test_no_other_file_names_the_version() -> None:
    """A place that nobody has listed would keep the old version."""
    alone = rf"(^|[^0-9.]){re.escape(version.current())}(\.?[^0-9.]|\.?$)"
    command = ["git", "grep", "-lE", alone]
    done = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=True)
    found = {file for file in done.stdout.split() if not file.startswith(NOT_READ)}
    assert found <= {file for file, _ in version.PLACES}


def test_the_newest_section_of_the_changelog_is_that_of_the_version() -> None:
    names = list(version.sections((paths.ROOT / version.CHANGELOG).read_text()))
    released = [name for name in names if name != version.UNRELEASED]
    assert version.UNRELEASED not in names[1:]
    assert released[:1] in ([], [version.current()])
    assert all(version.order(one) > version.order(other) for one, other in itertools.pairwise(released))


def test_versions_are_ordered_as_semantic_versioning_has_it() -> None:
    rising = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
              "1.0.0-rc.9", "1.0.0-rc.10", "1.0.0", "1.0.1-1", "1.0.1-2", "1.0.1-11", "1.0.1-a", "1.0.1"]  # fmt: skip
    assert all(version.order(one) < version.order(other) for one, other in itertools.pairwise(rising))


def test_one_command_sets_all_places(tree: pathlib.Path) -> None:
    changelog(tree, version.UNRELEASED, "0.1.0 (2026-11-01)")
    places = len(version.stated(tree))
    version.bump("0.2.0-rc.1", DAY, tree)
    assert [one.version for one in version.stated(tree)] == ["0.2.0-rc.1"] * places
    assert version.current(tree) == "0.2.0-rc.1"
    assert version.notes("0.2.0-rc.1", tree) == "- Of Unreleased."
    assert "## 0.2.0-rc.1 (2026-12-01)" in (tree / version.CHANGELOG).read_text()


def test_the_first_release_has_the_version_that_the_tree_has(tree: pathlib.Path) -> None:
    changelog(tree, version.UNRELEASED)
    version.bump(version.current(tree), DAY, tree)
    assert version.notes(version.current(tree), tree) == "- Of Unreleased."


@pytest.mark.parametrize(
    ("wanted", "names", "cause"),
    [
        ("two", [version.UNRELEASED], "'two' is no version"),
        ("0.3.0", ["0.2.0"], "no section Unreleased"),
        ("0.2.0", [version.UNRELEASED, "0.2.0"], "does not come after 0.2.0"),
        ("0.2.0-rc.1", [version.UNRELEASED, "0.2.0"], "does not come after 0.2.0"),
        ("0.9.0", [version.UNRELEASED, "0.10.0"], "does not come after 0.10.0"),
        ("0.2.0-rc.9", [version.UNRELEASED, "0.2.0-rc.10"], "does not come after 0.2.0-rc.10"),
    ],
)
def test_a_version_that_cannot_be_the_next_changes_nothing(
    tree: pathlib.Path, wanted: str, names: list[str], cause: str
) -> None:
    changelog(tree, *names)
    with pytest.raises(progress.Failure, match=cause):
        version.bump(wanted, DAY, tree)
    assert version.current(tree) == version.current()


def test_a_release_without_a_section_has_no_notes(tree: pathlib.Path) -> None:
    changelog(tree, version.UNRELEASED)
    with pytest.raises(progress.Failure, match=r"no section 0\.1\.0"):
        version.notes("0.1.0", tree)
