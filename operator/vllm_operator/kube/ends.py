"""The ends of objects: what arrives late, and is older than the end of its object, brings nothing back."""

from vllm_operator.kube import kinds

MOST = 10_000
"""How many ends are remembered: far more than there can be while one write waits for its answer."""


class Ends:
    """The version at which each object was gone, of those that went last."""

    def __init__(self) -> None:
        self._versions: dict[kinds.Ref, int] = {}

    def add(self, ref: kinds.Ref, version: int) -> None:
        """Remember that the object was gone at `version`, if not later."""
        self._versions[ref] = max(version, self._versions.pop(ref, 0))
        if len(self._versions) > MOST:
            del self._versions[next(iter(self._versions))]

    def version(self, ref: kinds.Ref) -> int:
        """Return the version at which the object was gone; 0 where it is not known to have been."""
        return self._versions.get(ref, 0)
