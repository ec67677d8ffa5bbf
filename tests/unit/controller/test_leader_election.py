"""One writes at a time: through stops, kills, stalls and lost answers."""

import asyncio
import contextlib
import random
from collections.abc import Callable

import pytest

from tests import clock, fake_apiserver
from vllm_operator.controller import leader_election
from vllm_operator.kube import errors, kinds

LEASE = kinds.Ref("Lease", "operators", "vllm-operator")


class Slow(fake_apiserver.FakeCluster):
    """A cluster whose every call takes `seconds`, and fails while `down`."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: Callable[[], float] = lambda: 0.0
        self.down = False

    async def get(self, ref: kinds.Ref) -> kinds.Object:
        await self._reach()
        return await super().get(ref)

    async def replace(self, obj: kinds.Object) -> kinds.Object:
        await self._reach()
        answer = await super().replace(obj)
        await self._reach()
        return answer

    async def _reach(self) -> None:
        await asyncio.sleep(self.seconds())
        if self.down:
            raise errors.Unavailable(0, "NoAnswer", "nobody answers")


def contender(api: fake_apiserver.FakeCluster, name: str = "a") -> leader_election.Leader:
    return leader_election.Leader(api, LEASE.namespace, LEASE.name, name, clock=clock.now)


async def until_lost(one: leader_election.Leader) -> None:
    with contextlib.suppress(errors.Lost):
        await one.keep()


@clock.virtual
async def test_nothing_may_be_written_before_the_lease_is_held() -> None:
    one = contender(fake_apiserver.FakeCluster())
    assert not one.holds()
    with pytest.raises(errors.Lost, match="operators/vllm-operator"):
        one.check()
    await one.acquire()
    one.check()


@clock.virtual
async def test_a_holder_that_renews_holds_and_a_second_waits() -> None:
    api = fake_apiserver.FakeCluster()
    first, second = contender(api), contender(api)
    await first.acquire()
    keeping, waiting = asyncio.create_task(first.keep()), asyncio.create_task(second.acquire())
    await asyncio.sleep(300)
    assert first.holds()
    assert not second.holds()
    spec = api.objects[LEASE]["spec"]
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (first.holder, 15, 1)
    await _end(keeping, waiting)


@clock.virtual
async def test_a_released_lease_is_taken_in_under_two_seconds() -> None:
    api = fake_apiserver.FakeCluster()
    first, second = contender(api), contender(api)
    await first.acquire()
    keeping, waiting = asyncio.create_task(first.keep()), asyncio.create_task(second.acquire())
    await asyncio.sleep(33.3)
    await _end(keeping)
    released = clock.now()
    await first.release()
    assert not first.holds()
    await waiting
    assert clock.now() - released < 2
    assert api.objects[LEASE]["spec"]["leaseTransitions"] == 2


@clock.virtual
async def test_a_release_during_a_renewal_is_a_release() -> None:
    api = Slow()
    first = contender(api)
    await first.acquire()
    api.seconds = lambda: 0.5
    keeping = asyncio.create_task(first.keep())
    await asyncio.sleep(2.75)  # the renewal was done, its answer is under way
    await _end(keeping)
    await first.release()
    assert "holderIdentity" not in api.objects[LEASE]["spec"]


@clock.virtual
async def test_a_killed_holder_is_succeeded_after_its_lease_and_in_under_twenty_seconds() -> None:
    api = fake_apiserver.FakeCluster()
    first, second = contender(api), contender(api)
    await first.acquire()
    killed = clock.now()
    await second.acquire()
    assert 15 <= clock.now() - killed < 20
    assert not first.holds()


@clock.virtual
async def test_who_cannot_renew_stops_writing_before_another_may_begin() -> None:
    api = Slow()
    one = contender(api)
    await one.acquire()
    begun = clock.now()
    api.down = True
    await until_lost(one)
    assert 9.9 <= clock.now() - begun <= 10.1
    assert not one.holds()


@clock.virtual
async def test_a_renewal_that_hangs_is_given_up_in_time() -> None:
    api = Slow()
    one = contender(api)
    await one.acquire()
    begun = clock.now()
    api.seconds = lambda: 1000.0
    await until_lost(one)
    assert clock.now() - begun <= 10.1


@clock.virtual
async def test_time_counts_from_before_the_lease_was_asked_for() -> None:
    api = Slow()
    first, second = contender(api), contender(api)
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
    api = Slow()
    one = contender(api)
    await one.acquire()
    keeping = asyncio.create_task(one.keep())
    for _ in range(5):
        api.down = True
        await asyncio.sleep(6)
        assert one.holds()
        api.down = False
        await asyncio.sleep(6)
    assert one.holds()
    await _end(keeping)


@clock.virtual
async def test_a_sleeper_that_wakes_writes_nothing_and_does_not_try_to_renew() -> None:
    api = fake_apiserver.FakeCluster()
    one = contender(api)
    await one.acquire()
    keeping = asyncio.create_task(one.keep())
    await asyncio.sleep(5)
    _sleep_through(60)
    api.calls.clear()
    assert not one.holds()
    with pytest.raises(errors.Lost):
        await keeping
    assert api.calls == []


@clock.virtual
async def test_a_lease_that_another_took_is_lost_at_once() -> None:
    api = fake_apiserver.FakeCluster()
    one = contender(api)
    await one.acquire()
    taken = clock.now()
    await api.edit_by("kubectl", LEASE, {"spec": {"holderIdentity": "usurper"}})
    await until_lost(one)
    assert clock.now() - taken <= 2.1
    assert not one.holds()


@clock.virtual
async def test_a_deleted_lease_is_lost_at_once() -> None:
    api = fake_apiserver.FakeCluster()
    one = contender(api)
    await one.acquire()
    await api.delete_by("kubectl", LEASE)
    await until_lost(one)
    assert not one.holds()


@clock.virtual
async def test_a_note_on_the_lease_does_not_cost_it() -> None:
    api = fake_apiserver.FakeCluster()
    one = contender(api)
    await one.acquire()
    keeping = asyncio.create_task(one.keep())
    await api.edit_by("kubectl", LEASE, {"metadata": {"annotations": {"note": "hello"}}})
    await asyncio.sleep(60)
    assert one.holds()
    assert api.objects[LEASE]["metadata"]["annotations"] == {"note": "hello"}
    await _end(keeping)


@clock.virtual
async def test_a_lost_answer_to_a_renewal_does_not_cost_the_lease() -> None:
    api = fake_apiserver.FakeCluster()
    one = contender(api)
    await one.acquire()
    keeping = asyncio.create_task(one.keep())
    for _ in range(5):
        api.interrupt = _lose_one_answer(api)
        await asyncio.sleep(20)
        assert one.holds()
    await _end(keeping)


@clock.virtual
async def test_two_processes_of_one_name_are_two() -> None:
    api = fake_apiserver.FakeCluster()
    first, second = contender(api, "pod"), contender(api, "pod")
    await first.acquire()
    keeping, waiting = asyncio.create_task(first.keep()), asyncio.create_task(second.acquire())
    await asyncio.sleep(100)
    assert first.holds()
    assert not second.holds()
    await _end(keeping, waiting)


@pytest.mark.parametrize("seed", range(10))
def test_never_do_two_hold(seed: int) -> None:
    """Contenders on a slow and failing API server are killed, stopped, released and started anew at random."""
    chance = random.Random(seed)  # noqa: S311 - a test

    @clock.virtual
    async def scenario() -> None:
        api = Slow()
        api.seconds = lambda: chance.choice([0.0, 0.1, 1.0, 4.0])
        living: dict[leader_election.Leader, asyncio.Task[None]] = {}
        past: list[leader_election.Leader] = []
        held = 0
        for _ in range(400):
            while len(living) < 3:
                one = contender(api)
                living[one] = asyncio.create_task(_live(one))
            await asyncio.sleep(chance.uniform(0, 5))
            api.down = chance.random() < 0.2
            holders = [one for one in (*living, *past) if one.holds()]
            assert len(holders) <= 1
            held += len(holders)
            if chance.random() < 0.1:
                one = chance.choice(list(living))
                await _end(living.pop(one))
                past.append(one)
                if chance.random() < 0.5:
                    await one.release()
            living = {one: task for one, task in living.items() if not task.done()}
        assert held > 100
        await _end(*living.values())

    scenario()


async def _live(one: leader_election.Leader) -> None:
    await one.acquire()
    await until_lost(one)


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _sleep_through(seconds: float) -> None:
    """Let time pass in which this process does not run."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, clock.Loop)
    loop.now += seconds


def _lose_one_answer(api: fake_apiserver.FakeCluster) -> Callable[[str, kinds.Ref, str], None]:
    def interrupt(verb: str, _: kinds.Ref, when: str) -> None:
        if (verb, when) == ("update", "after"):
            api.interrupt = lambda *_: None
            raise errors.Unavailable(0, "NoAnswer", "the answer was lost")

    return interrupt
