"""What stops a fetch: a reason that a status can show, what happened, and the remedy. Pure.

Failure              the fetch ends; whoever started it tries again later
└── Transient        the same request is worth another try: `wait` seconds were asked for, or 0

No message holds a token, a signed URL or text of more than MOST characters. What happened is shortened where it is long, and the
remedy never for its sake.
"""

import errno

UNAUTHORIZED = "SourceUnauthorized"
GATED = "SourceGated"
SOURCE_NOT_FOUND = "SourceNotFound"
REVISION_NOT_FOUND = "RevisionNotFound"
RATE_LIMITED = "SourceRateLimited"
DISK_FULL = "DiskFull"
WRONG_DIGEST = "WrongDigest"
UNREACHABLE = "SourceUnreachable"
SOURCE_EMPTY = "SourceEmpty"
REFUSED = "SourceRefused"
UNWRITABLE = "VolumeNotWritable"
ADAPTER_REJECTED = "AdapterRejected"

REASONS = (
    UNAUTHORIZED, GATED, SOURCE_NOT_FOUND, REVISION_NOT_FOUND, RATE_LIMITED, DISK_FULL, WRONG_DIGEST, UNREACHABLE, SOURCE_EMPTY,
    REFUSED, UNWRITABLE, ADAPTER_REJECTED,
)  # fmt: skip

MOST = 600
HALF = MOST // 2 - 2
"""In characters: the most of what happened, and of the remedy."""
SHOWN = 100
"""In characters: the most that a message shows of a source, a host or a file."""
FULL = (errno.ENOSPC, errno.EDQUOT)


class Failure(Exception):  # noqa: N818 - a reason of a status, which no caller may mistake for a defect
    """`reason` is one of the words above; `told` is what happened, `remedy` what to do; `message` is one sentence of both."""

    def __init__(self, reason: str, told: str, remedy: str) -> None:
        self.reason, self.told, self.remedy = reason, told, remedy
        self.message = f"{printable(told, HALF)}: {printable(remedy, HALF)}."
        super().__init__(f"{reason}: {self.message}")


class Transient(Failure):
    """A failure that may pass by itself; `wait`: the seconds for which the server asked."""

    def __init__(self, reason: str, told: str, remedy: str, wait: float = 0.0) -> None:
        super().__init__(reason, told, remedy)
        self.wait = wait


def printable(text: str, limit: int) -> str:
    """Return `text` in one line of at most `limit` characters, without what is not printed."""
    line = "".join(character if character.isprintable() else " " for character in text[: 4 * limit])
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def shown(text: str) -> str:
    """Return `text` as a message shows it: of a long one the beginning and the end."""
    line = printable(text, len(text))
    return line if len(line) <= SHOWN else f"{line[: SHOWN // 2]}…{line[1 - SHOWN // 2 :]}"


def of_volume(error: OSError, directory: str, enlarge: str) -> Failure:
    """Return what an error of the volume means; `enlarge`: what to do where it is full."""
    if error.errno in FULL:
        return Failure(DISK_FULL, f"The volume of {directory} is full", enlarge)
    said = error.strerror or "input or output failed"
    remedy = "let the pods' user write to it, or use another one"
    return Failure(UNWRITABLE, f"The volume of {directory} cannot be written ({said})", remedy)
