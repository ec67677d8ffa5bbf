"""Which model has which host and path of the edge: the oldest of those that ask for the same, as ingress controllers decide too.

Known of the models that were worked on; the leader works on all of them when it begins. Must not know an object.
"""

from collections.abc import Callable
from typing import NamedTuple

from vllm_operator.kube import kinds

Address = tuple[str, str]


class Claim(NamedTuple):
    """A model's claim to an address; the least is the one that holds."""

    created: str
    key: kinds.Key


class Hosts:
    """The claims of all models. `wake` is called with each model whose place another one's claim or end may have changed."""

    def __init__(self, wake: Callable[[kinds.Key], None] = lambda _: None) -> None:
        self._wake = wake
        self._claims: dict[Address, set[Claim]] = {}
        self._of: dict[kinds.Key, tuple[Address, Claim]] = {}

    def claim(self, key: kinds.Key, created: str, address: Address | None) -> kinds.Key | None:
        """Note that a model asks for the host and path `address`, None for nothing; return the model that has it before."""
        wanted = (address, Claim(created, key)) if address else None
        if self._of.get(key) != wanted:
            self._change(key, wanted)
        first = min(self._claims[address]) if address else None
        return first.key if first and first.key != key else None

    def forget(self, key: kinds.Key) -> None:
        """Forget a model that is gone."""
        self._change(key, None)

    def _change(self, key: kinds.Key, wanted: tuple[Address, Claim] | None) -> None:
        if before := self._of.pop(key, None):
            self._claims[before[0]].discard(before[1])
            self._tell(before[0], key)
        if wanted:
            self._of[key] = wanted
            self._claims.setdefault(wanted[0], set()).add(wanted[1])
            self._tell(wanted[0], key)

    def _tell(self, address: Address, key: kinds.Key) -> None:
        """Wake the others that ask for an address; forget one that nobody asks for."""
        others = [claim.key for claim in self._claims[address] if claim.key != key]
        for other in others:
            self._wake(other)
        if not self._claims[address]:
            del self._claims[address]
