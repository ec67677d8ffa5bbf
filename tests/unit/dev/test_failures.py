"""What goes wrong reaches the user as one line, and what was written whole stays whole."""

import errno
import pathlib

import pytest

from dev import progress


def fail(error: BaseException) -> int:
    raise error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            progress.Failure("helm failed: line one\nline two", "see the log"),
            "error: helm failed: line one line two: see the log",
        ),
        (KeyboardInterrupt(), "error: interrupted: run it again, it goes on where it was"),
        (OSError(errno.ENOSPC, "full", "/x"), "error: the disk is full (/x): free some space, then run it again"),
    ],
)
def test_a_failure_is_one_line(capsys: pytest.CaptureFixture[str], error: BaseException, words: str) -> None:
    assert progress.exit_on_failure(lambda: fail(error)) == 1
    assert capsys.readouterr().err == f"{words}\n"


def test_another_error_is_a_bug_and_is_shown_whole() -> None:
    with pytest.raises(OSError, match="odd"):
        progress.exit_on_failure(lambda: fail(OSError(errno.EIO, "odd")))


@pytest.mark.parametrize(
    ("done", "seconds", "words"),
    [
        (0, 30, ""),
        (4, 30, ""),
        (10, 60, ", about 9 min left"),
        (50, 240, ", about 4 min left"),
        (90, 600, ", about a minute left"),
        (100, 600, ", about a minute left"),
        (101, 600, ""),
    ],
)
def test_what_is_left_of_a_hundred_is_told_by_what_is_done(done: int, seconds: float, words: str) -> None:
    assert progress.left(done, 100, seconds) == words


def test_nothing_is_told_of_an_unknown_amount() -> None:
    assert progress.left(10, 0, 60) == ""


def test_a_file_is_replaced_whole(tmp_path: pathlib.Path) -> None:
    progress.write_whole(tmp_path / "note.json", "{}")
    assert [path.name for path in tmp_path.iterdir()] == ["note.json"]
