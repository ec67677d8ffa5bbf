"""The objects of the models that were read last, decoded. Pure."""

import collections

from vllm_operator.kube import kinds

MODELS = 32
"""More than are worked on at once."""


class AtHand:
    """Decoded objects by model and reference, each of one version."""

    def __init__(self) -> None:
        self._of: collections.OrderedDict[kinds.Key, dict[kinds.Ref, tuple[int, kinds.Object]]] = (
            collections.OrderedDict()
        )

    def get(self, key: kinds.Key, ref: kinds.Ref, version: int) -> kinds.Object | None:
        """Return the object of that version, None where it is not at hand; its model counts as read."""
        if key not in self._of:
            return None
        self._of.move_to_end(key)
        known, obj = self._of[key].get(ref, (0, None))
        return obj if known == version else None

    def put(self, key: kinds.Key, ref: kinds.Ref, version: int, obj: kinds.Object) -> None:
        """Keep an object that was decoded; the model that was not read for longest gives way."""
        self._of.setdefault(key, {})[ref] = version, obj
        self._of.move_to_end(key)
        if len(self._of) > MODELS:
            self._of.popitem(last=False)

    def forget(self, key: kinds.Key, ref: kinds.Ref) -> None:
        """Let go of an object, and of its model with the last one."""
        here = self._of.get(key, {})
        here.pop(ref, None)
        if not here:
            self._of.pop(key, None)
