"""Nothing is written but what must be, nothing of anybody else's is touched, and a crash at any write does no harm."""

import asyncio
import contextlib
import copy
import itertools
import logging
from collections.abc import Sequence

import orjson
import pytest

from tests import clock, fake_apiserver, samples
from vllm_operator.controller import leader_election
from vllm_operator.kube import apply, cache, diff, errors, failures, kinds, naming

WRITES = {"create", "patch", "update", "delete"}


class Bench:
    """A cluster in memory with a model, and a writer with a store of its own."""

    def __init__(self) -> None:
        self.api = fake_apiserver.FakeCluster()
        self.woken: list[kinds.Key] = []
        self.store = cache.Cache(self.woken.append)
        self.writer = apply.Applier(self.api, self.store, clock=lambda: self.now)
        self.now = 0.0
        self.owner = naming.Owner("models", "vllm11", "uid-1")

    def all(self, replicas: int = 1, image: str = "engine:1") -> list[kinds.Object]:
        owner = self.owner
        return [
            samples.secret(owner),
            samples.revision(owner, image=image),
            samples.deployment(owner, replicas, image),
            samples.service(owner),
        ]

    async def ensure(self, *wanted: kinds.Object) -> list[str]:
        """Return the writes that it took."""
        self.writes()
        for obj in wanted:
            await self.writer.ensure(obj, self.owner)
        return self.writes()

    def anew(self) -> None:
        """A process that knows what a list would tell."""
        self.store = cache.Cache()
        for obj in self.api.objects.values():
            self.store.put(copy.deepcopy(obj))
        self.writer = apply.Applier(self.api, self.store, clock=lambda: self.now)

    def writes(self) -> list[str]:
        found = [verb for verb, _ in self.api.calls if verb in WRITES]
        self.api.calls.clear()
        return found

    def live(self, obj: kinds.Object) -> kinds.Object:
        return self.api.objects[kinds.ref(obj)]


class TestWhatIsWritten:
    @clock.virtual
    async def test_what_is_missing_is_created_by_one_call(self) -> None:
        bench = Bench()
        assert await bench.ensure(*bench.all()) == ["create"] * 4

    @clock.virtual
    async def test_what_is_as_it_should_be_costs_no_call_also_after_a_restart(self) -> None:
        bench = Bench()
        await bench.ensure(*bench.all())
        bench.api.calls.clear()
        assert await bench.ensure(*bench.all()) == []
        bench.anew()
        assert await bench.ensure(*bench.all()) == []
        assert bench.api.calls == []

    @clock.virtual
    async def test_a_change_costs_one_call_and_so_does_the_first(self) -> None:
        bench = Bench()
        await bench.ensure(*bench.all())
        bench.api.calls.clear()
        for image in ("engine:2", "engine:3"):
            await bench.writer.ensure(bench.all(replicas=4, image=image)[2], bench.owner)
        assert [verb for verb, _ in bench.api.calls] == ["patch", "patch"]
        assert bench.live(bench.all()[2])["spec"]["replicas"] == 4

    @clock.virtual
    async def test_replicas_are_patched_and_nothing_else_is_written(self) -> None:
        bench = Bench()
        await bench.ensure(*bench.all(replicas=2))
        bench.writes()
        assert await bench.ensure(*bench.all(replicas=0)) == ["patch"]
        assert bench.live(bench.all()[2])["spec"]["replicas"] == 0

    @clock.virtual
    async def test_replicas_that_somebody_else_set_are_set_back(self) -> None:
        bench = Bench()
        await bench.ensure(*bench.all(replicas=2))
        await bench.api.edit_by("hpa", kinds.ref(bench.all()[2]), {"spec": {"replicas": 9}})
        bench.anew()
        assert await bench.ensure(bench.all(replicas=2)[2]) == ["patch"]

    @clock.virtual
    async def test_a_field_that_is_no_longer_wanted_goes_also_after_a_restart(self) -> None:
        bench = Bench()
        await bench.ensure(samples.secret(bench.owner, a="QQ==", b="Qg=="))
        bench.anew()
        wanted = samples.secret(bench.owner, a="QQ==")
        assert await bench.ensure(wanted) == ["patch"]
        assert bench.live(wanted)["data"] == {"a": "QQ=="}
        assert await bench.ensure(wanted) == []

    @clock.virtual
    async def test_what_settles_never_is_sent_once_per_version(self) -> None:
        bench = Bench()
        odd = samples.secret(bench.owner)
        odd["metadata"]["annotations"] = {"size": "1.0"}  # never comes back as it is sent
        await bench.ensure(samples.secret(bench.owner))
        bench.api = _Rounding(bench.api)
        bench.writer = apply.Applier(bench.api, bench.store)
        assert await bench.ensure(odd) == ["patch"]
        bench.writes()
        assert await bench.ensure(odd, odd) == []


class _Rounding(fake_apiserver.FakeCluster):
    """A cluster that writes one value otherwise than it was sent, as the API server does with quantities."""

    def __init__(self, other: fake_apiserver.FakeCluster) -> None:
        super().__init__()
        self.objects, self.version = other.objects, other.version

    async def patch(self, ref: kinds.Ref, operations: Sequence[kinds.Object]) -> kinds.Object:
        return await super().patch(ref, orjson.loads(orjson.dumps(operations).replace(b'"1.0"', b'"1"')))


