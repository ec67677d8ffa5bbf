"""The hashes of a file while it is written: they follow the part of it that is there without a gap.

What is hashed is read back from the volume, so a byte that the volume lost is found too.
"""

import asyncio
import hashlib
import os

from vllm_operator.fetch import listing

BLOCK = 4 << 20


class Hasher:
    """The hashes of one file; `upto`: the bytes that are in them."""

    def __init__(self, file: listing.File, descriptor: int) -> None:
        self._file = file
        self._descriptor = descriptor
        self._busy = asyncio.Lock()
        self._sha256 = hashlib.sha256()
        self._blob = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False) if file.blob else None
        self.upto = 0

    async def follow(self, frontier: int) -> None:
        """Hash what is there up to `frontier`, unless somebody does."""
        if not self._busy.locked():
            await self.reach(frontier)

    async def reach(self, frontier: int) -> None:
        """Hash what is there up to `frontier`."""
        async with self._busy:
            await asyncio.to_thread(self._read, frontier)

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was hashed, hexadecimal."""
        return self._sha256.hexdigest()

    @property
    def right(self) -> bool:
        """Whether the whole file is what the source lists, as far as the source says it."""
        if self._blob and self._blob.hexdigest() != self._file.blob:
            return False
        return self.upto == self._file.size and self._file.sha256 in ("", self.sha256)

    def _read(self, frontier: int) -> None:
        block = memoryview(bytearray(BLOCK))
        while self.upto < frontier:
            count = os.preadv(self._descriptor, [block[: frontier - self.upto]], self.upto)
            if not count:
                return
            self._sha256.update(block[:count])
            if self._blob:
                self._blob.update(block[:count])
            self.upto += count
