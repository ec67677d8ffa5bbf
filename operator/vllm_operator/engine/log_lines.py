"""What of an engine's log may be looked at for a cause: lines of failures. Pure.

A log holds requests, prompts and arguments too. vLLM writes those at the level INFO or WARNING, or from the process that serves
HTTP; once a server has answered, only what its engine and workers say is looked at. Their errors may quote a client's text, of
which causes.py tells nothing.
"""

import re

_PROCESS = r"\((?P<process>\w+) pid=\d+\) ?"
_LEVEL = r"(?P<level>[A-Z]{4,8})(?: [\d-]+ [\d:]+ \[[^\]]*\] ?|:\s)"
_BEGINNING = re.compile(rf"(?:{_PROCESS})?(?:{_LEVEL})?")
_CUT = re.compile(r"\w{0,20} ?(?:pid=)?\d*\) (?:[A-Z]{4,8} [\d-]+ [\d:]+ \[[^\]]*\] ?)?")
"""A first line whose beginning the kubelet has cut off."""
CUT_BYTES = 2000
"""A termination message of this length or more has lost its beginning: the kubelet hands over the last 2,048 bytes of the log."""
LONGEST = 2000
"""In characters: what of a line is looked at, so that no pattern takes long."""
HARMLESS = ("DEBUG", "INFO", "WARNING")
ENGINE = re.compile(r"(?:EngineCore|VllmWorker|Worker|RayWorker)\w*$")
_DUMP = re.compile(
    r"Dumping (?:input data|scheduler)|SchedulerOutput\(|NewRequestData\(|Received request|prompt(?:_token_ids)?[:=]"
)


def failures(text: str, *, has_served: bool) -> str:
    """Return the lines of a log that speak of failures, without their processes' names.

    `has_served`: a client may have sent something before the log ended. Then only what an engine's process wrote is kept, and a
    line ends where the process ended it: a client may send other characters that end lines.
    """
    lines = text.split("\n") if has_served else text.splitlines()
    kept = (_kept(line[:LONGEST], has_served=has_served) for line in lines)
    return "\n".join(line for line in kept if line is not None)


def plain(text: str, *, has_served: bool) -> str:
    """Return a termination message without the names of processes, which is the end of a log and begins anywhere.

    `has_served`: as above; what a cut first line begins with may then be a client's, so it is left out.
    """
    first, newline, rest = text.partition("\n")
    if has_served:
        return failures(rest if is_cut(text) else text, has_served=True)
    return failures(f"{_CUT.sub('', first, count=1) if _CUT.match(first) else first}{newline}{rest}", has_served=False)


def is_cut(text: str) -> bool:
    """Tell whether a termination message has lost its beginning."""
    return len(text.encode()) >= CUT_BYTES


def _kept(line: str, *, has_served: bool) -> str | None:
    found = _BEGINNING.match(line)
    process, level = (found["process"], found["level"]) if found else (None, None)
    if level in HARMLESS or _DUMP.search(line):
        return None
    if has_served and not (process and ENGINE.match(process)):
        return None
    return line[found.end() :] if found else line
