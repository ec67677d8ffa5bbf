"""The fetcher before the stand-in hub, in one process: real sockets and files, and pauses that take no time."""

import asyncio
import contextlib
import pathlib
import ssl
import time
from collections.abc import AsyncIterator, Callable

from tests import fake_hub
from vllm_operator.fetch import directory, failures, fetcher, http_client, patience, progress, settings

SOURCE = "hf://org/tiny"
WEIGHTS = bytes(range(256)) * 4096  # 1 MiB
FILES = {"config.json": b'{"a": 1}', "tokenizer.json": b"{}", "model.safetensors": WEIGHTS, "README.md": b"# read me"}


async def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until the fetch is so far; fail at the deadline."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for lies in files and in another process
            await asyncio.sleep(0.01)


class Hurried:
    """A clock whose pauses are noted and take no time."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return time.monotonic() + sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    @property
    def clock(self) -> patience.Clock:
        return patience.Clock(self.now, self.sleep)


class Rig:
    """A hub with the repository org/tiny, and a directory to fetch it into."""

    def __init__(self, path: pathlib.Path) -> None:
        self.root = path / "root"
        self.into = path / "into"
        self.hub = fake_hub.Hub(self.root)
        self.hurried = Hurried()
        self.state = progress.Progress(self.hurried.now())
        for name, content in FILES.items():
            self.put(name, content)

    @contextlib.asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["Rig"]:
        async with self.hub.serving(tls=tls):
            yield self

    def put(self, name: str, content: bytes, repository: str = "org/tiny") -> None:
        file = self.root / repository / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    async def fetch(
        self,
        source: str = SOURCE,
        *,
        files: tuple[str, ...] = (),
        digest: str = "",
        token: str = fake_hub.GOOD,
        endpoints: dict[str, str] | None = None,
        credentials: dict[str, str] | None = None,
        adapters: tuple[str, ...] = (),
    ) -> fetcher.Result:
        others = (
            settings.source(one, str(self.into.with_name(f"adapter-{place}"))) for place, one in enumerate(adapters)
        )
        told = settings.Settings(
            (settings.source(source, str(self.into), files, digest), *others),
            {"hf": self.hub.url} if endpoints is None else endpoints,
            credentials or ({"HF_TOKEN": token} if token else {}),
        )
        self.state = progress.Progress(self.hurried.now())
        async with http_client.Client() as client:
            return await fetcher.Fetcher(told, client, self.state, self.hurried.clock).all()

    async def fails(self, source: str = SOURCE, **how: object) -> failures.Failure:
        """Fetch; return the failure that it must end with."""
        try:
            await self.fetch(source, **how)  # type: ignore[arg-type]
        except failures.Failure as failure:
            return failure
        raise AssertionError("the fetch did not fail")

    @property
    def fetched(self) -> dict[str, bytes]:
        """What lies in the directory, beside the fetcher's own files."""
        files = (file for file in self.into.rglob("*") if file.is_file())
        found = {str(file.relative_to(self.into)): file.read_bytes() for file in files}
        return {name: content for name, content in found.items() if not name.startswith((".fetch/", ".complete"))}

    @property
    def whole(self) -> bool:
        return directory.finished(str(self.into)) is not None
