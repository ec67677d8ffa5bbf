"""Fetches the files of one listing into one directory: a few workers, each with one range at a time.

Memory: each worker holds WRITE bytes at most, and what the connection buffers. A range that is cut goes on where it
was.
Decides nothing about which ranges there are (plan.py) and how long to pause (patience.py).
"""

import asyncio
import collections
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import NamedTuple, Protocol

from vllm_operator.fetch import directory, failures, hashing, listing, patience, plan, progress

WORKERS = 8
WRITE = 4 << 20
"""Bytes that are written at once."""
SYNC = 16 << 20
"""Bytes after which a worker brings to the disk what it wrote, and notes it in the journal."""
HASH_TRIES = 2


class Origin(Protocol):
    """Where the bytes come from."""

    async def list_files(self) -> listing.Listing:
        """Return the wanted files at the revision of now."""

    def take(self, revision: str) -> None:
        """Read from this revision from now on."""

    def read(
        self, file: listing.File, asked: plan.Range
    ) -> contextlib.AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Yield the asked bytes of a file, in blocks."""


class Open(NamedTuple):
    """A file that is being written."""

    descriptor: int
    hasher: hashing.Hasher


class Download:
    """One listing on its way into one directory."""

    def __init__(
        self,
        origin: Origin,
        target: directory.Directory,
        files: Sequence[listing.File],
        state: progress.Progress,
        clock: patience.Clock,
    ) -> None:
        self._origin = origin
        self._target = target
        self._files = files
        self._state = state
        self._clock = clock
        self._patience = patience.Patience(state, clock)
        self._open: dict[int, Open] = {}
        self._wrong: collections.Counter[int] = collections.Counter()
        held = plan.replay(target.journal(), files)
        self.have = {index: held.have.get(index, ()) for index in range(len(files))}
        self.done = dict(held.done)

    def look(self) -> None:
        """Compare the journal with the files: what is not there any more is fetched again."""
        for index, file in enumerate(self._files):
            if index in self.done:
                self._target.place(index, file.path)
                lost = self._target.size(file.path) != file.size
            else:
                upto = self.have[index][-1].end if self.have[index] else 0
                lost = max(self._target.part_size(index), 0) < upto
            if lost:
                self._forget(index)

    @property
    def held(self) -> plan.Held:
        """What is on the disk."""
        return plan.Held(self.have, self.done)

    async def run(self, indices: Sequence[int]) -> None:
        """Fetch these files. Raises `failures.Failure` and OSError, whichever came first."""
        self._queue = collections.deque(
            (index, one) for index in indices if index not in self.done for one in self._left(index)
        )
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(WORKERS, len(self._queue))):
                    group.create_task(self._work())
        except* (failures.Failure, OSError) as group_error:
            raise _first(group_error) from None
        finally:
            for one in self._open.values():
                os.close(one.descriptor)
            self._open.clear()

    def _left(self, index: int) -> list[plan.Range]:
        """Return the ranges that are left; an empty one where the file is whole, and has only to be checked."""
        return plan.left(self._files[index].size, self.have[index], plan.RANGE) or [plan.Range(0, 0)]

    async def _work(self) -> None:
        while self._queue:
            index, asked = self._queue.popleft()
            await self._range(index, asked)
            whole = plan.frontier(self.have[index]) == self._files[index].size
            if whole and index not in self.done:
                await self._finish(index)

    async def _range(self, index: int, asked: plan.Range) -> None:
        """Fetch one range, however often it is cut."""
        written, attempt = asked.start, 0
        while written < asked.end:
            before = written
            try:
                async for position in self._pieces(index, plan.Range(written, asked.end)):
                    written = position
            except failures.Transient as failure:
                attempt = attempt + 1 if written == before else 1
                await self._patience.wait(failure, attempt)

    async def _pieces(self, index: int, asked: plan.Range) -> AsyncIterator[int]:
        """Write and note what comes; yield up to which byte."""
        position = noted = asked.start
        descriptor = self._opened(index).descriptor
        try:
            async with (
                self._origin.read(self._files[index], asked) as blocks,
                contextlib.aclosing(_gathered(blocks)) as pieces,
            ):
                async for piece in pieces:
                    before = position
                    position = await asyncio.to_thread(_write, descriptor, piece, before)
                    self._state.read(position - before, self._clock.now())
                    if position - noted >= SYNC:
                        await self._note(index, plan.Range(noted, position))
                        noted = position
                    yield position
        finally:
            if position > noted:
                await self._note(index, plan.Range(noted, position))

    async def _note(self, index: int, written: plan.Range) -> None:
        """Bring a range to the disk, and note it."""
        one = self._opened(index)
        await asyncio.to_thread(directory.sync, one.descriptor)
        await asyncio.to_thread(self._target.note, plan.have_line(index, written))
        self.have[index] = plan.merge(self.have[index], written)
        await one.hasher.follow(plan.frontier(self.have[index]))

    async def _finish(self, index: int) -> None:
        """Check a file that is there as a whole, and place it; fetch it once more where it is not as listed."""
        file = self._files[index]
        one = self._opened(index)
        await one.hasher.reach(file.size)
        if self._open.get(index) is not one:  # another worker was quicker
            return
        if not one.hasher.right:
            self._again(index)
            return
        self.done[index] = one.hasher.sha256
        del self._open[index]
        os.close(one.descriptor)
        await asyncio.to_thread(self._place, index, one.hasher.sha256)
        self._state.whole += 1

    def _place(self, index: int, sha256: str) -> None:
        self._target.note(plan.done_line(index, sha256))
        self._target.place(index, self._files[index].path)

    def _again(self, index: int) -> None:
        file = self._files[index]
        os.close(self._open.pop(index).descriptor)
        self._state.dropped(file.size)
        self._forget(index)
        self._wrong[index] += 1
        if self._wrong[index] >= HASH_TRIES:
            raise failures.Failure(
                failures.WRONG_DIGEST,
                f"{failures.shown(file.path)} came twice with another hash than its source lists",
                "look at the mirror or the proxy between, and at the source",
            )
        self._queue.extendleft((index, one) for one in reversed(self._left(index)))

    def _forget(self, index: int) -> None:
        self._target.drop(index)
        self._target.note(plan.drop_line(index))
        self.have[index] = ()
        self.done.pop(index, None)

    def _opened(self, index: int) -> Open:
        if index not in self._open:
            descriptor = self._target.part(index)
            self._open[index] = Open(descriptor, hashing.Hasher(self._files[index], descriptor))
        return self._open[index]


async def _gathered(blocks: AsyncIterator[bytes]) -> AsyncGenerator[list[bytes]]:
    """Yield as many blocks as are worth a write; what came before a failure is not lost."""
    piece: list[bytes] = []
    count = 0
    failed: failures.Transient | None = None
    try:
        async for block in blocks:
            piece.append(block)
            count += len(block)
            if count >= WRITE:
                yield piece
                piece, count = [], 0
    except failures.Transient as failure:
        failed = failure
    if count:
        yield piece
    if failed:
        raise failed


def _write(descriptor: int, piece: list[bytes], position: int) -> int:
    """Write all of it; return up to which byte."""
    view = memoryview(b"".join(piece))
    while view:
        count = os.pwrite(descriptor, view, position)
        view, position = view[count:], position + count
    return position


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first failure of the workers."""
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
