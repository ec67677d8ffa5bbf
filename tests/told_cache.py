"""A cache that remembers whom it woke, and small objects to put into it."""

from tests import samples
from vllm_operator.kube import cache, kinds, naming

OWNER = naming.Owner("models", "vllm11", "uid-1")
KEY = kinds.Key("models", "vllm11")


def secret(version: int, **data: str) -> kinds.Object:
    made = samples.secret(OWNER, **data)
    made["metadata"] |= {"resourceVersion": str(version), "uid": "s", "managedFields": []}
    return made


class Told(cache.Cache):
    """A cache that remembers whom it woke."""

    def __init__(self) -> None:
        self._woken: list[kinds.Key] = []
        super().__init__(self._woken.append)

    def told(self) -> tuple[kinds.Key, ...]:
        """Return the models that were woken since the last question."""
        found = tuple(self._woken)
        self._woken.clear()
        return found


REF = kinds.ref(samples.secret(OWNER))


def model(version: int) -> kinds.Object:
    made = samples.model()
    made["metadata"] |= {"resourceVersion": str(version), "uid": "uid-1"}
    return made
