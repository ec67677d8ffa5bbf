"""The rules of the Applier hold on both clusters; more of them in tests/unit/kube/test_apply.py."""

import pytest

from tests import samples
from tests.integration.conformance import bench as benches
from vllm_operator.kube import apply, cache, diff, errors, failures, kinds


class TestWriter:
    """The rules of the writer, on both clusters; more of them in tests/unit/test_writer.py."""

    async def test_every_kind_is_created_once_repaired_and_then_left_alone(self, bench: benches.Bench) -> None:
        write = apply.Applier(bench.api, cache.Cache())
        wanted = [samples.secret(bench.owner), samples.service(bench.owner), samples.revision(bench.owner)]
        assert [await write.ensure(obj, bench.owner) for obj in wanted] == ["created"] * 3
        assert [await write.ensure(obj, bench.owner) for obj in wanted] == ["unchanged"] * 3
        for obj in wanted:
            obj["metadata"]["labels"]["more"] = "1"
        assert [await write.ensure(obj, bench.owner) for obj in wanted] == ["applied"] * 3
        assert [await write.ensure(obj, bench.owner) for obj in wanted] == ["unchanged"] * 3

    async def test_a_dropped_field_goes(self, bench: benches.Bench) -> None:
        write = apply.Applier(bench.api, cache.Cache())
        await write.ensure(samples.secret(bench.owner, a="QQ==", b="Qg=="), bench.owner)
        assert await write.ensure(samples.secret(bench.owner, a="QQ=="), bench.owner) == "applied"
        live = await bench.api.get(kinds.ref(samples.secret(bench.owner)))
        assert live["data"] == {"a": "QQ=="}
        assert benches.managers(live) == [("vllm-operator", "Apply")]

    async def test_a_deployment_is_scaled_without_being_applied_and_applied_without_being_scaled(
        self, bench: benches.Bench
    ) -> None:
        seen = cache.Cache()
        write = apply.Applier(bench.api, seen)
        ref = kinds.ref(samples.deployment(bench.owner))
        await write.ensure(samples.deployment(bench.owner, replicas=2), bench.owner)
        assert await write.ensure(samples.deployment(bench.owner, replicas=3), bench.owner) == "scaled"
        assert await write.ensure(samples.deployment(bench.owner, replicas=3), bench.owner) == "unchanged"
        assert (
            await write.ensure(samples.deployment(bench.owner, replicas=3, image="engine:2"), bench.owner) == "applied"
        )
        live = await bench.api.get(ref)
        assert live["spec"]["replicas"] == 3
        assert (
            await write.ensure(samples.deployment(bench.owner, replicas=0, image="engine:2"), bench.owner) == "scaled"
        )
        assert (await bench.api.get(ref))["spec"]["replicas"] == 0

    async def test_a_port_whose_name_a_stranger_took_is_put_back(self, bench: benches.Bench) -> None:
        write = apply.Applier(bench.api, cache.Cache())
        wanted = samples.service(bench.owner)
        await write.ensure(wanted, bench.owner)
        theirs = {"spec": {"ports": [{"name": "http", "port": 81, "protocol": "TCP", "targetPort": 9}]}}
        edited = await bench.others.edit_by("kubectl", kinds.ref(wanted), theirs)
        with pytest.raises(errors.Invalid):
            await bench.api.apply(wanted, benches.uid(edited))
        anew = apply.Applier(bench.api, cache.Cache())
        assert [await anew.ensure(wanted, bench.owner) for _ in range(2)] == ["applied", "unchanged"]
        live = await bench.api.get(kinds.ref(wanted))
        assert [port["port"] for port in live["spec"]["ports"]] == [80]

    async def test_what_cannot_change_is_made_anew(self, bench: benches.Bench) -> None:
        write = apply.Applier(bench.api, cache.Cache())
        for before, after in (
            (samples.revision(bench.owner, a=1), samples.revision(bench.owner, a=2)),
            (samples.service(bench.owner), samples.service(bench.owner, clusterIP="None")),
        ):
            await write.ensure(before, bench.owner)
            old = await bench.api.get(kinds.ref(before))
            assert await write.ensure(after, bench.owner) == "created"
            new = await bench.api.get(kinds.ref(after))
            assert benches.uid(new) != benches.uid(old)
            assert diff.differs(after, new) is None

    @pytest.mark.parametrize("stripped", ["labels", "ownerReferences"])
    async def test_what_lost_its_label_or_its_owner_is_repaired(self, bench: benches.Bench, stripped: str) -> None:
        write = apply.Applier(bench.api, cache.Cache())
        obj = samples.secret(bench.owner)
        await write.ensure(obj, bench.owner)
        await bench.others.edit_by("kubectl", kinds.ref(obj), {"metadata": {stripped: None}})
        assert await apply.Applier(bench.api, cache.Cache()).ensure(obj, bench.owner) == "applied"
        assert diff.differs(obj, await bench.api.get(kinds.ref(obj))) is None

    async def test_a_strangers_object_is_left_as_it_is(self, bench: benches.Bench) -> None:
        theirs = {**samples.secret(bench.owner), "metadata": {"name": "vllm11.key", "namespace": bench.owner.namespace}}
        made = await bench.others.create_by("kubectl", theirs)
        with pytest.raises(failures.NotOwned):
            await apply.Applier(bench.api, cache.Cache()).ensure(samples.secret(bench.owner), bench.owner)
        assert benches.version(await bench.api.get(kinds.ref(made))) == benches.version(made)

    async def test_a_stale_store_costs_a_look_and_no_harm(self, bench: benches.Bench) -> None:
        seen = cache.Cache()
        write = apply.Applier(bench.api, seen)
        obj = samples.secret(bench.owner)
        await write.ensure(obj, bench.owner)
        await bench.others.delete_by("kubectl", kinds.ref(obj))
        changed = samples.secret(bench.owner, a="Qg==")
        assert await write.ensure(changed, bench.owner) == "created"
        await bench.others.delete_by("kubectl", kinds.ref(obj))
        await bench.others.create_by(
            "kubectl", {**obj, "metadata": {"name": obj["metadata"]["name"], "namespace": bench.owner.namespace}}
        )
        with pytest.raises(failures.NotOwned):
            await write.ensure(samples.secret(bench.owner, a="Qw=="), bench.owner)
