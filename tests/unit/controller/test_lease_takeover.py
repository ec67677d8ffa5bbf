"""Who takes a Lease that was given back, ran out, vanished or was emptied, and when."""

import asyncio
import time

import pytest

from tests import clock, contenders, fake_apiserver
from vllm_operator.controller import leader_election


@clock.virtual
async def test_a_released_lease_is_taken_in_under_two_seconds() -> None:
    api = fake_apiserver.FakeCluster()
    first, second = contenders.contender(api), contenders.contender(api)
    await first.acquire()
    keeping, waiting = asyncio.create_task(first.keep()), asyncio.create_task(second.acquire())
    await asyncio.sleep(33.3)
    await contenders.end(keeping)
    released = clock.now()
    await first.release()
    assert not first.holds()
    await waiting
    assert clock.now() - released < 2
    assert api.objects[contenders.LEASE]["spec"]["leaseTransitions"] == 2


@clock.virtual
async def test_a_release_during_a_renewal_is_a_release() -> None:
    api = contenders.Slow()
    first = contenders.contender(api)
    await first.acquire()
    api.seconds = lambda: 0.5
    keeping = asyncio.create_task(first.keep())
    await asyncio.sleep(2.75)  # the renewal was done, its answer is under way
    await contenders.end(keeping)
    await first.release()
    assert "holderIdentity" not in api.objects[contenders.LEASE]["spec"]


@clock.virtual
async def test_a_killed_holder_is_succeeded_after_its_lease_and_in_under_twenty_seconds() -> None:
    api = fake_apiserver.FakeCluster()
    first, second = contenders.contender(api), contenders.contender(api)
    await first.acquire()
    killed = clock.now()
    await second.acquire()
    assert 15 <= clock.now() - killed < 20
    assert not first.holds()


@pytest.mark.parametrize("how", ["deleted", "emptied"])
def test_a_lease_that_vanishes_is_not_taken_while_its_holder_may_write(how: str) -> None:
    @clock.virtual
    async def scenario() -> None:
        api, broken = fake_apiserver.FakeCluster(), contenders.Slow()
        first, second = contenders.contender(api), contenders.contender(api)
        await first.acquire()
        keeping, waiting = asyncio.create_task(contenders.until_lost(first)), asyncio.create_task(second.acquire())
        await asyncio.sleep(33.3)
        broken.down = True
        first._api = broken  # it does not learn what happens to the Lease
        if how == "deleted":
            await api.delete_by("kubectl", contenders.LEASE)
        else:
            await api.edit_by("kubectl", contenders.LEASE, {"spec": {"holderIdentity": None}})
        vanished = clock.now()
        for _ in range(400):
            await asyncio.sleep(0.05)
            assert not (first.holds() and second.holds())
        assert second.holds()
        await waiting
        assert clock.now() - vanished <= 20.1
        await contenders.end(keeping)

    scenario()


@pytest.mark.parametrize("how", ["deleted", "emptied"])
def test_its_own_holder_takes_a_lease_that_vanished_at_once(how: str) -> None:
    @clock.virtual
    async def scenario() -> None:
        api = fake_apiserver.FakeCluster()
        first, second = contenders.contender(api), contenders.contender(api)
        await first.acquire()
        waiting = asyncio.create_task(second.acquire())
        await asyncio.sleep(5)
        if how == "deleted":
            await api.delete_by("kubectl", contenders.LEASE)
        else:
            await api.edit_by("kubectl", contenders.LEASE, {"spec": {"holderIdentity": None}})
        await contenders.until_lost(first)
        lost = clock.now()
        await first.acquire()
        assert clock.now() - lost < 1
        await asyncio.sleep(8)
        assert not second.holds()
        await contenders.end(waiting)

    scenario()


