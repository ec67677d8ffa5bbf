"""The alternatives of a regular expression, for tests that want a sample of each."""

from collections.abc import Iterator


def of(pattern: str) -> list[str]:
    """Return what stands between the bars of `pattern` that are in no group."""
    parts = [""]
    for token, is_bar in _tokens(pattern):
        parts = [*parts, ""] if is_bar else [*parts[:-1], parts[-1] + token]
    return parts


def _tokens(pattern: str) -> Iterator[tuple[str, bool]]:
    """Yield the characters, an escaped one with its backslash, and whether each is a bar in no group and in no set."""
    depth, in_set, rest = 0, False, iter(pattern)
    for one in rest:
        token = one + next(rest, "") if one == "\\" else one
        if token == "]":
            in_set = False
        elif not in_set:
            in_set = token == "["
            depth += (token == "(") - (token == ")")
        yield token, token == "|" and not depth and not in_set
