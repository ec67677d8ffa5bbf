"""Nothing is written but what must be, and what drifted is put back."""

import contextlib
import copy
from collections.abc import Sequence

import orjson
import pytest

from tests import clock, fake_apiserver, samples
from tests.applier_bench import Bench
from vllm_operator.kube import apply, diff, errors, kinds, naming


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
