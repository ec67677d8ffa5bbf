"""What the log of an image's build says: how far it is, and why it failed."""

import pathlib
import re

from dev import paths

AGAIN = "run again: finished parts are kept"
MEMORY = ("memory ran out, or something killed the build", "close other programs, then run again")
MIRROR = ("a Debian mirror is not reached", f"check the network and apt's sources, then {AGAIN}")
INDEX = ("the package index is not reached", f"check the network and the settings of pip and uv, then {AGAIN}")
CAUSES = {  # what the end of a log says -> cause, remedy
    "no space left on device": ("the disk is full", f"free some space for {paths.CACHE}, then run again"),
    "enough free space": ("the disk is full", f"free some space for {paths.CACHE}, then run again"),
    "cannot allocate memory": MEMORY,
    "signal: killed": MEMORY,
    "status 137": MEMORY,
    "failure resolving": MIRROR,
    "unable to fetch": MIRROR,
    "unable to locate package": MIRROR,
    "connection broken": INDEX,
    "dns error": INDEX,
    "error sending request": INDEX,
    "failed to fetch": INDEX,
    "operation not permitted": ("this machine allows no mounts", "run as root, outside an unprivileged container"),
}
STEP = re.compile(r"\bSTEP (\d+)/(\d+):|^#\d+ \[(?:\S+ )?(\d+)/(\d+)\]", re.MULTILINE)
"""How buildah and podman, and how docker, count the steps of a build."""
NOISE = ("Error: ", "error: ", "subprocess exited", "exit status", "time=")  # an engine's words on a command's failure


def last_line(log: pathlib.Path) -> str:
    """Return the last words in a log that say something."""
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    said = (line.strip() for line in reversed(lines))
    return next((line[:120] for line in said if line and not line.startswith(NOISE)), "no output yet")


def how_far(log: pathlib.Path) -> str:
    """Return the step of a build, of how many, and its last words."""
    steps = STEP.findall(log.read_text(errors="replace")) if log.is_file() else []
    counted = [" of ".join(filter(None, step)) for step in steps]
    return f"step {counted[-1]}: {last_line(log)}" if counted else last_line(log)


def cause(log: pathlib.Path, *, is_full: bool) -> tuple[str, str]:
    """Return why the build failed, and what to do about it; `is_full`: hardly any room is left on the disk."""
    end = log.read_text(errors="replace")[-8000:].lower()
    if is_full:
        end = f"{end} no space left on device"
    found = next((known for sign, known in CAUSES.items() if sign in end), None)
    return found or (last_line(log), f"read {log}, then {AGAIN}")
