"""Nothing is written but what must be, nothing of anybody else's is touched, and a crash at any write does no harm."""

import copy
import itertools
import logging

import pytest

from tests import clock, fake_apiserver, samples
from vllm_operator.controller import leader_election
from vllm_operator.kube import apply, cache, diff, errors, kinds, naming

WRITES = {"create", "apply", "patch", "update", "delete"}


class Bench:
    """A cluster in memory with a model, and a writer with a store of its own."""

    def __init__(self) -> None:
        self.api = fake_apiserver.FakeCluster()
        self.store = cache.Cache()
        self.writer = apply.Applier(self.api, self.store)
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
        return [await self.writer.ensure(obj, self.owner) for obj in wanted]

    def anew(self) -> None:
        """A process that knows what a list would tell."""
        self.store = cache.Cache()
        for obj in self.api.objects.values():
            self.store.put(copy.deepcopy(obj))
        self.writer = apply.Applier(self.api, self.store)

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
        assert await bench.ensure(*bench.all()) == ["created"] * 4
        assert [verb for verb, _ in bench.api.calls] == ["create"] * 4

    @clock.virtual
    async def test_what_is_as_it_should_be_costs_no_call_also_after_a_restart(self) -> None:
        bench = Bench()
        await bench.ensure(*bench.all())
        bench.api.calls.clear()
        assert await bench.ensure(*bench.all()) == ["unchanged"] * 4
        bench.anew()
        assert await bench.ensure(*bench.all()) == ["unchanged"] * 4
        assert bench.api.calls == []

    @clock.virtual
    async def test_ownership_passes_to_apply_once(self) -> None:
        bench = Bench()
        await bench.ensure(*bench.all())
        bench.writes()
        assert await bench.ensure(bench.all(image="engine:2")[2]) == ["applied"]
        assert bench.writes() == ["patch", "apply"]
        assert await bench.ensure(bench.all(image="engine:3")[2]) == ["applied"]
        assert bench.writes() == ["apply"]

    @clock.virtual
    async def test_replicas_are_scaled_and_nothing_else_is_written(self) -> None:
        bench = Bench()
        await bench.ensure(*bench.all(replicas=2))
        bench.writes()
        assert await bench.ensure(*bench.all(replicas=0)) == ["unchanged", "unchanged", "scaled", "unchanged"]
        assert bench.writes() == ["patch"]
        assert bench.live(bench.all()[2])["spec"]["replicas"] == 0

    @clock.virtual
    async def test_replicas_that_somebody_else_set_are_set_back(self) -> None:
        bench = Bench()
        await bench.ensure(*bench.all(replicas=2))
        await bench.api.edit_by("hpa", kinds.ref(bench.all()[2]), {"spec": {"replicas": 9}})
        bench.anew()
        assert await bench.ensure(bench.all(replicas=2)[2]) == ["scaled"]

    @clock.virtual
    async def test_a_field_that_is_no_longer_wanted_goes_also_after_a_restart(self) -> None:
        bench = Bench()
        await bench.ensure(samples.secret(bench.owner, a="QQ==", b="Qg=="))
        bench.anew()
        wanted = samples.secret(bench.owner, a="QQ==")
        assert await bench.ensure(wanted) == ["applied"]
        assert bench.live(wanted)["data"] == {"a": "QQ=="}
        assert await bench.ensure(wanted) == ["unchanged"]

    @clock.virtual
    async def test_what_settles_never_is_sent_once_per_version(self) -> None:
        bench = Bench()
        odd = samples.secret(bench.owner)
        odd["metadata"]["annotations"] = {"size": "1.0"}  # never comes back as it is sent
        await bench.ensure(samples.secret(bench.owner))
        bench.api = _Rounding(bench.api)
        bench.writer = apply.Applier(bench.api, bench.store)
        assert await bench.ensure(odd) == ["applied"]
        bench.writes()
        assert await bench.ensure(odd, odd) == ["unchanged"] * 2
        assert bench.writes() == []


class _Rounding(fake_apiserver.FakeCluster):
    """A cluster that writes one value otherwise than it was sent, as the API server does with quantities."""

    def __init__(self, other: fake_apiserver.FakeCluster) -> None:
        super().__init__()
        self.objects, self.version = other.objects, other.version

    async def apply(self, obj: kinds.Object, uid: str) -> kinds.Object:
        rounded = copy.deepcopy(obj)
        rounded["metadata"]["annotations"]["size"] = "1"
        return await super().apply(rounded, uid)


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
            assert await bench.ensure(wanted) == ["applied"]
            assert diff.differs(wanted, bench.live(wanted)) is None
            assert bench.live(wanted)["metadata"]["uid"] == uid
            assert await bench.ensure(wanted) == ["unchanged"]

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
        assert await bench.ensure(wanted) == ["unchanged"]
        assert await bench.ensure(bench.all(image="engine:2")[2]) == ["applied"]
        live = bench.live(wanted)
        assert live["metadata"]["annotations"]["mesh"] == "on"
        assert sidecar["name"] in {one["name"] for one in live["spec"]["template"]["spec"]["containers"]}


