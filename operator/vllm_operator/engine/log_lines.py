"""What of an engine's log may be looked at for a cause: lines of failures, without what a client or a Secret said. Pure.

A log holds requests, prompts and arguments too. vLLM writes those at the level INFO or WARNING, or from the process that serves
HTTP; once a server has answered, only what its engine and workers say is looked at, which know tokens' numbers and no text.
"""

import re

_PROCESS = r"\((?P<process>\w+) pid=\d+\) ?"
_LEVEL = r"(?P<level>[A-Z]{4,8})(?: [\d-]+ [\d:]+ \[[^\]]*\] ?|:\s)"
_BEGINNING = re.compile(rf"(?:{_PROCESS})?(?:{_LEVEL})?")
_CUT = re.compile(r"\w{0,20} ?(?:pid=)?\d*\) (?:[A-Z]{4,8} [\d-]+ [\d:]+ \[[^\]]*\] ?)?")
"""A first line whose beginning the kubelet has cut off."""
LONGEST = 2000
"""In characters: what of a line is looked at, so that no pattern takes long."""
HARMLESS = ("DEBUG", "INFO", "WARNING")
ENGINE = re.compile(r"(?:EngineCore|VllmWorker|Worker|RayWorker)\w*$")
_DUMP = re.compile(
    r"Dumping (?:input data|scheduler)|SchedulerOutput\(|NewRequestData\(|Received request|prompt(?:_token_ids)?[:=]"
)
_QUOTED = re.compile(r",? input_value=.*")
_SECRET = re.compile(
    r"\b(?:sk-|hf_|ghp_|xox[bp]-)[\w-]{6,}|\bAKIA[A-Z0-9]{12,}|\beyJ[\w-]{10,}[.][\w.-]+|(?<=://)[^/\s@]+(?=@)"
    r"|(?<=[Bb]earer )[^\s'\",]+|(?i:(?<=key[=:])|(?<=token[=:])|(?<=secret[=:])|(?<=password[=:]))[^\s&'\",]+"
    r"|(?<=X-Amz-Signature=)\w+"
)
HIDDEN = "(hidden)"


def failures(text: str, *, has_served: bool) -> str:
    """Return the lines of a log that speak of failures, without their processes' names.

    `has_served`: a client may have sent something before the log ended.
    """
    kept = (_kept(line[:LONGEST], has_served=has_served) for line in text.splitlines())
    return "\n".join(line for line in kept if line is not None)


def plain(text: str) -> str:
    """Return a termination message without the names of processes, which is the end of a log and begins anywhere."""
    first, newline, rest = text.partition("\n")
    return failures(f"{_CUT.sub('', first, count=1) if _CUT.match(first) else first}{newline}{rest}", has_served=False)


def shown(text: str) -> str:
    """Return `text` without what looks like a key, and without the values that pydantic quotes."""
    return _SECRET.sub(HIDDEN, _QUOTED.sub("", text).removesuffix(" [type=value_error"))


def _kept(line: str, *, has_served: bool) -> str | None:
    found = _BEGINNING.match(line)
    process, level = (found["process"], found["level"]) if found else (None, None)
    if level in HARMLESS or _DUMP.search(line):
        return None
    if has_served and not (process and ENGINE.match(process)):
        return None
    return line[found.end() :] if found else line
