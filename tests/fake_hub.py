"""A stand-in for the hub of models: its API over a directory, a second server for large files, and whatever goes wrong.

    python tests/fake_hub.py ROOT [--port 8080] [--cdn-port 8081] [--host NAME] [--pace BYTES_A_SECOND]

ROOT/org/name holds the files of the repository org/name. Needs aiohttp alone. Files that end in .safetensors are large: the hub
redirects to the second server, which is another origin and takes a signature and no token. hub_faults.py has what may go wrong.
"""

import argparse
import asyncio
import contextlib
import functools
import hashlib
import json
import pathlib
import re
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer = Callable[[web.Request, pathlib.Path | None], Awaitable[web.StreamResponse]]
GOOD, STRANGER = "hf_good", "hf_stranger"
"""A token that may read everything, and one of an account that has no access to what is gated."""
PAGE = 3  # entries of a tree; the real hub has a thousand
SIGNATURE = "signed-for-an-hour"


class Fault(NamedTuple):
    """What the next `times` requests get whose path holds `where`."""

    where: str
    answer: Answer
    times: int = 1


class Hub:
    """The two servers and what they saw. `gated` and `private` name repositories; `refs` gives commits to branches and tags."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.gated: set[str] = set()
        self.private: set[str] = set()
        self.refs: dict[str, dict[str, str]] = {}
        self.faults: list[Fault] = []
        self.seen: list[tuple[str, str, str]] = []  # server, path, Authorization
        self.ranges: list[str] = []
        self.signature = SIGNATURE
        self.pace = 0
        self.url = self.cdn = ""

    @contextlib.asynccontextmanager
    async def serving(
        self, port: int = 0, cdn_port: int = 0, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[str]:
        """Serve both; yield the hub's URL, which is what HF_ENDPOINT would be."""
        async with _served(self._hub, port, host, tls) as self.url, _served(self._cdn, cdn_port, host, tls) as self.cdn:
            yield self.url

    def commit(self, repository: str, revision: str = "main") -> str:
        """Return the commit of a branch or a tag; nothing where there is none."""
        named = self.refs.get(repository) or {"main": hashlib.sha1(repository.encode()).hexdigest()}  # noqa: S324 - as git
        return named.get(revision, revision if revision in named.values() else "")

    def asked(self, server: str) -> list[str]:
        """Return the paths that a server was asked for: "hub" or "cdn"."""
        return [path for where, path, _ in self.seen if where == server]

    async def _hub(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(("hub", request.path_qs, request.headers.get("Authorization", "")))
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", request.path):
            refusal = self._refusal(request, match[1], match[2] or "main", gates=False)
            return refusal or await self._unless(request, None, functools.partial(self._revision, match))
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/(.+)", request.path):
            refusal = self._refusal(request, match[1], match[2], gates=False)
            return refusal or await self._unless(request, None, functools.partial(self._tree, match))
        if match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", request.path):
            refusal = self._refusal(request, match[1], match[2], gates=True)
            file = self.root / match[1] / match[3]
            resolve = functools.partial(self._resolve, self.commit(match[1], match[2]), file)
            return refusal or await self._unless(request, file, resolve)
        return web.Response(status=404)

    async def _cdn(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(("cdn", request.path_qs, request.headers.get("Authorization", "")))
        self.ranges.append(request.headers.get("Range", ""))
        if request.query.get("signature") != self.signature:
            return web.Response(status=403, text="the signature is old")
        file = self.root / request.match_info["path"]
        if self.pace:
            return await _paced(file, request, self.pace)
        return await self._unless(request, file, functools.partial(_file, file))

    async def _unless(self, request: web.Request, file: pathlib.Path | None, handler: Handler) -> web.StreamResponse:
        """Let a fault answer, or else the handler."""
        for index, fault in enumerate(self.faults):
            if fault.where in request.path_qs:
                left = [fault._replace(times=fault.times - 1)] if fault.times > 1 else []
                self.faults[index : index + 1] = left
                return await fault.answer(request, file)
        return await handler(request)

    def _refusal(self, request: web.Request, repository: str, revision: str, *, gates: bool) -> web.Response | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in ("", GOOD, STRANGER):
            return _error(401, "", "Invalid credentials in Authorization header")
        hidden = repository in self.private and token != GOOD
        if hidden or not (self.root / repository).is_dir():
            return _error(404 if token else 401, "RepoNotFound", "Repository not found")
        if gates and repository in self.gated and token != GOOD:
            return _error(403 if token else 401, "GatedRepo", f"Access to model {repository} is restricted.")
        if not self.commit(repository, revision):
            return _error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return None

    async def _revision(self, match: re.Match[str], _: web.Request) -> web.Response:
        files = [{"rfilename": path} for path in self._paths(match[1])]
        about = {"id": match[1], "sha": self.commit(match[1], match[2] or "main"), "private": False, "siblings": files}
        return web.json_response({**about, "modelId": match[1], "gated": match[1] in self.gated, "tags": []})

    async def _tree(self, match: re.Match[str], request: web.Request) -> web.Response:
        start = int(request.query.get("cursor", "0"))
        paths = self._paths(match[1])
        entries = [_entry(path, self.root / match[1] / path) for path in paths[start : start + PAGE]]
        more = f'<{self.url}{request.path}?recursive=true&cursor={start + PAGE}>; rel="next"'
        return web.json_response(entries, headers={"Link": more} if paths[start + PAGE :] else {})

    async def _resolve(self, commit: str, file: pathlib.Path, request: web.Request) -> web.StreamResponse:
        answer = await _file(file, request)
        if answer.status == 200:
            entry = await asyncio.to_thread(_entry, file.name, file)
            about = entry.get("lfs") or entry
            answer.headers.update(
                {"X-Repo-Commit": commit, "X-Linked-Etag": f'"{about["oid"]}"', "X-Linked-Size": str(entry["size"])}
            )
        if answer.status != 200 or file.suffix != ".safetensors":
            return answer
        place = f"{self.cdn}/{file.relative_to(self.root)}?signature={self.signature}"
        return web.Response(status=302, headers={**answer.headers, "Location": place})

    def _paths(self, repository: str) -> list[str]:
        root = self.root / repository
        return sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())


async def _paced(file: pathlib.Path, request: web.Request, pace: int) -> web.StreamResponse:
    """Send the part of a file that is asked for, so many bytes a second."""
    whole = await asyncio.to_thread(file.read_bytes)
    start, stop = request.http_range.start or 0, request.http_range.stop or len(whole)
    response = web.StreamResponse(status=206 if "Range" in request.headers else 200)
    response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(whole)}"
    response.content_length = stop - start
    await response.prepare(request)
    for at in range(start, stop, pace):
        await response.write(whole[at : min(at + pace, stop)])
        await asyncio.sleep(1)
    return response


