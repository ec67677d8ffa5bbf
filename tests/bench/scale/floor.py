"""The floor: a bare asynchronous writer of the same objects that has nothing else to do.

Ten clients write the models; sixteen workers write each model's children, all at once, and then its status.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

import orjson

from tests.bench.scale import cluster, load, recording, wire

WORKERS = 16
ADDRESSES = 4  # Services with a cluster IP in flight: more only wait longer


class Floor(NamedTuple):
    """Who writes models, who writes their children, what is written, and the models' uids by name."""

    admin: wire.Api
    account: wire.Api
    recorded: recording.Recording
    addresses: asyncio.Semaphore
    uids: dict[str, str]

    async def create(self, names: list[str]) -> None:
        """Create models, their children and statuses."""

        async def one(name: str) -> None:
            made = orjson.loads(await self.admin.send("POST", load.MODELS, orjson.dumps(load.model(name))))
            self.uids[name] = made["metadata"]["uid"]

        await self._piped(names, one, self.recorded.created)

    async def edit(self, names: list[str], what: str) -> None:
        """Change one field of models, and what that changes of their children."""
        patch = orjson.dumps({"spec": {"engine": load.EDITS[what]}})

        async def one(name: str) -> None:
            await self.admin.send("PATCH", f"{load.MODELS}/{name}", patch, wire.MERGE)

        await self._piped(names, one, self.recorded.edited[what])

    async def _piped(self, names: list[str], one: load.Act, writes: tuple[recording.Write, ...]) -> None:
        """Let clients act on models, and workers follow each with `writes`."""
        queue: asyncio.Queue[str] = asyncio.Queue()

        async def act(name: str) -> None:
            await one(name)
            queue.put_nowait(name)

        async def work() -> None:
            while True:
                await self._follow(await queue.get(), writes)
                queue.task_done()

        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(work()) for _ in range(WORKERS)]
            await load.parallel(names, act)
            await queue.join()
            for worker in workers:
                worker.cancel()

    async def _follow(self, name: str, writes: tuple[recording.Write, ...]) -> None:
        """Write the children of one model, deletions before all others, and its status at last."""
        *children, status = writes
        for write in (one for one in children if one.method == "DELETE"):
            await self._write(name, write)
        await asyncio.gather(*(self._write(name, write) for write in children if write.method != "DELETE"))
        await self._write(name, status)

    async def _write(self, name: str, write: recording.Write) -> None:
        path = write.path.replace(recording.MODEL, name)
        body = write.body.replace(recording.MODEL.encode(), name.encode())
        body = body.replace(self.recorded.uid.encode(), self.uids[name].encode())
        addressed = write.kind == "Service" and write.method == "POST" and b'"clusterIP":"None"' not in body
        async with self.addresses if addressed else contextlib.nullcontext():
            await self.account.send(write.method, path, body, write.content)


@contextlib.asynccontextmanager
async def writing(on: cluster.Cluster, recorded: recording.Recording) -> AsyncIterator[Floor]:
    """Connect a floor to a cluster."""
    async with wire.Api(on.admin) as admin, wire.Api(on.account) as account:
        yield Floor(admin, account, recorded, asyncio.Semaphore(ADDRESSES), {})
