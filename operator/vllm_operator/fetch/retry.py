"""How long to pause before the same request again, and how long a server asks to be left alone. Pure."""

import email.utils
import re
from collections.abc import Mapping
from datetime import UTC, datetime

FIRST, LONGEST = 1.0, 60.0
LONGEST_ASKED = 600.0
GIVE_UP = 600.0
"""Seconds without a byte after which the fetch ends."""
RATE_LIMIT = re.compile(r'(?a)"[^"]*"\s*;\s*r=0\s*;\s*t=(\d{1,6})')
"""The hub's own header: `RateLimit: "resolvers";r=0;t=55`."""


def pause(attempt: int, asked: float, chance: float) -> float:
    """Return the seconds to wait before try `attempt` (from 1); `asked`: what the server asked for; `chance`: 0 to 1.

    The jitter only adds to what was asked, so nobody comes too soon, and many that were refused together come apart.
    """
    if asked > 0:
        return min(asked, LONGEST_ASKED) * (1 + chance / 4)
    grown = min(FIRST * 2.0 ** min(attempt - 1, 10), LONGEST)
    return grown * (0.5 + chance / 2)


def asked(headers: Mapping[str, str], now: datetime) -> float:
    """Return the seconds that an answer asks to wait for, by Retry-After (seconds or a date) or RateLimit; 0 for none."""
    said = headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return min(float(said[:9]), LONGEST_ASKED)
    if said and (until := _date(said)):
        return min(max((until - now).total_seconds(), 0.0), LONGEST_ASKED)
    match = RATE_LIMIT.search(headers.get("RateLimit", ""))
    return min(float(match[1]) + 1, LONGEST_ASKED) if match else 0.0


def _date(said: str) -> datetime | None:
    try:
        found = email.utils.parsedate_to_datetime(said)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
