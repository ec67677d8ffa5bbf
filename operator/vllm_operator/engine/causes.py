"""What an ended engine said -> the cause that an admin should fix.

cause_rows.py has the table, log_lines.py what is looked at. Where several rows match, the first of the table is the one to fix.
Where none does, the last sentence that vLLM itself said is the message: never an address, a frame or a line of a source. Must not
know what a pod is.
"""

import re
import urllib.parse
from collections.abc import Sequence
from typing import NamedTuple

from vllm_operator.engine import cause_rows, log_lines
from vllm_operator.kube import shorten


class Cause(NamedTuple):
    """`reason` for the STATUS column, `message` in words with the remedy at its end."""

    reason: str
    message: str

    @property
    def is_known(self) -> bool:
        """Tell whether a row of the table has it, and all that it can tell."""
        return self.reason != UNKNOWN and self.message != cause_rows.UNNAMED


UNKNOWN = "EngineFailed"
"""The reason where no row of the table matches."""

CUT_BYTES = 2000
"""A termination message of this length or more has lost its beginning: the kubelet hands over the last 2,048 bytes of the log."""
LONGEST = 512
"""In characters: the longest sentence of vLLM's that is told."""
_SENTENCE = re.compile(
    r"(?:[\w.]*(?:Error|Exception)|[a-z]\w*(?:\.\w+)+|Value error)[:,] +\S|vllm(?: serve)?: error: \S"
)
_NO_CAUSE = re.compile(
    r"Traceback|\W*$|https?://|For (?:further information visit|more information check)|During handling of|"
    r"The above exception|(?:\w+[.])*(?:KeyboardInterrupt|SystemExit|CancelledError|EngineDeadError)\b|"
    r"RuntimeError: cancelled$|.*(?:Engine core initialization failed|validation errors? for \w+$|EngineCore encountered|"
    r"[Ss]ee (?:root cause|stack trace)|Warning: )"
)
_CODE = re.compile(
    r"(?:raise|return|await|yield|with|async|for|while|if|elif|else|try|except|finally|def|class|import|from|assert|del|self|super)\b"
    r"|[\w.\[\], ]+ [-+*/|]?= \S|[\w.]+\(|.*[(,\[{]$|.*\", line \d+"
)


def cause(words: str, adapters: Sequence[str] = ()) -> Cause | None:
    """Return the cause that `words`, a termination message, speak of; None where they say nothing.

    `adapters`: the names of the server's, of which vLLM often does not say which one it refuses.
    """
    plain = log_lines.plain(words)
    whole = plain if len(words.encode()) < CUT_BYTES else plain.partition("\n")[2]
    return _known(plain, adapters) or _unknown(_errors(whole) or _others(whole))


def of_log(text: str, adapters: Sequence[str] = (), *, has_served: bool = False) -> Cause | None:
    """Return the cause that the end of a log speaks of; `has_served`: a client may have sent something before it ended."""
    kept = log_lines.failures(text, has_served=has_served)
    return _known(kept, adapters) or _unknown(_errors(kept))


def _known(plain: str, adapters: Sequence[str]) -> Cause | None:
    for row in cause_rows.CAUSES:
        if found := re.search(row.pattern, plain):
            groups = (urllib.parse.unquote(group or "") for group in found.groups())
            return _told(row.reason, row.message.format(*groups, adapter=_one_of(adapters)))
    return None


def _unknown(lines: list[str]) -> Cause | None:
    return _told(UNKNOWN, lines[-1]) if lines else None


def _told(reason: str, message: str) -> Cause:
    return Cause(reason, shorten.to_characters(log_lines.shown(message), LONGEST))


def _one_of(adapters: Sequence[str]) -> str:
    """Return how one of the adapters is called that is not named."""
    if len(adapters) == 1:
        return f"the adapter {adapters[0]}"
    return f"one of the adapters {', '.join(adapters)}" if adapters else "an adapter"


def _errors(plain: str) -> list[str]:
    """Return the lines that name an error."""
    found = (line.strip() for line in plain.splitlines())
    return [line for line in found if _SENTENCE.match(line) and not _NO_CAUSE.match(line)]


def _others(plain: str) -> list[str]:
    """Return the lines that are neither code nor an address."""
    found = (line.rstrip() for line in plain.splitlines())
    return [line for line in found if not line.startswith(" ") and not _NO_CAUSE.match(line) and not _CODE.match(line)]
