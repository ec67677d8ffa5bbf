"""Who is told of all that the cache sees, also of what it does not keep."""

from typing import Protocol

from vllm_operator.kube import kinds


class Listener(Protocol):
    """Who is told of all that is seen, whoever brought it, and whether it is kept or not."""

    def put(self, obj: kinds.Object) -> None:
        """Take in an object as it is now."""

    def forget(self, ref: kinds.Ref) -> None:
        """Forget an object that is gone."""

    def keep(self, kind: str, namespace: str, listed: set[kinds.Ref], version: int) -> None:
        """Forget the objects of a kind that a complete list of `version` no longer held."""
