"""What is never told of others' words: what looks like a key or a password, and the values that pydantic quotes. Pure.

The patterns hide too much rather than too little. Their time grows by the square of a text's length, so no
more than LONGEST of it is told.
"""

import re

HIDDEN = "(hidden)"
LONGEST = 2000
"""In characters: more of a text is not told."""
_OF_PYDANTIC = re.compile(r",? ?\[type=\w+, input_value=.*")
_NAME = (
    r"(?i:(?<=[a-z_-])keys?|(?<=['\"])key(?=['\"])|\bkey(?=[=:]\S)|key[_-]?(?:pair[_-]?)?id|token|secret|passw(?:or)?d"
    r"|passphrase|pwd|credentials?|authorization|cookie|signature|\bsig)"
)
_OPTION = r"(?<![\w-])--[\w-]{0,60}(?:key|token|secret|password|credentials?)"
_VARIABLE = r"(?<=[A-Z_])(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS)\b"
_SEPARATOR = r"""(?:[\\'"]{0,3}\s*=\s*|[\\'"]{0,3}:\s*|[\\'"]{1,3}\s*:\s*(?=[\\'"]))"""
_PROSE = (
    "unexpected|failed|get|post|head|invalid|missing|unable|not|no|the|a|an|is|are|was|has|must|to|or|and|in|for|error|context"
    "|dial|cannot|could|expired|environment|variable"
)
_NO_PROSE = rf"(?:(?<=[=:])|(?!\d{{3}} [A-Z])(?!(?i:{_PROSE})(?![^\s:,.])))"
"""What follows a name after a space may go on with the sentence."""
_VALUE = (
    r"(?:[bru]{0,2}(?:\\?'[^']*'?|\\?\"[^\"]*\"?)|\w{0,20}\([^)]*\)?|\[[^\]]*\]?|\{[^}]*\}?"
    r"|(?:(?:Basic|Bearer|Token|Digest)\s+)?[^\s&,;'\"})\]]+)"
)
_SECRETS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?P<kept>\binput_value=).*",
        r"(?P<kept>)-----BEGIN [A-Z ]*PRIVATE KEY[\s\S]*",
        r"(?P<kept>(?<!\bhf)(?<!\bs3)(?<!\bgs)(?<!\bpvc)://)\S+(?=@)",
        r"(?P<kept>://)[^\s/@]+(?=@)",
        r"(?P<kept>(?i:%3A%2F%2F))\S+(?=@|%40)",
        r"(?P<kept>://[^\s?'\"]*[?])[^\s'\"]+",
        rf"(?P<kept>{_OPTION}: ).*",
        rf"(?P<kept>{_OPTION} ){_NO_PROSE}{_VALUE}",
        rf"(?P<kept>{_VARIABLE}\s+){_NO_PROSE}{_VALUE}",
        rf"(?P<kept>{_NAME}{_SEPARATOR}){_NO_PROSE}{_VALUE}",
        r"(?P<kept>(?i:password|passphrase) is )(?!not\b|required|missing|empty|invalid|wrong|incorrect|too)[^\s;,]+",
        r"(?P<kept>\b[Bb]earer )[^\s'\",]+",
        r"(?P<kept>\bBasic )[\w+/=]{8,}",
        r"(?P<kept>\b)(?:sk-|hf_|gh[pousr]_|github_pat_|glpat-|gsk_|xox[abpr]-|nvapi-|dckr_pat_)[\w-]{6,}",
        r"(?P<kept>\b)(?:(?:AKIA|ASIA)[A-Z0-9]{12,}|AIza[\w-]{30,}|eyJ[\w-]{10,}[.][\w.-]+)",
    )
)
"""Addresses with a name and a password, or with a query, which may be signed; values of what is named like a key; keys."""


def shown(text: str) -> str:
    """Return the beginning of `text`, without what looks like a key, and without the values that pydantic quotes."""
    told = _OF_PYDANTIC.sub("", text[:LONGEST])
    for pattern in _SECRETS:
        told = pattern.sub(rf"\g<kept>{HIDDEN}", told)
    return told
