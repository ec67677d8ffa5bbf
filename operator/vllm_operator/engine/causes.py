"""What an ended engine said -> the cause that an admin should fix.

cause_rows.py has the table, log_lines.py what is looked at. Where several rows match, the first of the table is the one to fix.
Where none does, the last sentence that vLLM itself said is the message: never an address, a frame or a line of a source.

Once a server has answered, an error may quote what a client sent: then only the causes that can end a server are looked for,
whose messages hold numbers and fixed words, and of another error no more than its type is told. Must not know what a pod is.
"""

import builtins
import re
import urllib.parse
from collections.abc import Sequence
from typing import NamedTuple

from vllm_operator.engine import cause_row, cause_rows, log_lines, redaction, weights_rows
from vllm_operator.kube import shorten


class Cause(NamedTuple):
    """`reason` for the STATUS column, `message` in words with the remedy at its end."""

    reason: str
    message: str

    @property
    def is_known(self) -> bool:
        """Tell whether a row of the table has it, and all that it can tell."""
        return self.reason != UNKNOWN and self.message != weights_rows.UNNAMED


UNKNOWN = "EngineFailed"
"""The reason where no row of the table matches."""

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
_ADDRESS = re.compile(r"(['\"]?)https?://(?:[^\s/'\"]{1,200}@)?([\w.:-]{0,253})[^\s'\"<>)]*\1")
"""An address, of which the host is told."""
_PLACE = re.compile(
    r"(?: (?:at|in|from|File))? ?\"?[\w.+-]{0,80}/[\w./+-]{0,200}[.](?:py|pyx|c|cc|cpp|cu|cuh|h|hpp|inl|rs)\"?"
    r"(?:(?::|, line )\d{1,6}(?::\d{1,6})?|\(\d{1,6}\))(?:, in \w{1,80})?(?:: )?"
)
"""Where in a source something happened."""
_TYPE = re.compile(r"([A-Za-z_.]{1,80})(?:: |$)")
TYPES = frozenset(name for name, one in vars(builtins).items() if isinstance(one, type) and issubclass(one, Exception)) | {
    "torch.OutOfMemoryError", "torch.AcceleratorError", "torch.cuda.OutOfMemoryError", "torch.distributed.DistBackendError",
    "torch.distributed.DistNetworkError", "torch._inductor.exc.InductorError", "zmq.error.ZMQError", "zmq.error.Again",
    "msgspec.DecodeError", "msgspec.ValidationError", "triton.runtime.errors.OutOfResources",
}  # fmt: skip
"""The errors whose type is told of a server that has served: a fixed list, as a client's text may look like another."""
_LOCATION = r"(?:\[[^\]\n]{0,120}\] )?(?:err == 0[.] )?(?:Worker failed with error ')?"
_BEFORE = rf"(?m:^)(?:[\w.]{{1,80}}: ){{0,3}}{_LOCATION}(?:[\w.]{{1,80}}[.])?"
"""What may stand before what is looked for, of a server that has served: what an error quotes comes later in its line."""
OF_SERVERS = tuple(row._replace(pattern=f"{_BEFORE}(?:{row.pattern})") for row in cause_rows.OF_SERVERS)
_CODE = re.compile(
    r"(?:raise|return|await|yield|with|async|for|while|if|elif|else|try|except|finally|def|class|import|from|assert|del|self|super)\b"
    r"|[\w.\[\], ]+ [-+*/|]?= \S|[\w.]+\(|.*[(,\[{]$|.*\", line \d+"
)


def cause(words: str, adapters: Sequence[str] = (), *, has_served: bool = False) -> Cause | None:
    """Return the cause that `words`, a termination message, speak of; None where they say nothing.

    `adapters`: the names of the server's, of which vLLM often does not say which one it refuses. `has_served`: a client may have
    sent something before the server ended.
    """
    plain = log_lines.plain(words, has_served=has_served)
    if has_served:
        return _of_server(plain)
    whole = plain.partition("\n")[2] if log_lines.is_cut(words) else plain
    return _known(plain, adapters) or _unknown(_errors(whole) or _others(whole))


def of_log(text: str, adapters: Sequence[str] = (), *, has_served: bool = False) -> Cause | None:
    """Return the cause that the end of a log speaks of; the other arguments are those of `cause`."""
    kept = log_lines.failures(text, has_served=has_served)
    return _of_server(kept) if has_served else _known(kept, adapters) or _unknown(_errors(kept))


def _of_server(plain: str) -> Cause | None:
    """Return why a server ended that had served."""
    errors = (_TYPE.match(line) for line in plain.split("\n") if not _NO_CAUSE.match(line))
    types = [found[1] for found in errors if found and found[1] in TYPES]
    return _known(plain, (), OF_SERVERS) or _unknown(types)


def _known(plain: str, adapters: Sequence[str], rows: Sequence[cause_row.Row] = cause_rows.CAUSES) -> Cause | None:
    for row in rows:
        if found := re.search(row.pattern, plain):
            groups = (_shown(group or "") for group in found.groups())
            return _told(row.reason, row.message.format(*groups, adapter=_one_of(adapters)))
    return None


def _unknown(lines: list[str]) -> Cause | None:
    """Return what the last error says, of which no row was found in all that was said."""
    if not lines:
        return None
    return _known(lines[-1], (), weights_rows.LAST_WORDS) or _told(UNKNOWN, _without_places(redaction.shown(lines[-1])))


def _without_places(line: str) -> str:
    """Return a line of others without the paths of addresses, and without the places of sources."""
    return _PLACE.sub("", _ADDRESS.sub(r"\2", line)).strip()


def _shown(group: str) -> str:
    """Return what a message may have of a line, such as the name of an adapter, which vLLM writes as a part of a path."""
    return redaction.shown(urllib.parse.unquote(redaction.shown(group)))


def _told(reason: str, message: str) -> Cause:
    return Cause(reason, shorten.to_characters(message, LONGEST))


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
