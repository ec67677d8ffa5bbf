"""Which fields of an object are ours, as JSON that the models share: those of one kind are the same for most. Pure."""

import hashlib

from vllm_operator.kube import field_ownership, kinds, projection

SHARED = 10_000
"""Different sets of fields that are remembered, none of them above LARGEST."""

LARGEST = 4096
"""Bytes of a set that is shared: several times what a Deployment of ours has."""

UPDATED = {kind.kind for kind in kinds.CHILDREN}
"""The kinds that we update, and whose ownership of fields is kept therefore."""


class OwnFields:
    """Sets of our fields, by what `managedFields` says of us."""

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}

    def of(self, obj: kinds.Object) -> tuple[bytes, int]:
        """Return our fields of `obj`, and how many bytes they take that no other object has taken."""
        ours = field_ownership.entries(obj) if obj["kind"] in UPDATED else []
        if not ours:
            return b"", 0
        said = hashlib.sha256(projection.packed(ours)).digest()
        if known := self._known.get(said):
            return known, 0
        if len(self._known) > SHARED:
            self._known.clear()
        fields = projection.packed(field_ownership.owned(ours))
        if len(fields) <= LARGEST:
            self._known[said] = fields
        return fields, len(fields)