async def _file(file: pathlib.Path, _: web.Request) -> web.StreamResponse:
    return (
        web.FileResponse(file)
        if await asyncio.to_thread(file.is_file)
        else _error(404, "EntryNotFound", "Entry not found")
    )


def _error(status: int, code: str, message: str) -> web.Response:
    headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
    return web.json_response({"error": message}, status=status, headers=headers)


def _entry(path: str, file: pathlib.Path) -> dict[str, object]:
    about = file.stat()
    sha256, blob = _hashes(file, about.st_mtime_ns, about.st_size)
    entry: dict[str, object] = {"type": "file", "path": path, "size": about.st_size, "oid": blob}
    if file.suffix == ".safetensors":
        pointer = hashlib.sha1(sha256.encode()).hexdigest()  # noqa: S324 - as git
        return {**entry, "oid": pointer, "lfs": {"oid": sha256, "size": about.st_size, "pointerSize": 135}}
    return entry


@functools.cache
def _hashes(file: pathlib.Path, _: int, size: int) -> tuple[str, str]:
    sha256, blob = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size)  # noqa: S324 - as git
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            sha256.update(block)
            blob.update(block)
    return sha256.hexdigest(), blob.hexdigest()


@contextlib.asynccontextmanager
async def _served(handler: Handler, port: int, host: str, tls: ssl.SSLContext | None) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1" if host == "127.0.0.1" else None, port, ssl_context=tls)
    await site.start()
    yield f"{'https' if tls else 'http'}://{host}:{runner.addresses[0][1]}"
    await runner.cleanup()


async def main(argv: list[str]) -> None:
    """Serve until the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--cdn-port", type=int, default=8081)
    parser.add_argument("--host", default="127.0.0.1", help="the name under which both are reached")
    parser.add_argument("--pace", type=int, default=0, help="bytes a second of a large file; 0: as fast as it goes")
    told = parser.parse_args(argv)
    one = Hub(told.root)
    one.pace = told.pace
    async with one.serving(told.port, told.cdn_port, told.host) as url:
        sys.stdout.write(f"{json.dumps({'hub': url, 'cdn': one.cdn})}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
