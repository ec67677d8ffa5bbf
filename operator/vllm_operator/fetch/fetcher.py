"""One source into its directory: nothing where it is whole, else lock, list or go on, fetch, check, mark as whole."""

import asyncio
from typing import NamedTuple

from vllm_operator.fetch import (
    adapter,
    bucket,
    directory,
    download,
    failures,
    http_client,
    hub,
    listing,
    patience,
    plan,
    progress,
    settings,
)

LOCK_SECONDS = 2.0
GIB = 1 << 30


class Result(NamedTuple):
    """What a directory holds. `files`: how many; `digest`: of all files (listing.digest)."""

    revision: str
    digest: str
    bytes: int
    files: int


class Fetcher:
    """Fetches sources, one after the other."""

    def __init__(
        self, told: settings.Settings, client: http_client.Client, state: progress.Progress, clock: patience.Clock
    ) -> None:
        self._told = told
        self._client = client
        self._state = state
        self._clock = clock

    async def all(self) -> Result:
        """Bring every source into its directory; return what the first one is. Raises `failures.Failure`."""
        first = self._told.sources[0]
        results = [await self._one(source) for source in self._told.sources]
        for source in self._told.sources:
            await asyncio.to_thread(adapter.check, source, None if first.adapter else first)
        return results[0]

    async def _one(self, source: settings.Source) -> Result:
        try:
            if found := self._finished(source):
                return found
            with directory.Directory(source.into) as target:
                await self._lock(target)
                return self._finished(source) or await self._fetch(source, target)
        except OSError as error:
            raise failures.of_volume(error, source.into, self._told.enlarge) from error

    def _finished(self, source: settings.Source) -> Result | None:
        """Return what a whole directory holds; None where it is not whole, or not what is wanted."""
        about = directory.finished(source.into) or {}
        wanted = source.digest or about.get("digest")
        if about.get("source") != source.text or about.get("digest") != wanted:
            return None
        found = Result(about["revision"], about["digest"], about["bytes"], about["files"])
        self._state.found(found.bytes, found.bytes, found.files, found.files)
        self._name(source, found.revision, found.digest)
        return found

    async def _lock(self, target: directory.Directory) -> None:
        while not target.lock():
            self._state.held_up("", f"Another fetcher works on {target.path}: this one waits for it.")
            await self._clock.sleep(LOCK_SECONDS)
        self._state.held_up("", "")

    async def _fetch(self, source: settings.Source, target: directory.Directory) -> Result:
        target.reopen()
        origin = self._origin(source)
        found = await self._listing(source, origin, target)
        origin.take(found.revision)
        run = download.Download(origin, target, found.files, self._state, self._clock)
        await asyncio.to_thread(run.look)
        self._state.found(found.size, plan.fetched(found.files, run.held), len(found.files), len(run.done))
        self._name(source, found.revision, "")
        self._check_space(target, plan.needed(found.files, run.held))
        for wave in plan.waves(found.files):
            await run.run(wave)
            _check_digest(source, plan.expected(found.files, run.done))
        await asyncio.to_thread(run.look)
        _check_whole(target, len(run.done), len(found.files))
        result = Result(found.revision, plan.expected(found.files, run.done), found.size, len(found.files))
        target.complete({"source": source.text, **result._asdict()})
        self._name(source, result.revision, result.digest)
        return result

    async def _listing(
        self, source: settings.Source, origin: download.Origin, target: directory.Directory
    ) -> listing.Listing:
        """Return what an earlier start was to fetch, or else what the source has now."""
        earlier = target.manifest()
        if earlier and (earlier.source, earlier.patterns) == (source.text, source.patterns):
            return earlier.listing
        found = await self._ask(origin)
        target.start(directory.Manifest(source.text, source.patterns, found))
        return found

    async def _ask(self, origin: download.Origin) -> listing.Listing:
        waits, attempt = patience.Patience(self._state, self._clock), 0
        while True:
            try:
                return await origin.list_files()
            except failures.Transient as failure:
                attempt += 1
                await waits.wait(failure, attempt)

    def _origin(self, source: settings.Source) -> download.Origin:
        told = self._told
        if source.scheme == "hf":
            return hub.Hub(self._client, source, told.endpoints.get("hf", ""), told.credentials.get("HF_TOKEN", ""))
        return bucket.Bucket(self._client, source, told.endpoints, told.credentials)

    def _check_space(self, target: directory.Directory, needed: int) -> None:
        free = target.free()
        if needed > free:
            told = f"The volume of {target.path} has {free / GIB:.1f} GiB left"
            told = f"{told}, and {needed / GIB:.1f} GiB are to be fetched"
            raise failures.Failure(failures.DISK_FULL, told, self._told.enlarge)

    def _name(self, source: settings.Source, revision: str, digest: str) -> None:
        """Name the model's revision in the progress; adapters have none there."""
        if source is self._told.sources[0]:
            self._state.revision, self._state.digest = revision, digest


def _check_whole(target: directory.Directory, whole: int, files: int) -> None:
    """Look once more before the mark is set: on a volume without locks, or a shared one, others may have written."""
    if whole < files:
        told = f"Files of {target.path} were taken away while others were fetched"
        remedy = "leave the directory to its fetcher, which goes on by itself"
        raise failures.Failure(failures.UNWRITABLE, told, remedy)


def _check_digest(source: settings.Source, found: str) -> None:
    if source.digest and found and found != source.digest:
        told = f"The files of {source.shown} have the digest {found}, and not that of model.digest"
        raise failures.Failure(failures.WRONG_DIGEST, told, "look at what changed, then correct model.digest")