class TestDrift:
    EDITS: tuple[tuple[int, kinds.Object], ...] = (
        (0, {"data": {"a": "ZXZpbA=="}}),
        (0, {"data": None}),
        (0, {"metadata": {"annotations": None}}),
        (0, {"metadata": {"ownerReferences": None}}),
        (0, {"metadata": {"labels": {naming.OWNER_LABEL: "nobody"}}}),
        (0, {"metadata": {"labels": None}}),
        (1, {"metadata": {"ownerReferences": None}}),
        (2, {"spec": {"template": {"spec": {"containers": [{"name": "vllm", "image": "evil"}]}}}}),
        (2, {"spec": {"template": {"metadata": {"labels": None}}}}),
        (3, {"spec": {"ports": [{"name": "x", "port": 81}]}}),
        (3, {"spec": {"ports": [{"name": "http", "port": 81}]}}),
        (3, {"spec": {"type": "NodePort"}}),
        (3, {"spec": {"selector": {"app": "other"}}}),
    )

    @pytest.mark.parametrize(("which", "edit"), EDITS)
    def test_an_edited_field_is_put_back(self, which: int, edit: kinds.Object) -> None:
        @clock.virtual
        async def scenario() -> None:
            bench = Bench()
            await bench.ensure(*bench.all())
            wanted = bench.all()[which]
            uid = bench.live(wanted)["metadata"]["uid"]
            await bench.api.edit_by("kubectl", kinds.ref(wanted), edit)
            bench.anew()
            with contextlib.suppress(errors.Conflict):  # without its label it is made known first
                await bench.ensure(wanted)
            await bench.ensure(wanted)
            assert diff.patch(wanted, bench.live(wanted)) == []
            assert bench.live(wanted)["metadata"]["uid"] == uid
            assert await bench.ensure(wanted) == []

        scenario()

    @clock.virtual
    async def test_what_others_add_is_left(self) -> None:
        bench = Bench()
        await bench.ensure(*bench.all())
        wanted = bench.all()[2]
        sidecar = {"name": "injected", "image": "mesh"}
        containers = [*bench.live(wanted)["spec"]["template"]["spec"]["containers"], sidecar]
        edit = {"spec": {"template": {"spec": {"containers": containers}}}, "metadata": {"annotations": {"mesh": "on"}}}
        await bench.api.edit_by("mesh", kinds.ref(wanted), edit)
        bench.anew()
        assert await bench.ensure(wanted) == []
        assert await bench.ensure(bench.all(image="engine:2")[2]) == ["patch"]
        live = bench.live(wanted)
        assert live["metadata"]["annotations"]["mesh"] == "on"
        assert sidecar["name"] in {one["name"] for one in live["spec"]["template"]["spec"]["containers"]}


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


class TestContest:
    """A field that somebody puts back three times in a minute is reported and left for a while."""

    @clock.virtual
    async def test_it_is_left_and_repaired_again_later(self) -> None:
        bench = Bench()
        await bench.ensure(*bench.all())
        wanted = bench.all()[3]
        edit = {"spec": {"selector": {"app": "other"}}}
        for _ in range(3):
            await bench.api.edit_by("tool", kinds.ref(wanted), edit)
            bench.store.put(bench.live(wanted))
            assert await bench.ensure(wanted) == ["patch"]
            bench.now += 5
        await bench.api.edit_by("tool", kinds.ref(wanted), edit)
        bench.store.put(bench.live(wanted))
        written = await bench.writer.ensure_all([wanted], bench.owner)
        [said] = written.failures.values()
        assert said.reason == "FieldContested"
        assert "/spec/selector" in said.message
        bench.now += 301
        assert await bench.ensure(wanted) == ["patch"]

    @clock.virtual
    async def test_a_secret_is_never_left(self) -> None:
        bench = Bench()
        wanted = samples.secret(bench.owner)
        await bench.ensure(wanted)
        for _ in range(6):
            await bench.api.edit_by("tool", kinds.ref(wanted), {"data": {"a": "ZXZpbA=="}})
            bench.store.put(bench.live(wanted))
            assert await bench.ensure(wanted) == ["patch"]


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


class TestMadeAnew:
    @clock.virtual
    async def test_a_revision_of_other_content_replaces_the_old_one(self) -> None:
        bench = Bench()
        await bench.ensure(samples.revision(bench.owner, a=1))
        old = bench.live(samples.revision(bench.owner))
        bench.writes()
        assert await bench.ensure(samples.revision(bench.owner, a=2)) == ["delete", "create"]
        live = bench.live(samples.revision(bench.owner))
        assert (live["data"], live["metadata"]["uid"] == old["metadata"]["uid"]) == ({"a": 2}, False)
        assert await bench.ensure(samples.revision(bench.owner, a=2)) == []

    @clock.virtual
    async def test_an_invalid_change_never_takes_the_running_deployment_away(self) -> None:
        bench = Bench()
        await bench.ensure(*bench.all())
        before = copy.deepcopy(bench.live(bench.all()[2]))

        def refuse(verb: str, _: kinds.Ref, when: str) -> None:
            if (verb, when) == ("patch", "before"):
                raise errors.Invalid(422, "Invalid", "spec.template.spec.containers[0].image: Invalid value")

        bench.api.interrupt = refuse
        with pytest.raises(errors.Invalid):
            await bench.ensure(bench.all(image="engine:2")[2])
        assert bench.live(bench.all()[2]) == before

    @clock.virtual
    async def test_what_is_being_deleted_is_waited_for(self) -> None:
        bench = Bench()
        held = samples.secret(bench.owner)
        held["metadata"]["finalizers"] = ["example.com/hold"]
        await bench.ensure(held)
        await bench.api.delete_by("kubectl", kinds.ref(held))
        bench.anew()
        bench.writes()
        assert await bench.ensure(samples.secret(bench.owner, a="Qg==")) == []
        assert bench.writes() == []


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
