"""How much memory the objects of each namespace take, and which namespaces are left out where all take too much. Pure.

The namespace that takes the most is left out as a whole, since a model without some of its objects would look as if they were
deleted. What is kept of a namespace begins anew with the next list of each kind; it is known again once every kind was listed
whole and all of it had room.
"""

import collections
import logging
import sys
from collections.abc import Iterable

from vllm_operator.kube import kinds

OVERHEAD = 1000
"""Bytes that the cache needs for an object beside its JSON; with it, the sum is about what a process grows by."""

MOST_DECODED = 8 * 2**20
"""Bytes of JSON of one model's objects, which a run decodes at once: many times what 128 clients and 1,000 pods have."""

LOG = logging.getLogger(__name__)


class Bound:
    """What is kept of each namespace, in bytes, all together at most `most`; `all_kinds`: those that have to be listed."""

    def __init__(self, most: int, all_kinds: Iterable[kinds.Kind]) -> None:
        self._most, self._kinds = most, {kind.kind for kind in all_kinds}
        self._total = 0
        self._taken: collections.Counter[str] = collections.Counter()
        self._decoded: collections.Counter[kinds.Key] = collections.Counter()
        self._unlisted: dict[str, set[str]] = {}  # of what is left out, the kinds that no list has brought whole since
        self._took: dict[
            str, int
        ] = {}  # by each of these, and at least, in bytes: what is listed anew is not all there yet
        self._listing: set[tuple[str, str]] = set()  # of these, namespaces and kinds of which a list is under way

    def admits(self, ref: kinds.Ref) -> bool:
        """Tell whether an object is to be kept, as far as its namespace goes."""
        missing = self._unlisted.get(ref.namespace, ())
        return ref.kind not in missing or (ref.namespace, ref.kind) in self._listing

    def add(self, key: kinds.Key, size: int, decoded: int) -> str:
        """Count an object of the model `key`; return the namespace that is left out for it, "" where there is room."""
        self._total += size
        self._taken[key.namespace] += size
        self._decoded[key] += decoded
        if self._decoded[key] > MOST_DECODED:
            return self._leave_out(key.namespace, f"the objects with the label of the model {key.name}")
        if self._total > self._most:
            return self._leave_out(max(self._taken, key=self._whole), "labelled objects")
        return ""

    def remove(self, key: kinds.Key, size: int, decoded: int) -> None:
        """Take off an object that was counted so."""
        self._total -= size
        self._taken[key.namespace] -= size
        self._decoded[key] -= decoded
        if not self._decoded[key]:
            del self._decoded[key]
        if not self._taken[key.namespace]:
            del self._taken[key.namespace]

    def decoded(self, key: kinds.Key) -> int:
        """Return how many bytes of JSON the objects of a model are."""
        return self._decoded[key]

    def begin(self, kind: kinds.Kind, namespace: str) -> None:
        """Note that a list of `kind` begins, of all namespaces where `namespace` is empty."""
        self._listing |= {(one, kind.kind) for one in self._unlisted if namespace in ("", one)}

    def end(self, kind: kinds.Kind, namespace: str) -> tuple[str, ...]:
        """Note that a list was whole; return the namespaces that are known again."""
        for one, missing in self._unlisted.items():
            if namespace in ("", one) and (one, kind.kind) in self._listing:
                missing.discard(kind.kind)
                self._listing.discard((one, kind.kind))
        known = tuple(one for one, missing in self._unlisted.items() if not missing)
        for one in known:
            LOG.info("Namespace has room again namespace=%s", one)
            del self._unlisted[one], self._took[one]
        return known

    def waits(self, kind: kinds.Kind, namespace: str) -> bool:
        """Tell whether a list of `kind` may bring back what is left out."""
        return any(namespace in ("", one) and kind.kind in missing for one, missing in self._unlisted.items())

    def left_out(self) -> frozenset[str]:
        """Return the namespaces that are left out."""
        return frozenset(self._unlisted)

    def _whole(self, namespace: str) -> int:
        """Return the bytes that the objects of a namespace take, those too of which a list has not come so far again."""
        return max(self._taken[namespace], self._took.get(namespace, 0))

    def _leave_out(self, namespace: str, what: str) -> str:
        if namespace not in self._unlisted:
            LOG.error(
                "Namespace is left out: its models are neither changed nor repaired until its objects take less memory "
                "namespace=%s bytes=%d cause=%s; delete what nobody needs of %s, or raise resources.limits.memory of the chart",
                namespace, self._taken[namespace], what, what,
            )  # fmt: skip
        self._took[namespace] = self._whole(namespace)
        self._unlisted[namespace] = set(self._kinds)
        self._listing = {(one, kind) for one, kind in self._listing if one != namespace}
        return namespace


def unbounded() -> Bound:
    """Return what leaves nobody out."""
    return Bound(sys.maxsize, ())
