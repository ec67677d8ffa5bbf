"""What is published is made from a clean tree at the tag of its version. The clone is a small one."""

import pathlib
import subprocess
from collections.abc import Callable

import pytest

from dev import progress
from dev.release import readiness, signing

Change = Callable[[pathlib.Path], None]


def git(folder: pathlib.Path, *words: str) -> None:
    names = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.com")
    subprocess.run(["git", *names, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path: pathlib.Path) -> pathlib.Path:
    """A clone at the tag of its version."""
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3 (2026-12-01)\n\n- All.\n")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    git(tmp_path, "tag", "v1.2.3")
    return tmp_path


def commit(folder: pathlib.Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Change")


def say_more(folder: pathlib.Path) -> None:
    file = folder / "CHANGELOG.md"
    file.write_text(file.read_text().replace("# Changelog\n", "# Changelog\n\n## Unreleased\n\n- More.\n"))


def forget(folder: pathlib.Path) -> None:
    (folder / "CHANGELOG.md").write_text("# Changelog\n")


def change(folder: pathlib.Path) -> None:
    (folder / "new").touch()


def test_a_clean_tree_at_its_tag_may_be_published(clone: pathlib.Path) -> None:
    readiness.must_be(clone)


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (commit, r"no tag v1\.2\.3"),
        (change, "has changes"),
        (say_more, "section Unreleased"),
        (forget, r"no section 1\.2\.3"),
    ],
)
def test_another_may_not(clone: pathlib.Path, spoil: Change, cause: str) -> None:
    spoil(clone)
    with pytest.raises(progress.Failure, match=cause):
        readiness.must_be(clone)


def test_a_release_for_others_needs_a_key_of_ones_own(tmp_path: pathlib.Path) -> None:
    with pytest.raises(progress.Failure, match="COSIGN_KEY"):
        signing.named(pathlib.Path(), "", tmp_path)


def test_the_time_of_a_release_is_that_of_its_commit(clone: pathlib.Path) -> None:
    assert readiness.commit_time(clone) == readiness.commit_time(clone) > 0


def test_no_clone_is_said(tmp_path: pathlib.Path) -> None:
    with pytest.raises(progress.Failure, match="no clone"):
        readiness.commit_time(tmp_path)
