"""Nothing of anybody else's is touched, state is written over no other state, and a failure is one object's own."""

import asyncio
import copy

import pytest

from tests import clock, fake_apiserver, samples
from tests.applier_bench import Bench
from vllm_operator.kube import apply, cache, errors, failures, kinds


class TestStrangers:
    @clock.virtual
    async def test_a_name_that_somebody_else_holds_is_left_to_them(self) -> None:
        bench = Bench()
        theirs = {**samples.secret(bench.owner), "metadata": {"name": "vllm11.key", "namespace": "models"}}
        await bench.api.create_by("kubectl", theirs)
        before = copy.deepcopy(bench.live(theirs))
        for _ in range(2):
            with pytest.raises(failures.NotOwned, match=r"Secret vllm11\.key belongs to nobody known"):
                await bench.ensure(samples.secret(bench.owner))
        assert bench.live(theirs) == before

    @pytest.mark.parametrize("label", [True, False])
    def test_what_another_controls_is_theirs_even_with_our_label(self, label: bool) -> None:
        @clock.virtual
        async def scenario() -> None:
            bench = Bench()
            theirs = samples.secret(bench.owner)
            theirs["metadata"]["ownerReferences"] = [
                {"apiVersion": "v1", "kind": "Other", "name": "x", "uid": "other", "controller": True}
            ]
            if not label:
                del theirs["metadata"]["labels"]
            await bench.api.create_by("kubectl", theirs)
            bench.anew()
            with pytest.raises(failures.NotOwned, match="belongs to Other x"):
                await bench.ensure(samples.secret(bench.owner))

        scenario()

    @clock.virtual
    async def test_a_stranger_that_came_while_the_store_was_blind_is_not_touched(self) -> None:
        bench = Bench()
        for wanted, changed in zip(bench.all(), bench.all(replicas=3, image="engine:2"), strict=True):
            if wanted["kind"] in {"Secret", "Service"}:
                changed["metadata"]["labels"]["more"] = "1"
            await bench.ensure(wanted)
            ref = kinds.ref(wanted)
            await bench.api.delete_by("kubectl", ref)
            theirs = {**wanted, "metadata": {"name": ref.name, "namespace": ref.namespace}}
            await bench.api.create_by("kubectl", theirs)
            before = copy.deepcopy(bench.live(wanted))
            with pytest.raises(errors.Conflict):
                await bench.ensure(changed)
            with pytest.raises(failures.NotOwned):
                await bench.ensure(changed)
            assert bench.live(wanted) == before


class TestState:
    """A body that names a version is written to that version alone."""

    @clock.virtual
    async def test_what_changed_since_it_was_seen_is_not_written_over(self) -> None:
        bench = Bench()
        await bench.ensure(samples.secret(bench.owner))
        seen = bench.live(samples.secret(bench.owner))["metadata"]["resourceVersion"]
        await bench.api.edit_by("kubectl", kinds.ref(samples.secret(bench.owner)), {"data": {"b": "Qg=="}})
        wanted = samples.secret(bench.owner, a="Qw==")
        wanted["metadata"]["resourceVersion"] = seen
        with pytest.raises(errors.Conflict):
            await bench.ensure(wanted)
        assert bench.live(wanted)["data"] == {"a": "QQ==", "b": "Qg=="}
        assert bench.woken  # the run is done again with what is there

    @clock.virtual
    async def test_what_is_gone_since_it_was_seen_is_not_made_again(self) -> None:
        bench = Bench()
        await bench.ensure(samples.secret(bench.owner))
        wanted = samples.secret(bench.owner, a="Qw==")
        wanted["metadata"]["resourceVersion"] = bench.live(wanted)["metadata"]["resourceVersion"]
        await bench.api.delete_by("kubectl", kinds.ref(wanted))
        for _ in range(2):
            with pytest.raises(errors.Conflict):
                await bench.ensure(wanted)
        assert kinds.ref(wanted) not in bench.api.objects

    @clock.virtual
    async def test_one_of_ours_that_lost_its_label_is_labelled_and_decided_anew(self) -> None:
        bench = Bench()
        await bench.ensure(samples.secret(bench.owner))
        await bench.api.edit_by("kubectl", kinds.ref(samples.secret(bench.owner)), {"metadata": {"labels": None}})
        bench.store = cache.Cache(bench.woken.append)
        bench.writer = apply.Applier(bench.api, bench.store)
        with pytest.raises(errors.Conflict):
            await bench.ensure(samples.secret(bench.owner, a="Qw=="))
        assert bench.live(samples.secret(bench.owner))["data"] == {"a": "QQ=="}
        assert bench.woken == [kinds.Key("models", "vllm11")]
        assert bench.store.get(kinds.ref(samples.secret(bench.owner))) is not None


class TestFailures:
    """What one object meets is that object's trouble, and no write is left behind."""

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (errors.Invalid(422, "Invalid", "words"), "WriteRefused"),
            (errors.Denied(403, "Forbidden", "words"), "WriteRefused"),
            (errors.Unavailable(500, "InternalError", "words"), "WriteFailed"),
            (errors.Throttled(429, "TooManyRequests", "words"), "WriteFailed"),
            (errors.NotFound(404, "NotFound", "words"), "WriteFailed"),
        ],
    )
    def test_each_error_is_reported_in_words_and_the_others_are_written(
        self, error: errors.ApiError, reason: str
    ) -> None:
        @clock.virtual
        async def scenario() -> None:
            bench = Bench()

            def refuse(_verb: str, ref: kinds.Ref, when: str) -> None:
                if ref.kind == "Service" and when == "before":
                    raise error

            bench.api.interrupt = refuse
            written = await bench.writer.ensure_all(bench.all(), bench.owner)
            [(ref, met)] = written.failures.items()
            assert (ref.kind, met.reason) == ("Service", reason)
            assert "words" in met.message
            assert len(bench.api.objects) == 3

        scenario()

    @clock.virtual
    async def test_a_lost_lease_ends_the_run_after_all_its_writes_have_ended(self) -> None:
        bench = Bench()
        ended: list[str] = []

        class Slow(fake_apiserver.FakeCluster):
            async def create(self, obj: kinds.Object) -> kinds.Object:
                if obj["kind"] == "Secret":
                    raise errors.Lost("gone")
                await asyncio.sleep(10)
                ended.append(obj["kind"])
                return await super().create(obj)

        writer = apply.Applier(Slow(), bench.store)
        with pytest.raises(errors.Lost):
            await writer.ensure_all(bench.all(), bench.owner)
        assert len(ended) == 3
