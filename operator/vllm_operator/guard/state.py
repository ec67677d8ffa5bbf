"""What a guard says: which version of the live configuration it has, how often it refused one, and what became of its engine.

The text comes from a pod, which may send anything: each line is read for itself, so the time grows with the length of the text
and with nothing else, and what is taken out of it is short.
"""

from __future__ import annotations

import dataclasses
import re

from vllm_operator.guard import watch

_LINE = re.compile(
    r"^envoy_http_rds_(?P<name>version_text|update_rejected|update_failure)"
    r"\{(?P<labels>[^}\n]*)\} (?P<number>[0-9]{1,15})$",
    re.MULTILINE,
)
_VERSION = re.compile(r'text_value="([0-9A-Za-z_.-]{1,64})"')


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """`version`: as `guard.rendered` returns it, "" before the first. `rejected`: configurations refused since its start.

    `stalls`: those of the engine since then; None where there was none.
    """

    version: str
    rejected: int
    stalls: watch.Stalls | None = None


def state(stats: str, stalls: str = "") -> State:
    """Return what the text of `guard.STATS_PATH` says, and its header `stalls`.

    A type that it does not know Envoy cannot read, and calls it a failure.
    """
    version, rejected = "", 0
    for line in _LINE.finditer(stats):
        if line["name"] != "version_text":
            rejected += int(line["number"])
        elif found := _VERSION.search(line["labels"]):
            version = found[1]
    return State(version, rejected, watch.stalls(stalls))
