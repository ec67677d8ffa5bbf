"""How far the fetch is: bytes, speed, time left, and what holds it up. No clock and no network: `now` comes in, in seconds."""

import collections
from typing import Any

WINDOW = 15.0
"""Seconds over which the speed is measured."""


class Progress:
    """The one state that the workers write and /progress reads."""

    def __init__(self, now: float) -> None:
        self.revision = ""
        self.digest = ""
        self.size = 0
        self.fetched = 0
        self.files = 0
        self.whole = 0
        self.begun = self.last_byte = now
        self.reason = ""
        self.message = ""
        self._samples = collections.deque([(now, 0)])
        self._read = 0

    def found(self, size: int, fetched: int, files: int, whole: int) -> None:
        """Note another listing: its bytes and files, and how many of each are there already."""
        self.size += size
        self.fetched += fetched
        self.files += files
        self.whole += whole

    def read(self, count: int, now: float) -> None:
        """Note that `count` more bytes came."""
        self.fetched += count
        self._read += count
        self.last_byte = now
        self.reason = self.message = ""
        self._samples.append((now, self._read))
        self._forget(now)

    def dropped(self, count: int) -> None:
        """Note that `count` bytes were wrong, and do not count any more."""
        self.fetched -= count

    def held_up(self, reason: str, message: str) -> None:
        """Note what holds the fetch up, until the next byte."""
        self.reason, self.message = reason, message

    def speed(self, now: float) -> int:
        """Return the bytes of a second, over the last seconds."""
        self._forget(now)
        since, before = self._samples[0]
        return int((self._read - before) / max(now - since, 1.0))

    @property
    def seconds(self) -> int:
        """Return in what time all came that has come until now; 0 where nothing has."""
        return int(self.last_byte - self.begun)

    def report(self, now: float) -> dict[str, Any]:
        """Return what /progress answers; `secondsLeft` is 0 while nothing comes."""
        speed = self.speed(now)
        return {
            "revision": self.revision,
            "digest": self.digest,
            "bytes": self.size,
            "fetched": self.fetched,
            "bytesPerSecond": speed,
            "seconds": self.seconds,
            "secondsLeft": (self.size - self.fetched) // speed if speed else 0,
            "files": f"{self.whole}/{self.files}",
            "reason": self.reason,
            "message": self.message,
        }

    def _forget(self, now: float) -> None:
        """Keep the last sample that is older than the window, to measure from."""
        while len(self._samples) > 1 and self._samples[1][0] <= now - WINDOW:
            self._samples.popleft()
