"""Asks the API server by name for what the cache does not hold, and believes an answer for a while.

Every pod event makes a run, and without this each run would ask again for each client that has no Secret.
"""

from collections.abc import Callable

from vllm_operator.kube import client, errors, kinds

BELIEVED_SECONDS = 30.0


class Lookup:
    """Objects by name. `clock` gives unix seconds."""

    def __init__(self, api_server: client.Api, clock: Callable[[], float]) -> None:
        self._api, self._clock = api_server, clock
        self._answers: dict[kinds.Ref, tuple[float, bool]] = {}  # until when an answer is believed, the oldest first

    async def get(self, ref: kinds.Ref) -> kinds.Object | None:
        """Return the object, None where there is none, or was none a moment ago."""
        if self._answer(ref) is False:
            return None
        try:
            found = await self._api.get(ref)
        except errors.NotFound:
            self._remember(ref, exists=False)
            return None
        return found

    async def exists(self, ref: kinds.Ref) -> bool:
        """Tell whether there is such an object, or was a moment ago; its content is not fetched."""
        answer = self._answer(ref)
        if answer is None:
            answer = await self._api.exists(ref)
            self._remember(ref, exists=answer)
        return answer

    def forget(self, ref: kinds.Ref) -> None:
        """Believe no earlier answer about `ref`."""
        self._answers.pop(ref, None)

    def _answer(self, ref: kinds.Ref) -> bool | None:
        until, exists = self._answers.get(ref, (0.0, False))
        return exists if self._clock() < until else None

    def _remember(self, ref: kinds.Ref, *, exists: bool) -> None:
        now = self._clock()
        self.forget(ref)
        self._answers[ref] = (now + BELIEVED_SECONDS, exists)
        self._answers = {one: answer for one, answer in self._answers.items() if answer[0] > now}
