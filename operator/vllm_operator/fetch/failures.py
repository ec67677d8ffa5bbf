"""What stops a fetch: a reason that a status can show, and one sentence with the remedy. Pure.

Failure              the fetch ends; whoever started it tries again later
└── Transient        the same request is worth another try: `wait` seconds were asked for, or 0

No message holds a token, a signed URL or text of more than MOST characters.
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

MOST = 300
FULL = (errno.ENOSPC, errno.EDQUOT)


class Failure(Exception):  # noqa: N818 - a reason of a status, which no caller may mistake for a defect
    """`reason` is one of the words above; `message` is one sentence in at most MOST characters."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        self.message = printable(message, MOST)
        super().__init__(f"{reason}: {self.message}")


class Transient(Failure):
    """A failure that may pass by itself; `wait`: the seconds for which the server asked."""

    def __init__(self, reason: str, message: str, wait: float = 0.0) -> None:
        super().__init__(reason, message)
        self.wait = wait


def printable(text: str, limit: int) -> str:
    """Return `text` in one line of at most `limit` characters, without what is not printed."""
    line = "".join(character if character.isprintable() else " " for character in text[: 4 * limit])
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def of_volume(error: OSError, directory: str) -> Failure:
    """Return what an error of the volume means."""
    if error.errno in FULL:
        return Failure(DISK_FULL, f"The volume of {directory} is full: make it larger (model.cache.size).")
    said = error.strerror or "input or output failed"
    return Failure(
        UNWRITABLE,
        f"The volume of {directory} cannot be written ({said}): let the pods' user write to it, or use another one.",
    )
