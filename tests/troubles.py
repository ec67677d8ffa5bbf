"""What goes wrong between a client and the API server in memory: calls that fail, and calls or answers that take their time."""

import asyncio
import dataclasses
from typing import Literal

from vllm_operator.kube import errors, kinds

When = Literal["before", "after"]
DOWN = errors.Unavailable(0, "ConnectionRefused", "the API server does not answer")


@dataclasses.dataclass
class Trouble:
    """What calls of `verb` on objects like `ref` meet; an empty part of either matches all. `left`: how many more of them."""

    verb: str
    ref: kinds.Ref
    when: When
    seconds: float
    error: Exception | None
    left: float

    def meets(self, verb: str, ref: kinds.Ref, when: str) -> bool:
        """Tell whether the call is one of those."""
        pairs = [(self.verb, verb), (self.when, when), *zip(self.ref, ref, strict=True)]
        return self.left > 0 and all(wanted in ("", found) for wanted, found in pairs)


class Troubles:
    """All that goes wrong at present, `before` a call has an effect or `after` it, when its answer is lost or late."""

    def __init__(self) -> None:
        self._all: list[Trouble] = []

    def fail(
        self, error: Exception = DOWN, verb: str = "", *, kind: str = "", namespace: str = "", name: str = "",
        when: When = "before", times: float = float("inf"),
    ) -> Trouble:  # fmt: skip
        """Let calls fail with `error`; return the trouble, for `end`."""
        return self._add(Trouble(verb, kinds.Ref(kind, namespace, name), when, 0, error, times))

    def delay(
        self, seconds: float, verb: str = "", *, kind: str = "", namespace: str = "", name: str = "",
        when: When = "before", times: float = float("inf"),
    ) -> Trouble:  # fmt: skip
        """Let calls take `seconds`; return the trouble, for `end`."""
        return self._add(Trouble(verb, kinds.Ref(kind, namespace, name), when, seconds, None, times))

    def end(self, trouble: Trouble | None = None) -> None:
        """Let one trouble end, or all of them."""
        self._all = [one for one in self._all if trouble is not None and one is not trouble]

    async def meet(self, verb: str, ref: kinds.Ref, when: str) -> None:
        """Wait, and raise, as this call has to."""
        for one in [one for one in self._all if one.meets(verb, ref, when)]:
            one.left -= 1
            if one.seconds:
                await asyncio.sleep(one.seconds)
            if one.error:
                raise one.error

    def _add(self, trouble: Trouble) -> Trouble:
        self._all.append(trouble)
        return trouble
