"""When a model is looked at again without an event: at the latest after ten minutes or so, and earlier where something is due.

Must not know what a run does.
"""

import random
from collections.abc import Callable, Collection, Hashable, Iterable

from vllm_operator import children, keys
from vllm_operator.keys import issuer
from vllm_operator.kube import backoff, kinds

AGAIN = backoff.Backoff(first=15.0, longest=300.0)
"""What an object met, or a missing dependency, is no event of ours: it is looked at again, ever less often."""
SOONEST_RESYNC_SECONDS, LATEST_RESYNC_SECONDS = 540.0, 660.0
"""Every model is looked at this often even if nothing happened: the answer to a lost event."""
NEVER = float("inf")


def until(plan: children.Plan, issued: issuer.IssueResult, begun: float) -> float:
    """Return when what a run has decided ends by itself, in unix seconds; the run has `begun` then. NEVER where it does not."""
    ends, turns = keys.due(plan.spec.access, issued.issued.values(), begun), children.due(plan)
    due = [NEVER if turns is None else turns]
    due += [] if ends is None else [begun + ends]
    due += [begun + issuer.LOOK_AGAIN_SECONDS] if issued.troubles else []
    return min(due)


class Schedule:
    """Returns in how many seconds to look again. `clock` gives unix seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._troubled: dict[kinds.Key, tuple[int, dict[Hashable, float]]] = {}

    def calm(self, key: kinds.Key, due: Iterable[float]) -> float:
        """Return it for a model that is in no trouble; `due`: moments in unix seconds."""
        self.forget(key)
        return self._first(due)

    def troubled(self, model: kinds.Object, causes: Collection[Hashable], due: Iterable[float] = ()) -> float:
        """Return it for a model that is in trouble: as long as the newest of the `causes` has lasted, up to 5 minutes.

        A cause lasts while the spec stays as it is and no run goes without it.
        """
        metadata, now = model["metadata"], self._clock()
        key, generation = kinds.Key(metadata["namespace"], metadata["name"]), metadata["generation"]
        told, known = self._troubled.get(key, (generation, {}))
        since = {cause: known.get(cause, now) if told == generation else now for cause in causes}
        self._troubled[key] = (generation, since)
        return min(AGAIN.pause(max(0.0, now - max(since.values()))), self._first(due))

    def forget(self, key: kinds.Key) -> None:
        """Forget since when the model is in which trouble."""
        self._troubled.pop(key, None)

    def _first(self, due: Iterable[float]) -> float:
        resync = random.uniform(SOONEST_RESYNC_SECONDS, LATEST_RESYNC_SECONDS)  # noqa: S311 - spreads load, guards nothing
        return min([resync, *(max(0.0, at - self._clock()) for at in due)])
