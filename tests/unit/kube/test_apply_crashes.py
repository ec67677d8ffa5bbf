"""A crash at any write does no harm, and nobody writes who does not lead; no words quote a Secret."""

import copy
import itertools
import logging

import pytest

from tests import clock, samples
from tests.applier_bench import WRITES, Bench
from vllm_operator.controller import leader_election
from vllm_operator.kube import diff, errors, failures, kinds


class TestPruning:
    @clock.virtual
    async def test_only_the_object_that_was_seen_is_deleted(self) -> None:
        bench = Bench()
        wanted = samples.secret(bench.owner)
        await bench.ensure(wanted)
        seen = copy.deepcopy(bench.live(wanted))
        await bench.api.delete_by("kubectl", kinds.ref(wanted))
        await bench.writer.prune([seen])
        await bench.api.create_by("kubectl", wanted)
        await bench.writer.prune([seen])
        assert kinds.ref(wanted) in bench.api.objects
        await bench.writer.prune([bench.live(wanted)])
        assert kinds.ref(wanted) not in bench.api.objects


class TestStatus:
    @clock.virtual
    async def test_a_status_is_written_where_it_changed_and_is_known_at_once(self) -> None:
        bench = Bench()
        model = await bench.api.create_by("kubectl", samples.model())
        bench.store.put(model)
        assert await bench.writer.write_status(model, {"url": "http://a/"})
        written = bench.store.model(kinds.Key("models", "vllm11"))
        assert written == _unmanaged(bench.live(model))
        assert not await bench.writer.write_status(written or {}, {"url": "http://a/"})


def _unmanaged(obj: kinds.Object) -> kinds.Object:
    return {**obj, "metadata": {name: value for name, value in obj["metadata"].items() if name != "managedFields"}}


class TestTheCacheKnowsAtOnce:
    @clock.virtual
    async def test_every_answer_is_taken_in_so_that_its_event_is_an_echo(self) -> None:
        bench = Bench()
        for wanted in (bench.all(), bench.all(replicas=3), bench.all(replicas=3, image="engine:2")):
            await bench.ensure(*wanted)
            bench.woken.clear()
            for obj in wanted:
                bench.store.put(copy.deepcopy(bench.live(obj)))
            assert bench.woken == []

    @clock.virtual
    async def test_what_a_creation_made_wakes_nobody_and_what_a_patch_brought_does(self) -> None:
        bench = Bench()
        await bench.ensure(*bench.all())
        assert bench.woken == []
        await bench.ensure(bench.all(image="engine:2")[2])
        assert bench.woken == [kinds.Key("models", "vllm11")]


class TestCrashes:
    """A process that dies before or after any of its writes, or loses the answer, leaves nothing that the next cannot mend."""

    STEPS = (
        {"replicas": 1, "image": "engine:1"},
        {"replicas": 2, "image": "engine:1"},
        {"replicas": 2, "image": "engine:2"},
        {"replicas": 0, "image": "engine:3"},
    )

    @pytest.mark.parametrize("knows", ["restarted", "same process"])
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_at_every_write(self, when: str, knows: str) -> None:
        for nth in itertools.count():
            if not self._life(nth, when, knows):
                assert nth > 10
                return

    def _life(self, nth: int, when: str, knows: str) -> bool:
        """Live through all steps with trouble at the write `nth`; tell whether it came."""
        bench, counted = Bench(), itertools.count()
        met: list[str] = []

        def trouble(verb: str, _: kinds.Ref, at: str) -> None:
            if verb in WRITES and at == when and next(counted) == nth:
                met.append(verb)
                raise errors.Unavailable(0, "NoAnswer", "trouble")

        @clock.virtual
        async def scenario() -> None:
            bench.api.interrupt = trouble
            for step in self.STEPS:
                for _ in range(3):
                    try:
                        await bench.ensure(*bench.all(int(str(step["replicas"])), str(step["image"])))
                    except (errors.Unavailable, errors.Conflict):
                        if knows == "restarted":
                            bench.anew()
                for obj in bench.all(int(str(step["replicas"])), str(step["image"])):
                    assert diff.patch(obj, bench.live(obj)) == [], (nth, when, step)
            assert len(bench.api.objects) == 4

        scenario()
        return bool(met)


class TestLeadership:
    @clock.virtual
    async def test_who_does_not_lead_writes_nothing(self) -> None:
        bench = Bench()
        one = leader_election.Leader(bench.api, "operators", "vllm-operator", "a", clock=clock.now)
        bench.api.permit = one.check
        with pytest.raises(errors.Lost):
            await bench.ensure(*bench.all())
        await one.acquire()
        assert await bench.ensure(*bench.all()) == ["create"] * 4


class TestSecrecy:
    @clock.virtual
    async def test_no_error_and_no_log_quotes_a_secret(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        bench = Bench()
        wanted = samples.secret(bench.owner, key="VE9QU0VDUkVU")
        await bench.api.create_by("kubectl", {**wanted, "metadata": {"name": "vllm11.key", "namespace": "models"}})
        with pytest.raises(failures.NotOwned) as stranger:
            await bench.ensure(wanted)
        assert "VE9QU0VDUkVU" not in f"{stranger.value!r} {caplog.text}"

    @pytest.mark.parametrize("code", [400, 422, 500])
    def test_the_api_servers_words_about_a_secret_are_not_repeated(self, code: int) -> None:
        status = {
            "reason": "Invalid",
            "message": 'Secret "x" is invalid: data[a]: Invalid value: "TOPSECRET"',
            "details": {"causes": [{"field": "data[a]", "reason": "FieldValueInvalid", "message": "TOPSECRET"}]},
        }
        error = errors.of(code, status, kinds.SECRET)
        assert "TOPSECRET" not in str(error)
        assert "data[a]: FieldValueInvalid" in str(error)
        assert "TOPSECRET" in str(errors.of(code, status, kinds.SERVICE))
