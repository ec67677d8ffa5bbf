"""Lengths of time for people: 12s, 3m12s, 2h05m. Pure."""

HOUR, MINUTE = 3600, 60


def told(seconds: float) -> str:
    """Return a length of time; a negative one is none."""
    whole = max(0, int(seconds))
    if whole >= HOUR:
        return f"{whole // HOUR}h{whole % HOUR // MINUTE:02}m"
    return f"{whole // MINUTE}m{whole % MINUTE}s" if whole >= MINUTE else f"{whole}s"
