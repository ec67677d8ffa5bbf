"""What the API server in memory lets go wrong, and what it lets late: in virtual time."""

import asyncio

import pytest

from tests import clock, fake_apiserver, samples, troubles
from vllm_operator.kube import errors, kinds, naming

OWNER = naming.Owner("models", "vllm11", "u")
SECRET = samples.secret(OWNER)
REF = kinds.ref(SECRET)


async def test_only_the_calls_that_are_named_fail_and_only_so_often() -> None:
    api = fake_apiserver.FakeCluster()
    api.troubles.fail(errors.Denied(403, "Forbidden", "no"), "create", kind="Secret", times=1)
    await api.create(samples.service(OWNER))
    with pytest.raises(errors.Denied):
        await api.create(SECRET)
    assert REF not in api.objects
    await api.create(SECRET)


async def test_a_lost_answer_is_that_of_a_write_that_was_done() -> None:
    api = fake_apiserver.FakeCluster()
    lost = api.troubles.fail(when="after")
    with pytest.raises(errors.Unavailable):
        await api.create(SECRET)
    assert REF in api.objects
    api.troubles.end(lost)
    assert await api.exists(REF)


@clock.virtual
async def test_a_call_is_late_before_its_effect_or_after_it() -> None:
    api = fake_apiserver.FakeCluster()
    api.troubles.delay(5, "create", name=REF.name, when="after")
    late = asyncio.create_task(api.create(SECRET))
    await asyncio.sleep(4)
    assert REF in api.objects
    assert not late.done()
    api.troubles.end()
    api.troubles.delay(5, "delete")
    deletion = asyncio.create_task(api.delete(REF, api.objects[REF]["metadata"]["uid"]))
    await asyncio.sleep(4)
    assert late.done()
    assert REF in api.objects
    await deletion
    assert REF not in api.objects


@clock.virtual
async def test_events_of_one_kind_come_late() -> None:
    api = fake_apiserver.FakeCluster()
    api.latency["Secret"] = 7.0
    events = api.watch(kinds.SECRET, str(api.version))
    assert (await anext(events))[0] == "BOOKMARK"
    await api.create(SECRET)
    began = clock.now()
    assert (await anext(events))[0] == "ADDED"
    assert clock.now() - began == pytest.approx(7)


def test_an_empty_part_matches_all() -> None:
    down = troubles.Troubles().fail()
    assert down.meets("get", REF, "before")
    assert not down.meets("get", REF, "after")
