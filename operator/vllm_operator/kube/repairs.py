"""Which fields of which objects were repaired of late, and which too often: somebody else puts another value back each time.

Must not write anything.
"""

from collections.abc import Callable, Iterable

from vllm_operator.kube import kinds

CONTEST_SECONDS, CONTEST_REPAIRS, CONTEST_PAUSE = 60.0, 3, 300.0


class Repairs:
    """The fields by object. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._repairs: dict[kinds.Ref, dict[str, tuple[float, ...]]] = {}

    def contested(self, ref: kinds.Ref) -> frozenset[str]:
        """Return the fields of the object that were repaired too often of late."""
        recent = self._recent(self._repairs.get(ref, {}))
        return frozenset(path for path, times in recent.items() if _is_contested(times))

    def note(self, ref: kinds.Ref, paths: Iterable[str]) -> None:
        """Note that fields were repaired; a repair that failed is none."""
        now, fields = self._clock(), self._repairs.setdefault(ref, {})
        fields |= {path: (*fields.get(path, ()), now) for path in paths}
        recent = {one: self._recent(fields) for one, fields in self._repairs.items()}
        self._repairs = {one: fields for one, fields in recent.items() if fields}

    def _recent(self, fields: dict[str, tuple[float, ...]]) -> dict[str, tuple[float, ...]]:
        """Return when the fields of an object were repaired of late."""
        now = self._clock()
        recent = {path: tuple(at for at in times if now - at < CONTEST_PAUSE) for path, times in fields.items()}
        return {path: times for path, times in recent.items() if times}


def _is_contested(repairs: tuple[float, ...]) -> bool:
    """Tell whether a field was repaired three times within a minute."""
    return len(repairs) >= CONTEST_REPAIRS and repairs[-1] - repairs[-CONTEST_REPAIRS] < CONTEST_SECONDS
