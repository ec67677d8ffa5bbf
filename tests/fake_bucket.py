"""A stand-in for Google Cloud Storage: it lists a bucket as its XML API does, gives objects, and notes who asks."""

import contextlib
import pathlib
import ssl
from collections.abc import AsyncIterator
from xml.sax import saxutils

from aiohttp import web


class Bucket:
    """A bucket over a directory. `faults`: statuses that the next requests get."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.faults: list[tuple[int, str]] = []
        self.seen: list[tuple[str, dict[str, str], str]] = []  # path, query, Authorization
        self.etags: dict[str, str] = {}
        self.markers: list[str] = []  # empty objects that stand for a directory

    @contextlib.asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.path, dict(request.query), request.headers.get("Authorization", "")))
        if self.faults:
            status, code = self.faults.pop(0)
            return web.Response(status=status, text=f"<Error><Code>{code}</Code></Error>", content_type="text/xml")
        if "list-type" in request.query:
            return web.Response(text=self._listing(request), content_type="text/xml")
        file = self.root / request.path.lstrip("/")
        return self._object_of(file, request) if file.is_file() else web.Response(status=404)

    def _object_of(self, file: pathlib.Path, request: web.Request) -> web.Response:
        content, asked = file.read_bytes(), request.http_range
        start, stop = asked.start or 0, asked.stop or file.stat().st_size
        headers = {"ETag": self._etag(file), "Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
        return web.Response(status=206, body=content[start:stop], headers=headers)

    def _listing(self, request: web.Request) -> str:
        bucket = self.root / request.path.strip("/")
        files = sorted(file for file in bucket.rglob("*") if file.is_file())
        names = [(str(file.relative_to(bucket)), file) for file in files]
        wanted = [one for one in names if one[0].startswith(request.query.get("prefix", ""))]
        found = "".join(self._object(name, file) for name, file in wanted)
        about = "<Size>0</Size><LastModified>2026-11-28T12:00:00.000Z</LastModified><ETag>x</ETag>"
        empty = "".join(f"<Contents><Key>{name}</Key>{about}</Contents>" for name in self.markers)
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}{empty}</ListBucketResult>"

    def _object(self, name: str, file: pathlib.Path) -> str:
        return (
            f"<Contents><Key>{saxutils.escape(name)}</Key><Size>{file.stat().st_size}</Size>"
            f"<LastModified>2026-11-28T12:00:00.000Z</LastModified><ETag>{saxutils.escape(self._etag(file))}</ETag></Contents>"
        )

    def _etag(self, file: pathlib.Path) -> str:
        return self.etags.get(file.name, '"0123456789abcdef"')
