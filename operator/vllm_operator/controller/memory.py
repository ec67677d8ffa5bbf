"""How much memory the operator's container may use, as its cgroup (version 2) says, and how much of it objects may take."""

import pathlib
import sys

LIMIT = pathlib.Path("/sys/fs/cgroup/memory.max")

BESIDE = 192 * 2**20
"""Bytes for all but the objects: the process without any (70 MB), lists, and what models are worked on with."""


def for_objects(limit: pathlib.Path = LIMIT) -> int:
    """Return the bytes that objects may take: at least half of the limit; any number where there is none."""
    try:
        most = int(limit.read_text())
    except (OSError, ValueError):  # no cgroup of version 2, or "max"
        return sys.maxsize
    return max(most - BESIDE, most // 2)
