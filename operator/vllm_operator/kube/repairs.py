"""Which fields of which objects were repaired of late, and which too often: somebody else puts another value back each time.

Must not write anything. What a Secret holds is never left to somebody else.
"""

from collections.abc import Callable, Collection

from vllm_operator.kube import kinds

CONTEST_SECONDS, CONTEST_REPAIRS, CONTEST_PAUSE = 60.0, 3, 300.0


class Repairs:
    """The fields by object. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._repairs: dict[kinds.Ref, dict[str, tuple[float, ...]]] = {}

    def contested(self, ref: kinds.Ref, paths: Collection[str]) -> frozenset[str]:
        """Return those of the fields that were repaired too often of late."""
        recent = self._recent(ref)
        return frozenset(path for path in paths if _is_contested(recent.get(path, ())))

    def note(self, ref: kinds.Ref, paths: Collection[str]) -> None:
        """Note that fields were repaired; a repair that failed is none."""
        if ref.kind == kinds.SECRET.kind:
            return
        recent, now = self._recent(ref), self._clock()
        noted = {path: (*recent.get(path, ()), now) for path in paths}
        self._repairs[ref] = {path: times for path, times in {**recent, **noted}.items() if times}

    def _recent(self, ref: kinds.Ref) -> dict[str, tuple[float, ...]]:
        """Return when fields of the object were repaired of late."""
        now, repairs = self._clock(), self._repairs.get(ref, {})
        return {path: tuple(at for at in times if now - at < CONTEST_PAUSE) for path, times in repairs.items()}


def _is_contested(repairs: tuple[float, ...]) -> bool:
    """Tell whether a field was repaired three times within a minute."""
    return len(repairs) >= CONTEST_REPAIRS and repairs[-1] - repairs[-CONTEST_REPAIRS] < CONTEST_SECONDS