@clock.virtual
async def test_who_held_a_lease_that_vanished_while_it_was_cut_off_waits_for_whoever_held_it_since() -> None:
    api, broken = fake_apiserver.FakeCluster(), contenders.Slow()
    first, second = contenders.contender(api), contenders.contender(api)
    await first.acquire()
    broken.down = True
    first._api = broken
    await contenders.until_lost(first)
    await second.acquire()
    keeping = asyncio.create_task(contenders.until_lost(second))
    await api.delete_by("kubectl", contenders.LEASE)
    first._api = api
    taking = asyncio.create_task(first.acquire())
    for _ in range(100):
        await asyncio.sleep(0.05)
        assert not (first.holds() and second.holds())
    await contenders.end(keeping, taking)


@clock.virtual
async def test_who_saw_no_holder_takes_a_missing_lease_at_once() -> None:
    begun = clock.now()
    await contenders.contender(fake_apiserver.FakeCluster()).acquire()
    assert clock.now() == begun


@clock.virtual
async def test_a_lease_given_back_says_so_and_one_that_is_held_says_for_how_long() -> None:
    api = fake_apiserver.FakeCluster()
    first = contenders.contender(api)
    await first.acquire()
    await first.release()
    assert api.objects[contenders.LEASE]["spec"]["leaseDurationSeconds"] == 1
    await contenders.contender(api).acquire()
    assert api.objects[contenders.LEASE]["spec"]["leaseDurationSeconds"] == 15


@clock.virtual
async def test_a_lease_that_another_holds_is_not_given_back() -> None:
    api = fake_apiserver.FakeCluster()
    first = contenders.contender(api)
    await first.acquire()
    await api.edit_by("kubectl", contenders.LEASE, {"spec": {"holderIdentity": "usurper"}})
    await first.release()
    assert api.objects[contenders.LEASE]["spec"]["holderIdentity"] == "usurper"
    assert not first.holds()


@clock.virtual
async def test_a_lease_that_was_taken_without_an_answer_is_given_back() -> None:
    api = contenders.Slow()
    first = contenders.contender(api)
    await first.acquire()
    await first.release()
    api.seconds = lambda: 2.0
    taking = asyncio.create_task(first.acquire())
    await asyncio.sleep(5)  # it is taken, and the answer is under way
    await contenders.end(taking)
    assert api.objects[contenders.LEASE]["spec"]["holderIdentity"] == first.holder
    api.seconds = lambda: 0.1
    await first.release()
    assert "holderIdentity" not in api.objects[contenders.LEASE]["spec"]


@clock.virtual
async def test_a_release_that_hangs_is_given_up() -> None:
    api = contenders.Slow()
    first = contenders.contender(api)
    await first.acquire()
    api.seconds = lambda: 1000.0
    begun = clock.now()
    await first.release()
    assert clock.now() - begun <= 3
    assert not first.holds()


@clock.virtual
async def test_after_an_outage_the_lease_is_held_again_within_five_seconds() -> None:
    api = contenders.Slow()
    first = contenders.contender(api)
    await first.acquire()
    api.down = True
    await contenders.until_lost(first)
    again = asyncio.create_task(first.acquire())
    await asyncio.sleep(180)
    api.down = False
    await asyncio.sleep(5)
    assert again.done()
    assert first.holds()


@clock.virtual
async def test_a_lease_that_was_renewed_without_answers_is_still_ours_to_take() -> None:
    api = fake_apiserver.FakeCluster()
    first = contenders.contender(api)
    await first.acquire()
    await asyncio.sleep(1)
    lost = api.troubles.fail(kind="Lease", when="after")
    await contenders.until_lost(first)
    api.troubles.end(lost)
    begun = clock.now()
    await first.acquire()
    assert clock.now() - begun < 1


def test_the_clock_goes_on_while_the_machine_is_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    @clock.virtual
    async def scenario() -> None:
        machine = {time.CLOCK_BOOTTIME: 5000.0, time.CLOCK_MONOTONIC: 4000.0}
        monkeypatch.setattr(time, "clock_gettime", lambda which: machine[which])
        api = fake_apiserver.FakeCluster()
        one = leader_election.Leader(api, contenders.LEASE.namespace, contenders.LEASE.name, "a")
        await one.acquire()
        assert one.holds()
        machine[time.CLOCK_BOOTTIME] += 60
        assert not one.holds()

    scenario()
