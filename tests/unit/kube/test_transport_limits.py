"""How many calls are under way at once, before a small server that answers as it is told."""

import asyncio

import pytest
from aiohttp import web

from tests import clock, http_stub
from vllm_operator.kube import client, kinds, transport

REF = kinds.Ref("Secret", "models", "vllm11.key")
SERVICE = {"kind": "Service", "metadata": {"name": "a", "namespace": "models"}, "spec": {}}


async def test_a_lease_waits_for_no_other_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "IN_FLIGHT", 3)
    ended = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if "leases" not in request.path:
            await ended.wait()
        return web.json_response({})

    stub = http_stub.Stub(answer)
    async with stub.running() as api:
        others = [asyncio.create_task(api.get(REF)) for _ in range(6)]
        await clock.until(lambda: len(stub.requests) == 3)
        async with asyncio.timeout(20):
            await api.replace({"kind": "Lease", "metadata": {"name": "a", "namespace": "models"}})
        assert len(stub.requests) == 4
        ended.set()
        await asyncio.gather(*others)


async def test_slow_answers_of_one_namespace_hold_up_no_other() -> None:
    ended = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if "/slow/" in request.path:
            await ended.wait()
        return web.json_response({})

    stub = http_stub.Stub(answer)
    slow = {**SERVICE, "metadata": {"name": "a", "namespace": "slow"}}
    async with stub.running() as api:
        waits = [
            *(api.get(REF._replace(namespace="slow")) for _ in range(60)),
            *(api.create(slow) for _ in range(9)),
        ]
        others = [asyncio.create_task(one) for one in waits]
        await clock.until(lambda: len(stub.requests) == transport.IN_FLIGHT)
        async with asyncio.timeout(20):
            await asyncio.gather(*(api.get(REF) for _ in range(60)))
            await api.create(SERVICE)
        ended.set()
        await asyncio.gather(*others)


@pytest.mark.parametrize(("spec", "most"), [({}, client.ADDRESSES_IN_FLIGHT), ({"clusterIP": "None"}, 20)])
async def test_few_services_with_an_address_are_created_at_once(spec: dict[str, str], most: int) -> None:
    now, seen = 0, 0
    release = asyncio.Event()

    async def answer(_: web.Request) -> web.StreamResponse:
        nonlocal now, seen
        now += 1
        seen = max(seen, now)
        if seen == most:
            asyncio.get_running_loop().call_later(0.2, release.set)  # time for one more to come
        await release.wait()
        now -= 1
        return web.json_response({})

    service = {**SERVICE, "spec": spec}
    async with http_stub.Stub(answer).running() as api, asyncio.timeout(20):
        await asyncio.gather(*(api.create(service) for _ in range(20)))
    assert seen == most
