"""The Lease of the one operator that writes.

A holder counts its time from before it asked for the renewal, and stops at `renew` seconds; another counts from after it saw the
renewal, and begins at `lease` seconds: between the two nobody writes, whatever the clocks of both machines say. `check()` stands
before every write. A holder that was stopped and wakes finds its time over, for the monotonic clock goes on, and does not even
try to renew.

    Lost    the Lease is held no more, or not yet: nothing may be written
"""

import asyncio
import logging
import math
import time
import uuid
from collections.abc import Callable
from typing import Any

from vllm_operator.kube import client, errors, kinds, requests

LOG = logging.getLogger(__name__)


Lost = errors.Lost


class Leader:
    """A contender for the Lease `namespace`/`name`. All durations are in seconds."""

    def __init__(
        self,
        api: client.Api,
        namespace: str,
        name: str,
        identity: str,
        *,
        lease: float = 15.0,
        renew: float = 10.0,
        retry: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.holder = f"{identity}_{uuid.uuid4().hex[:12]}"  # a process, not a pod: two of one name never both hold it
        self._api = api
        self._ref = kinds.Ref(kinds.LEASE.kind, namespace, name)
        self._duration, self._renew_within, self._retry = lease, renew, retry
        self._clock = clock
        self._until = -math.inf
        self._lease: kinds.Object = {}
        self._seen: tuple[Any, float] = (None, math.inf)

    def holds(self) -> bool:
        """Tell whether writing is safe now."""
        return self._clock() < self._until

    def check(self) -> None:
        """Raise `Lost` where writing is not safe."""
        if not self.holds():
            raise Lost(f"the Lease {self._ref.namespace}/{self._ref.name} is not held by {self.holder}")

    async def acquire(self) -> None:
        """Wait until the Lease is ours. Asks twice as often as a holder renews, so that a released one is taken at once."""
        while not await self._tried():  # noqa: ASYNC110 - the other contender is another process
            await asyncio.sleep(self._retry / 2)
        LOG.info("Acquired the Lease holder=%s", self.holder)

    async def keep(self) -> None:
        """Renew for ever; raise `Lost` as soon as that has failed for too long, or another holds the Lease."""
        while True:
            await asyncio.sleep(max(0.0, min(self._retry, self._until - self._clock())))
            self.check()
            await self._renew()

    async def release(self) -> None:
        """Give the Lease back, after the last write: a successor need not wait."""
        if not self.holds():
            return
        self._until = -math.inf
        try:
            live = await self._live()  # a renewal that was cancelled may have been done
            if live and live["spec"].get("holderIdentity") == self.holder:
                await self._api.replace(self._body(live, ""))
        except errors.ApiError as error:
            LOG.warning("The Lease was not released error=%s", error)

    async def _tried(self) -> bool:
        begun = self._clock()
        try:
            live = await self._live()
            if live is None:
                lease = await self._api.create(self._body({}, self.holder))
            elif self._is_free(live):
                lease = await self._api.replace(self._body(live, self.holder))
            else:
                return False
        except errors.ApiError as error:
            if not isinstance(error, errors.Conflict):  # else somebody was quicker
                LOG.warning("The Lease cannot be had error=%s", error)
            return False
        self._lease, self._until = lease, begun + self._renew_within
        return self.holds()

    async def _renew(self) -> None:
        begun = self._clock()
        try:
            async with asyncio.timeout(self._until - begun):
                self._lease = await self._api.replace(self._body(self._lease, self.holder))
        except errors.Conflict:
            await self._read_anew()
        except errors.NotFound:
            self._lose("it was deleted")
        except (errors.ApiError, TimeoutError) as error:
            LOG.warning("The Lease was not renewed left=%.1fs error=%s", self._until - self._clock(), error)
        else:
            self._until = begun + self._renew_within

    async def _read_anew(self) -> None:
        """Somebody wrote the Lease: an annotation perhaps, or our own renewal whose answer did not come."""
        try:
            live = await self._live()
        except errors.ApiError:
            return
        if live is None or live["spec"].get("holderIdentity") != self.holder:
            self._lose("another has taken it")
        self._lease = live or {}

    def _lose(self, why: str) -> None:
        self._until = -math.inf
        LOG.error("Lost the Lease reason=%s", why)
        self.check()

    async def _live(self) -> kinds.Object | None:
        try:
            return await self._api.get(self._ref)
        except errors.NotFound:
            return None

    def _is_free(self, live: kinds.Object) -> bool:
        """Tell whether nobody holds `live`: given back, ours, or not renewed for its duration since we first saw it so."""
        spec = live["spec"]
        holder = spec.get("holderIdentity")
        state = (holder, spec.get("renewTime"), spec.get("leaseTransitions"))
        if state != self._seen[0]:
            self._seen = (state, self._clock())
        idle = self._clock() - self._seen[1]
        return not holder or holder == self.holder or idle > spec.get("leaseDurationSeconds", self._duration)

    def _body(self, live: kinds.Object, holder: str) -> kinds.Object:
        """Return the Lease as it is to be after `live`: held by `holder` from now, or given back where that is empty."""
        spec = live.get("spec", {})
        now = requests.micro_time(time.time())
        changed = bool(holder) and spec.get("holderIdentity") != holder
        held = (
            {"holderIdentity": holder, "acquireTime": now if changed else spec.get("acquireTime", now)}
            if holder
            else {}
        )
        metadata = live.get("metadata") or {"namespace": self._ref.namespace, "name": self._ref.name}
        return {
            "apiVersion": kinds.LEASE.api_version,
            "kind": kinds.LEASE.kind,
            "metadata": metadata,
            "spec": {
                **held,
                "leaseDurationSeconds": math.ceil(self._duration),
                "leaseTransitions": spec.get("leaseTransitions", 0) + changed,
                "renewTime": now,
            },
        }
