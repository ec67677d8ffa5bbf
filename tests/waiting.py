"""Waiting on conditions with a deadline, and what is printed when it passes."""

import math
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")
SECONDS = 60.0


def until(what: str, holds: Callable[[], T | None], world: Callable[[], object] = str, seconds: float = SECONDS) -> T:
    """Return the first true value of `holds`; at the deadline fail with `what` and the world."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds:.0f} s\n{world()}")
        time.sleep(0.05)
    return found


def metric(url: str, name: str, labels: Mapping[str, str]) -> float:
    """Return the sum of a metric's series that carry `labels`; no number where nothing answers, which equals none."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return math.nan
    wanted = {f'{label}="{value}"' for label, value in labels.items()}
    series = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE)
    return sum(float(value) for found, value in series if wanted <= set(found.split(",")))
