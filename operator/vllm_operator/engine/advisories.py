"""Published weaknesses of vLLM that clients reach through the guard, and the version that closes each.

A version is read from the image's tag: an image of one's own may tell none, or another thing by it. Must not refuse anything.
"""

import re
from typing import NamedTuple

Version = tuple[int, int, int]
"""Such as (0, 33, 0)."""


class Advisory(NamedTuple):
    """`name` as published; `closed_by`: the first version without it; `effect`: what a client can do, "" where not known."""

    name: str
    closed_by: Version
    effect: str = ""


ADVISORIES = (
    Advisory("CVE-2026-105757", (0, 30, 0), "a structured output ends the engine"),
    Advisory("CVE-2026-105760", (0, 30, 0), "one video costs the engine much work"),
    Advisory("PYSEC-2026-4325", (0, 30, 0), "requests fill the metrics with labels"),
    Advisory("CVE-2026-115911", (0, 32, 0), "a request brings its own chat template"),
    Advisory("GHSA-5r3c-5x4v-8gjh", (0, 33, 0)),
)
FLOOR = max(one.closed_by for one in ADVISORIES)
"""The newest version that closes one of them."""

_TAG = re.compile(r"v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:(?:[-_+]|\.post).*)?")
OWN_MAJORS = range(2)
"""vLLM's own; others tag its images by year."""


def version_of(image: str) -> Version | None:
    """Return the version that the tag of an image of vLLM tells; None for one that tells none, such as a digest or `latest`."""
    repository, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    found = _TAG.fullmatch(tag)
    if "vllm" not in repository or found is None or int(found[1]) not in OWN_MAJORS:
        return None
    return int(found[1]), int(found[2]), int(found[3] or 0)


def open_in(version: Version) -> tuple[Advisory, ...]:
    """Return the weaknesses that a version has, the latest to be closed first."""
    return tuple(sorted((one for one in ADVISORIES if version < one.closed_by), key=lambda one: one.closed_by)[::-1])


def text(version: Version) -> str:
    """Return a version as vLLM writes it."""
    return ".".join(map(str, version))
