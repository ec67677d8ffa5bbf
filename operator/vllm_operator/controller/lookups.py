"""Objects that a spec or a setting names and that are not watched, since they have no model's label: each is asked for by name.

What was there a moment ago is not asked for again.
"""

import asyncio

from vllm_operator.kube import client, errors, kinds
from vllm_operator.status import dependencies

FRESH_SECONDS = 15.0


class Lookups:
    """What was found of them, and until which moment of the event loop's clock that holds."""

    def __init__(self, api_server: client.Api) -> None:
        self._api = api_server
        self._existing: dict[kinds.Ref, float] = {}
        self._read: dict[kinds.Ref, tuple[float, kinds.Object]] = {}

    async def missing(self, named: tuple[dependencies.Dependency, ...]) -> tuple[dependencies.Dependency, ...]:
        """Return those of `named` that do not exist."""
        now = _now()
        asked = sorted({one.ref for one in named if self._existing.get(one.ref, 0.0) < now})
        found = dict(zip(asked, await asyncio.gather(*(self._exists(ref) for ref in asked)), strict=True))
        self._existing = {ref: until for ref, until in self._existing.items() if until >= now}
        self._existing |= dict.fromkeys((ref for ref in asked if found[ref]), now + FRESH_SECONDS)
        return tuple(one for one in named if not found.get(one.ref, True))

    async def read(self, ref: kinds.Ref) -> kinds.Object | None:
        """Return an object of somebody's; None where it is not there, or cannot be read."""
        now = _now()
        self._read = {one: known for one, known in self._read.items() if known[0] >= now}
        if ref not in self._read:
            try:
                found = await self._api.get(ref)
            except errors.ApiError:
                return None
            self._read[ref] = (now + FRESH_SECONDS, found)
        return self._read[ref][1]

    async def _exists(self, ref: kinds.Ref) -> bool:
        """Tell whether `ref` exists; where nobody can say it is taken to."""
        try:
            return await self._api.exists(ref)
        except errors.ApiError:
            return True


def _now() -> float:
    return asyncio.get_running_loop().time()
