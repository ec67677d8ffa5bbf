"""Steps with elapsed time, and failures that name the cause and the remedy.

`step("building etcd")` prints the step, a line of progress every few seconds while it lasts, and its time at the end.
`Failure` is the only exception that reaches the user: one line, no traceback.
"""

import contextlib
import errno
import pathlib
import sys
import threading
import time
from collections.abc import Callable, Iterator

PROGRESS_SECONDS = 15.0
TELLING = 0.05
"""The share of a work that tells how long the rest takes."""


class Failure(Exception):  # noqa: N818 - it is what the user reads, not a programming error
    """A step that cannot go on: `cause` in the user's words and `remedy`, what to do about it."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"{cause}: {remedy}")
        self.cause = cause
        self.remedy = remedy


def say(text: str) -> None:
    """Print one line at once, also when the output is a pipe."""
    print(text, flush=True)  # noqa: T201 - the one place that prints


@contextlib.contextmanager
def step(title: str, progress: Callable[[], str] | None = None) -> Iterator[None]:
    """Announce `title`, report progress while the body runs, and print the elapsed seconds at its end."""
    started = time.monotonic()
    over = threading.Event()
    say(f"==> {title}")
    reporter = threading.Thread(target=_report, args=(over, started, progress), daemon=True)
    reporter.start()
    try:
        yield
    finally:
        over.set()
        reporter.join()
    say(f"    {title}: done in {time.monotonic() - started:.1f} s")


def left(done: int, total: int, seconds: float) -> str:
    """Return about how long the rest takes, judged by `done` of `total` in `seconds`; empty while too little is done to tell."""
    if not total or not TELLING <= done / total <= 1:
        return ""
    rest = seconds * (total - done) / done
    return f", about {rest / 60:.0f} min left" if rest >= 90 else ", about a minute left"  # noqa: PLR2004 - 1.5 min


def _report(over: threading.Event, started: float, progress: Callable[[], str] | None) -> None:
    while not over.wait(PROGRESS_SECONDS):
        detail = f" ({progress()})" if progress else ""
        say(f"    … {time.monotonic() - started:.0f} s{detail}")


def exit_on_failure(main: Callable[[], int]) -> int:
    """Run `main`; a `Failure`, a full disk and Ctrl-C become one line on stderr and exit status 1."""
    try:
        return main()
    except Failure as failure:
        return _ended(str(failure))
    except KeyboardInterrupt:
        return _ended("interrupted: run it again, it goes on where it was")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return _ended(f"the disk is full ({error.filename}): free some space, then run it again")


def _ended(words: str) -> int:
    sys.stderr.write(f"error: {' '.join(words.split())}\n")
    return 1


def write_whole(path: pathlib.Path, text: str) -> None:
    """Write a file at once or not at all: a killed run leaves the one before."""
    half = path.with_suffix(".half")
    half.write_text(text)
    half.replace(path)
