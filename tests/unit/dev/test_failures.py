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


def test_a_file_is_replaced_whole(tmp_path: pathlib.Path) -> None:
    progress.write_whole(tmp_path / "note.json", "{}")
    assert [path.name for path in tmp_path.iterdir()] == ["note.json"]
