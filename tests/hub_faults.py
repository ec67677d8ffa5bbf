"""What goes wrong at the stand-in for the hub: each is an answer in the place of the right one."""

import asyncio
import pathlib

from aiohttp import web

from tests.fake_hub import Answer


def refusing(status: int, **headers: str) -> Answer:
    """Return a fault that answers a status; `Retry_After="1"` is the header Retry-After."""

    async def answer(_: web.Request, __: pathlib.Path | None) -> web.Response:
        return web.Response(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


def listing(*entries: dict[str, object]) -> Answer:
    """Return a fault that lists these files, whatever there is."""

    async def answer(_: web.Request, __: pathlib.Path | None) -> web.Response:
        return web.json_response(entries)

    return answer


def cutting(after: int) -> Answer:
    """Return a fault that sends so many bytes of what was asked, and cuts the connection."""

    async def answer(request: web.Request, file: pathlib.Path | None) -> web.StreamResponse:
        response, content = await _begun(request, file)
        await response.write(content[:after])
        assert request.transport
        request.transport.close()
        return response

    return answer


def lying(request_byte: int = 0) -> Answer:
    """Return a fault that sends what was asked with one bit changed."""

    async def answer(request: web.Request, file: pathlib.Path | None) -> web.StreamResponse:
        response, content = await _begun(request, file)
        changed = bytearray(content)
        changed[request_byte] ^= 1
        await response.write(bytes(changed))
        return response

    return answer


def chunked(*more: bytes, status: int = 200, **headers: str) -> Answer:
    """Return a fault that sends the file without its length, and more after it."""

    async def answer(request: web.Request, file: pathlib.Path | None) -> web.StreamResponse:
        assert file
        response = web.StreamResponse(status=status)
        response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        await response.prepare(request)
        for block in (await asyncio.to_thread(file.read_bytes), *more):
            await response.write(block)
        return response

    return answer


def holding(until: asyncio.Event, after: int = 0) -> Answer:
    """Return a fault that sends so many bytes, and the rest when the event says so."""

    async def answer(request: web.Request, file: pathlib.Path | None) -> web.StreamResponse:
        response, content = await _begun(request, file)
        await response.write(content[:after])
        await until.wait()
        await response.write(content[after:])
        return response

    return answer


async def _begun(request: web.Request, file: pathlib.Path | None) -> tuple[web.StreamResponse, bytes]:
    assert file
    content = await asyncio.to_thread(file.read_bytes)
    asked = request.http_range
    start, stop = asked.start or 0, asked.stop or len(content)
    response = web.StreamResponse(status=206 if "Range" in request.headers else 200)
    response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
    response.content_length = stop - start
    await response.prepare(request)
    return response, content[start:stop]