class TestStrangers:
    @clock.virtual
    async def test_a_name_that_somebody_else_holds_is_left_to_them(self) -> None:
        bench = Bench()
        theirs = {**samples.secret(bench.owner), "metadata": {"name": "vllm11.key", "namespace": "models"}}
        await bench.api.create_by("kubectl", theirs)
        before = copy.deepcopy(bench.live(theirs))
        for _ in range(2):
            with pytest.raises(apply.NotOwned, match=r"Secret vllm11\.key belongs to nobody known"):
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
            with pytest.raises(apply.NotOwned, match="belongs to Other x"):
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
            with pytest.raises(apply.NotOwned):
                await bench.ensure(changed)
            assert bench.live(wanted) == before


class TestMadeAnew:
    @clock.virtual
    async def test_a_revision_of_other_content_replaces_the_old_one(self) -> None:
        bench = Bench()
        await bench.ensure(samples.revision(bench.owner, a=1))
        old = bench.live(samples.revision(bench.owner))
        bench.writes()
        assert await bench.ensure(samples.revision(bench.owner, a=2)) == ["created"]
        assert bench.writes() == ["delete", "create"]
        live = bench.live(samples.revision(bench.owner))
        assert (live["data"], live["metadata"]["uid"] == old["metadata"]["uid"]) == ({"a": 2}, False)
        assert await bench.ensure(samples.revision(bench.owner, a=2)) == ["unchanged"]

    @clock.virtual
    async def test_an_invalid_change_never_takes_the_running_deployment_away(self) -> None:
        bench = Bench()
        await bench.ensure(*bench.all())
        before = copy.deepcopy(bench.live(bench.all()[2]))

        def refuse(verb: str, _: kinds.Ref, when: str) -> None:
            if (verb, when) in {("apply", "before"), ("patch", "before")}:
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
        assert await bench.ensure(samples.secret(bench.owner, a="Qg==")) == ["unchanged"]
        assert bench.writes() == []


class TestPruning:
    @clock.virtual
    async def test_only_the_object_that_was_seen_is_deleted(self) -> None:
        bench = Bench()
        wanted = samples.secret(bench.owner)
        await bench.ensure(wanted)
        seen = copy.deepcopy(bench.live(wanted))
        await bench.api.delete_by("kubectl", kinds.ref(wanted))
        await bench.writer.prune(seen)
        await bench.api.create_by("kubectl", wanted)
        await bench.writer.prune(seen)
        assert kinds.ref(wanted) in bench.api.objects
        await bench.writer.prune(bench.live(wanted))
        assert kinds.ref(wanted) not in bench.api.objects


class TestStatus:
    @clock.virtual
    async def test_a_status_is_written_where_it_changed_and_is_known_at_once(self) -> None:
        bench = Bench()
        model = await bench.api.create_by("kubectl", samples.model())
        bench.store.put(model)
        written = await bench.writer.write_status(model, {"url": "http://a/"})
        assert written is not None
        assert bench.store.model(kinds.Key("models", "vllm11")) == _unmanaged(written)
        assert await bench.writer.write_status(written, {"url": "http://a/"}) is None


def _unmanaged(obj: kinds.Object) -> kinds.Object:
    return {**obj, "metadata": {name: value for name, value in obj["metadata"].items() if name != "managedFields"}}


class TestTheStoreKnowsAtOnce:
    @clock.virtual
    async def test_every_answer_is_taken_in_so_that_its_event_is_an_echo(self) -> None:
        bench = Bench()
        for wanted in (bench.all(), bench.all(replicas=3), bench.all(replicas=3, image="engine:2")):
            await bench.ensure(*wanted)
            for obj in wanted:
                assert bench.store.put(copy.deepcopy(bench.live(obj))) == ()


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
                for _ in range(2):
                    try:
                        await bench.ensure(*bench.all(int(str(step["replicas"])), str(step["image"])))
                    except errors.Unavailable:
                        if knows == "restarted":
                            bench.anew()
                for obj in bench.all(int(str(step["replicas"])), str(step["image"])):
                    assert diff.differs(obj, bench.live(obj)) is None, (nth, when, step)
            assert len(bench.api.objects) == 4

        scenario()
        return bool(met)


class TestLeadership:
    @clock.virtual
    async def test_who_does_not_lead_writes_nothing(self) -> None:
        bench = Bench()
        one = leader_election.Leader(bench.api, "operators", "vllm-operator", "a", clock=clock.now)
        bench.api.permit = one.check
        with pytest.raises(leader_election.Lost):
            await bench.ensure(*bench.all())
        await one.acquire()
        assert await bench.ensure(*bench.all()) == ["created"] * 4


class TestSecrecy:
    @clock.virtual
    async def test_no_error_and_no_log_quotes_a_secret(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        bench = Bench()
        wanted = samples.secret(bench.owner, key="VE9QU0VDUkVU")
        await bench.api.create_by("kubectl", {**wanted, "metadata": {"name": "vllm11.key", "namespace": "models"}})
        with pytest.raises(apply.NotOwned) as stranger:
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
