"""How much of a bounded table the entries of each namespace take, and which give way where it is full. Pure.

The namespace that takes the most gives way, the entry that came last first: who fills the table hides no entry of who takes less.
"""

import collections

from vllm_operator.kube import kinds


class Shares:
    """Entries by namespace with their sizes, of which all together are at most `most`."""

    def __init__(self, most: int) -> None:
        self._most, self._total = most, 0
        self._sizes: dict[str, dict[kinds.Ref, int]] = collections.defaultdict(dict)
        self._taken: collections.Counter[str] = collections.Counter()

    def put(self, ref: kinds.Ref, size: int) -> tuple[kinds.Ref, ...]:
        """Take in an entry, or its new size; return those that give way for it, which may be the entry itself."""
        here = self._sizes[ref.namespace]
        self._add(ref.namespace, size - here.get(ref, 0))
        here[ref] = size
        leaving: list[kinds.Ref] = []
        while self._total > self._most:
            largest = max(self._taken, key=lambda one: (self._taken[one], one == ref.namespace))
            last = next(reversed(self._sizes[largest]))
            self.remove(last)
            leaving.append(last)
        return tuple(leaving)

    def remove(self, ref: kinds.Ref) -> None:
        """Forget an entry."""
        here = self._sizes[ref.namespace]
        self._add(ref.namespace, -here.pop(ref, 0))
        if not here:
            del self._sizes[ref.namespace], self._taken[ref.namespace]

    def _add(self, namespace: str, size: int) -> None:
        self._taken[namespace] += size
        self._total += size
