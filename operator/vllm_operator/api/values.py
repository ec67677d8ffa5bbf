"""Texts of the resource that stand for values: durations, moments and quantities; the form that the schema admits, and the value.

Nothing here computes a number of unbounded size, whatever the text is.
"""

import datetime as dt
import functools
import re

DURATION = "([0-9]+[hms])+"
"""Such as 90s or 1h30m; the schema allows 16 characters."""
MOMENT = (
    "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?"
    "(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
)
"""An RFC 3339 time without leap seconds, at an offset that is in use: Go takes +24:00 too, which others do not."""
QUANTITY = "[+]?([0-9]{1,18}([.][0-9]{0,9})?|[.][0-9]{1,9})([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?"
"""A quantity of bounded size: isQuantity() of the API server takes 1e800000, which takes seconds to compute."""
LARGEST_QUANTITY = 2**63 - 1

UNITS = {"h": 3600, "m": 60, "s": 1}
_STORED_MOMENT = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)([.,]\d+)?(Z|(?P<sign>[+-])(?P<hours>[01]\d|2[0-4]):(?P<minutes>[0-5]\d|60))",
    re.ASCII,
)
"""What any version of the schema has admitted, offsets of 24 hours and 60 minutes among it."""


def seconds(duration: str) -> int:
    """Return the seconds of a duration such as `1h30m`; raise ValueError where it is none."""
    if re.fullmatch(DURATION, duration) is None:
        raise ValueError("write a duration such as 90s, 30m or 1h30m")
    return sum(int(number) * UNITS[unit] for number, unit in re.findall("([0-9]+)([hms])", duration))


def unix(moment: str) -> int:
    """Return the unix seconds of an RFC 3339 time without the fraction; raise ValueError where it is none."""
    found = _STORED_MOMENT.fullmatch(moment.upper())
    if found is None:
        raise ValueError("write a moment such as 2027-01-31T12:00:00Z")
    ahead = int(found["hours"] or 0) * 3600 + int(found["minutes"] or 0) * 60
    at = int(dt.datetime.fromisoformat(f"{found['time']}+00:00").timestamp())
    return at + ahead if found["sign"] == "-" else at - ahead


@functools.lru_cache(maxsize=1024)
def moment(unix_seconds: float) -> str:
    """Return unix seconds as an RFC 3339 time in UTC."""
    return dt.datetime.fromtimestamp(unix_seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_quantity(text: str) -> bool:
    """Tell whether `text` has the form of a quantity that the schema admits."""
    return re.fullmatch(QUANTITY, text) is not None
