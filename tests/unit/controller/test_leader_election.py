"""One writes at a time: through stops, kills, stalls and lost answers."""

import asyncio
import random
from collections.abc import Callable

import pytest

from tests import clock, contenders, fake_apiserver
from vllm_operator.controller import leader_election
from vllm_operator.kube import errors, kinds


@clock.virtual
async def test_nothing_may_be_written_before_the_lease_is_held() -> None:
    one = contenders.contender(fake_apiserver.FakeCluster())
    assert not one.holds()
    with pytest.raises(errors.Lost, match="operators/vllm-operator"):
        one.check()
    await one.acquire()
    one.check()


@clock.virtual
async def test_a_holder_that_renews_holds_and_a_second_waits() -> None:
    api = fake_apiserver.FakeCluster()
    first, second = contenders.contender(api), contenders.contender(api)
    await first.acquire()
    keeping, waiting = asyncio.create_task(first.keep()), asyncio.create_task(second.acquire())
    await asyncio.sleep(300)
    assert first.holds()
    assert not second.holds()
    spec = api.objects[contenders.LEASE]["spec"]
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (first.holder, 15, 1)
    await contenders.end(keeping, waiting)


@clock.virtual
async def test_who_cannot_renew_stops_writing_before_another_may_begin() -> None:
    api = contenders.Slow()
    one = contenders.contender(api)
    await one.acquire()
    begun = clock.now()
    api.down = True
    await contenders.until_lost(one)
    assert 9.9 <= clock.now() - begun <= 10.1
    assert not one.holds()


@clock.virtual
async def test_a_renewal_that_hangs_is_given_up_in_time() -> None:
    api = contenders.Slow()
    one = contenders.contender(api)
    await one.acquire()
    begun = clock.now()
    api.seconds = lambda: 1000.0
    await contenders.until_lost(one)
    assert clock.now() - begun <= 10.1


@clock.virtual
async def test_time_counts_from_before_the_lease_was_asked_for() -> None:
    api = contenders.Slow()
    first, second = contenders.contender(api), contenders.contender(api)
    await first.acquire()
    await first.release()
    api.seconds = lambda: 2.5
    asked = clock.now()
    await second.acquire()
    assert second.holds()
    await asyncio.sleep(asked + 10.1 - clock.now())
    assert not second.holds()


@clock.virtual
async def test_a_short_outage_costs_nothing() -> None:
    api = contenders.Slow()
    one = contenders.contender(api)
    await one.acquire()
    keeping = asyncio.create_task(one.keep())
    for _ in range(5):
        api.down = True
        await asyncio.sleep(6)
        assert one.holds()
        api.down = False
        await asyncio.sleep(6)
    assert one.holds()
    await contenders.end(keeping)


@clock.virtual
async def test_a_sleeper_that_wakes_writes_nothing_and_does_not_try_to_renew() -> None:
    api = fake_apiserver.FakeCluster()
    one = contenders.contender(api)
    await one.acquire()
    keeping = asyncio.create_task(one.keep())
    await asyncio.sleep(5)
    contenders.sleep_through(60)
    api.calls.clear()
    assert not one.holds()
    with pytest.raises(errors.Lost):
        await keeping
    assert api.calls == []


@clock.virtual
async def test_a_lease_that_another_took_is_lost_at_once() -> None:
    api = fake_apiserver.FakeCluster()
    one = contenders.contender(api)
    await one.acquire()
    taken = clock.now()
    await api.edit_by("kubectl", contenders.LEASE, {"spec": {"holderIdentity": "usurper"}})
    await contenders.until_lost(one)
    assert clock.now() - taken <= 2.1
    assert not one.holds()


@clock.virtual
async def test_a_deleted_lease_is_lost_at_once() -> None:
    api = fake_apiserver.FakeCluster()
    one = contenders.contender(api)
    await one.acquire()
    await api.delete_by("kubectl", contenders.LEASE)
    await contenders.until_lost(one)
    assert not one.holds()


@clock.virtual
async def test_a_note_on_the_lease_does_not_cost_it() -> None:
    api = fake_apiserver.FakeCluster()
    one = contenders.contender(api)
    await one.acquire()
    keeping = asyncio.create_task(one.keep())
    await api.edit_by("kubectl", contenders.LEASE, {"metadata": {"annotations": {"note": "hello"}}})
    await asyncio.sleep(60)
    assert one.holds()
    assert api.objects[contenders.LEASE]["metadata"]["annotations"] == {"note": "hello"}
    await contenders.end(keeping)


@clock.virtual
async def test_a_lost_answer_to_a_renewal_does_not_cost_the_lease() -> None:
    api = fake_apiserver.FakeCluster()
    one = contenders.contender(api)
    await one.acquire()
    keeping = asyncio.create_task(one.keep())
    for _ in range(5):
        api.interrupt = _lose_one_answer(api)
        await asyncio.sleep(20)
        assert one.holds()
    await contenders.end(keeping)


@clock.virtual
async def test_two_processes_of_one_name_are_two() -> None:
    api = fake_apiserver.FakeCluster()
    first, second = contenders.contender(api, "pod"), contenders.contender(api, "pod")
    await first.acquire()
    keeping, waiting = asyncio.create_task(first.keep()), asyncio.create_task(second.acquire())
    await asyncio.sleep(100)
    assert first.holds()
    assert not second.holds()
    await contenders.end(keeping, waiting)


@pytest.mark.parametrize("seed", range(10))
def test_never_do_two_hold(seed: int) -> None:
    """Contenders on a slow and failing API server are killed, stopped, released and started anew at random."""
    chance = random.Random(seed)  # noqa: S311 - a test

    @clock.virtual
    async def scenario() -> None:
        api = contenders.Slow()
        api.seconds = lambda: chance.choice([0.0, 0.1, 1.0, 4.0])
        living: dict[leader_election.Leader, asyncio.Task[None]] = {}
        past: list[leader_election.Leader] = []
        held = 0
        for _ in range(400):
            while len(living) < 3:
                one = contenders.contender(api)
                living[one] = asyncio.create_task(_live(one))
            await asyncio.sleep(chance.uniform(0, 5))
            api.down = chance.random() < 0.2
            holders = [one for one in (*living, *past) if one.holds()]
            assert len(holders) <= 1
            held += len(holders)
            if chance.random() < 0.1:
                one = chance.choice(list(living))
                await contenders.end(living.pop(one))
                past.append(one)
                if chance.random() < 0.5:
                    await one.release()
            living = {one: task for one, task in living.items() if not task.done()}
        assert held > 100
        await contenders.end(*living.values())

    scenario()


async def _live(one: leader_election.Leader) -> None:
    await one.acquire()
    await contenders.until_lost(one)


def _lose_one_answer(api: fake_apiserver.FakeCluster) -> Callable[[str, kinds.Ref, str], None]:
    def interrupt(verb: str, _: kinds.Ref, when: str) -> None:
        if (verb, when) == ("update", "after"):
            api.interrupt = lambda *_: None
            raise errors.Unavailable(0, "NoAnswer", "the answer was lost")

    return interrupt
