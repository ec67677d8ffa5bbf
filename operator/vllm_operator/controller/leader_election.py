"""The Lease of the one operator that writes.

A holder counts its time from before it asked for the renewal, and stops at `renew` seconds; a contender counts from after it saw
the renewal, and begins at `lease` seconds: between the two nobody writes, whatever the clocks of both machines say. `check()` is
asked before every write. A holder that was stopped or suspended and wakes finds its time over, for its clock goes on meanwhile,
and does not even try to renew.

A holder that ends gives the Lease back with a duration of one second, which says that it writes no more: a contender takes it at
once. A Lease that is gone or emptied without that mark may still be believed in: whoever saw its holder waits for the holder's
time to end.
"""

import asyncio
import logging
import math
import time
import uuid
from collections.abc import Callable
from typing import NamedTuple

from vllm_operator.kube import backoff, client, errors, kinds, requests

LOG = logging.getLogger(__name__)
PAUSE = backoff.Backoff(first=1.0, longest=3.0)
RELEASED_SECONDS = 1
RELEASE_WITHIN = 3.0
NEVER = -math.inf


def boottime() -> float:
    """Return seconds on a clock that goes on while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Seen(NamedTuple):
    """A state of the Lease: `since` when it was seen, and after how many seconds without another its holder is gone."""

    state: tuple[str, str, int]
    since: float
    patience: float


class Leader:
    """A contender for the Lease `namespace`/`name`. All durations are in seconds; `clock` must not stand still."""

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
        clock: Callable[[], float] = boottime,
    ) -> None:
        self.holder = f"{identity}_{uuid.uuid4().hex[:12]}"  # a process, not a pod: two of one name never both hold it
        self._api = api
        self._ref = kinds.Ref(kinds.LEASE.kind, namespace, name)
        self._duration, self._renew_within, self._retry = lease, renew, retry
        self._clock = clock
        self._until = self._renewed = NEVER
        self._lease: kinds.Object = {}
        self._failing_since: float | None = None
        self._seen = Seen(("", "", 0), NEVER, 0.0)

    def holds(self) -> bool:
        """Tell whether writing is safe now."""
        return self._clock() < self._until

    def check(self) -> None:
        """Raise `Lost` where writing is not safe."""
        if not self.holds():
            raise errors.Lost(f"the Lease {self._ref.namespace}/{self._ref.name} is not held by {self.holder}")

    async def acquire(self) -> None:
        """Wait until the Lease is ours. Asks twice as often as a holder renews, so that a released one is taken at once."""
        while not await self._tried():  # noqa: ASYNC110 - the other contender is another process
            await asyncio.sleep(self._pause())
        LOG.info("Acquired the Lease holder=%s", self.holder)

    async def keep(self) -> None:
        """Renew for ever; raise `Lost` as soon as that has failed for too long, or another holds the Lease."""
        while True:
            await asyncio.sleep(max(0.0, min(self._retry, self._until - self._clock())))
            self.check()
            await self._renew()

    async def release(self) -> None:
        """Give the Lease back where it is ours, after the last write: a successor need not wait. Takes 3 s at most."""
        self._until = NEVER
        try:
            async with asyncio.timeout(RELEASE_WITHIN):
                live = await self._live()  # an answer that was cut off may have made it ours
                if live and _holder(live) == self.holder:
                    await self._api.replace(self._released(live))
        except (errors.ApiError, TimeoutError) as error:
            LOG.warning("The Lease was not released error=%r", error)

    async def _tried(self) -> bool:
        """Try to take the Lease; tell whether it is ours. Since when that fails is remembered."""
        try:
            async with asyncio.timeout(self._renew_within):
                taken = await self._try()
        except errors.Conflict:
            taken = False  # somebody was quicker
        except (errors.ApiError, TimeoutError) as error:
            if self._failing_since is None:
                self._failing_since = self._clock()
                LOG.warning("The Lease cannot be read or written error=%r", error)
            return False
        self._failing_since = None
        return taken

    def _pause(self) -> float:
        if self._failing_since is None:
            return self._retry / 2
        return PAUSE.pause(self._clock() - self._failing_since)

    async def _try(self) -> bool:
        """Take the Lease where it is free; tell whether it is ours."""
        begun = self._clock()
        live = await self._live()
        if not self._is_free(live):
            return False
        body = self._held(live or {})
        self._lease = await (self._api.replace(body) if live else self._api.create(body))
        self._until, self._renewed = begun + self._renew_within, begun
        self._seen = Seen(_state(self._lease), begun, 0.0)
        return self.holds()

    async def _renew(self) -> None:
        begun = self._clock()
        try:
            async with asyncio.timeout(self._until - begun):
                self._lease = await self._api.replace(self._held(self._lease))
        except errors.Conflict:
            await self._read_anew()
        except errors.NotFound:
            self._lose("it was deleted")
        except (errors.ApiError, TimeoutError) as error:
            LOG.warning("The Lease was not renewed left=%.1fs error=%r", self._until - self._clock(), error)
        else:
            self._until, self._renewed = begun + self._renew_within, begun

    async def _read_anew(self) -> None:
        """Somebody wrote the Lease: an annotation perhaps, or our own renewal whose answer did not come."""
        try:
            live = await self._live()
        except errors.ApiError:
            return
        if live is None or _holder(live) != self.holder:
            self._lose("another has taken it")
        self._lease = live or {}

    def _lose(self, why: str) -> None:
        self._until = NEVER
        LOG.error("Lost the Lease reason=%s", why)
        self.check()

    async def _live(self) -> kinds.Object | None:
        try:
            return await self._api.get(self._ref)
        except errors.NotFound:
            return None

    def _is_free(self, live: kinds.Object | None) -> bool:
        """Tell whether nobody can believe to hold the Lease: given back, ours, or as it is for its holder's whole time."""
        state, now = _state(live or {}), self._clock()
        if state != self._seen.state:
            self._seen = Seen(state, now, self._patience(live))
        if live and (_holder(live) == self.holder or _is_released(live)):
            return True
        return now - self._seen.since >= self._seen.patience

    def _patience(self, live: kinds.Object | None) -> float:
        """Return how long the holder of `live` writes on at most; without one, that of the holder who was seen before.

        Where we were the holder, and that was too long ago, another may have been since.
        """
        if live and _holder(live):
            return float(live["spec"].get("leaseDurationSeconds", self._duration))
        if self._seen.state[0] == self.holder and self._clock() - self._renewed >= self._duration:
            return self._duration
        return self._seen.patience

    def _held(self, live: kinds.Object) -> kinds.Object:
        """Return `live` held by us from now."""
        spec, now = live.get("spec", {}), requests.micro_time(time.time())
        acquired, transitions = spec.get("acquireTime", now), spec.get("leaseTransitions", 0)
        if _holder(live) != self.holder:
            acquired, transitions = now, transitions + 1
        held = {"holderIdentity": self.holder, "acquireTime": acquired, "leaseTransitions": transitions}
        return self._body(live, {**held, "leaseDurationSeconds": math.ceil(self._duration), "renewTime": now})

    def _released(self, live: kinds.Object) -> kinds.Object:
        """Return `live` with the mark that its holder writes no more."""
        spec = {
            "leaseDurationSeconds": RELEASED_SECONDS,
            "leaseTransitions": live["spec"].get("leaseTransitions", 0),
            "renewTime": requests.micro_time(time.time()),
        }
        return self._body(live, spec)

    def _body(self, live: kinds.Object, spec: kinds.Object) -> kinds.Object:
        metadata = live.get("metadata") or {"namespace": self._ref.namespace, "name": self._ref.name}
        return {"apiVersion": kinds.LEASE.api_version, "kind": kinds.LEASE.kind, "metadata": metadata, "spec": spec}


def _holder(lease: kinds.Object) -> str:
    return str(lease.get("spec", {}).get("holderIdentity") or "")


def _is_released(lease: kinds.Object) -> bool:
    return not _holder(lease) and lease.get("spec", {}).get("leaseDurationSeconds") == RELEASED_SECONDS


def _state(lease: kinds.Object) -> tuple[str, str, int]:
    spec = lease.get("spec", {})
    return _holder(lease), spec.get("renewTime", ""), spec.get("leaseTransitions", 0)
