"""What a guard says of itself: the version of the live configuration that it has, and how often it refused one."""

from __future__ import annotations

import dataclasses
import re

_RDS = "envoy_http_rds_"


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """`version`: as `guard.version` names it, "" before the first. `rejected`: configurations refused since its start."""

    version: str
    rejected: int


def state(stats: str) -> State:
    """Return what the text of `guard.STATS_PATH` says. A type that it does not know Envoy cannot read, and calls it a failure."""
    version = re.search(rf'^{_RDS}version_text\{{[^}}]*text_value="([^"]*)"', stats, re.MULTILINE)
    rejected = re.findall(rf"^{_RDS}update_(?:rejected|failure)\{{[^}}]*\}} (\d+)$", stats, re.MULTILINE)
    return State(version[1] if version else "", sum(map(int, rejected)))
