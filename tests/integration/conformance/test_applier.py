"""The rules of the Applier hold on both clusters; more of them in tests/unit/kube/test_apply.py."""

import pytest

from tests import samples
from tests.integration.conformance import bench as benches
from vllm_operator.kube import diff, errors, failures, kinds, naming


async def live(bench: benches.Bench, obj: kinds.Object) -> kinds.Object:
    found: kinds.Object = await bench.api.get(kinds.ref(obj))
    return found


async def edit_container(bench: benches.Bench, deployment: kinds.Object, **changed: object) -> None:
    """Change the first container of a Deployment as somebody else."""
    spec = (await live(bench, deployment))["spec"]["template"]["spec"]
    patch = {"spec": {"template": {"spec": {"containers": [{**spec["containers"][0], **changed}]}}}}
    await bench.others.edit_by("kubectl", kinds.ref(deployment), patch)


class TestWrites:
    async def test_every_kind_is_created_once_repaired_and_then_left_alone(self, bench: benches.Bench) -> None:
        writer = bench.writer()
        for obj in (samples.secret(bench.owner), samples.service(bench.owner), samples.revision(bench.owner)):
            assert await writer.ensure(obj) == ["create"]
            assert await writer.ensure(obj) == []
            obj["metadata"]["labels"]["more"] = "1"
            assert await writer.ensure(obj) == ["patch"]
            assert await writer.ensure(obj) == []
            assert diff.patch(obj, await live(bench, obj)) == []

    async def test_a_dropped_field_goes_and_all_of_ours_is_one_entry(self, bench: benches.Bench) -> None:
        writer = bench.writer()
        await writer.ensure(samples.secret(bench.owner, a="QQ==", b="Qg=="))
        assert await writer.ensure(samples.secret(bench.owner, a="QQ==")) == ["patch"]
        found = await live(bench, samples.secret(bench.owner))
        assert found["data"] == {"a": "QQ=="}
        assert benches.managers(found) == [("vllm-operator", "Update")]

    async def test_a_field_that_a_stranger_added_outlives_ours_that_goes(self, bench: benches.Bench) -> None:
        writer, less = bench.writer(), samples.secret(bench.owner, a="QQ==")
        await writer.ensure(samples.secret(bench.owner, a="QQ==", b="Qg=="))
        await bench.others.edit_by("kubectl", kinds.ref(less), {"data": {"theirs": "Qw=="}})
        await writer.ensure(less)
        assert (await live(bench, less))["data"] == {"a": "QQ==", "theirs": "Qw=="}

    async def test_an_item_of_a_list_goes_when_it_is_no_longer_wanted(self, bench: benches.Bench) -> None:
        writer = bench.writer()
        await writer.ensure(samples.deployment(bench.owner, A="1", B="2"))
        await writer.ensure(samples.deployment(bench.owner, A="1"))
        found = await live(bench, samples.deployment(bench.owner))
        assert found["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "A", "value": "1"}]

    async def test_replicas_and_an_image_are_one_patch(self, bench: benches.Bench) -> None:
        writer = bench.writer()
        await writer.ensure(samples.deployment(bench.owner, replicas=2))
        changed = samples.deployment(bench.owner, replicas=0, image="engine:2")
        assert await writer.ensure(changed) == ["patch"]
        assert diff.patch(changed, await live(bench, changed)) == []

    async def test_what_cannot_change_is_made_anew(self, bench: benches.Bench) -> None:
        writer = bench.writer()
        for before, after in (
            (samples.revision(bench.owner, a=1), samples.revision(bench.owner, a=2)),
            (samples.service(bench.owner), samples.service(bench.owner, clusterIP="None")),
        ):
            await writer.ensure(before)
            old = await live(bench, before)
            assert await writer.ensure(after) == ["delete", "create"]
            new = await live(bench, after)
            assert benches.uid(new) != benches.uid(old)
            assert diff.patch(after, new) == []


class TestOthers:
    async def test_a_strangers_value_is_put_back_and_what_is_the_strangers_own_stays(
        self, bench: benches.Bench
    ) -> None:
        obj = samples.deployment(bench.owner, MODE="safe")
        await bench.writer().ensure(obj)
        await edit_container(bench, obj, env=[{"name": "MODE", "value": "wild"}, {"name": "THEIRS", "value": "1"}])
        assert await bench.writer().ensure(obj) == ["patch"]
        env = (await live(bench, obj))["spec"]["template"]["spec"]["containers"][0]["env"]
        assert {entry["name"]: entry["value"] for entry in env} == {"MODE": "safe", "THEIRS": "1"}

    async def test_a_selector_is_put_back_whole(self, bench: benches.Bench) -> None:
        obj = samples.service(bench.owner)
        await bench.writer().ensure(obj)
        await bench.others.edit_by("kubectl", kinds.ref(obj), {"spec": {"selector": {"app": "other"}}})
        assert await bench.writer().ensure(obj) == ["patch"]
        assert (await live(bench, obj))["spec"]["selector"] == naming.selector(bench.owner.name)

    async def test_a_port_whose_name_a_stranger_took_is_put_back(self, bench: benches.Bench) -> None:
        wanted = samples.service(bench.owner)
        await bench.writer().ensure(wanted)
        theirs = {"spec": {"ports": [{"name": "http", "port": 81, "protocol": "TCP", "targetPort": 9}]}}
        await bench.others.edit_by("kubectl", kinds.ref(wanted), theirs)
        await bench.writer().ensure(wanted)
        assert [port["port"] for port in (await live(bench, wanted))["spec"]["ports"]] == [80]

    @pytest.mark.parametrize("stripped", ["labels", "ownerReferences"])
    async def test_what_lost_its_label_or_its_owner_is_repaired(self, bench: benches.Bench, stripped: str) -> None:
        obj = samples.secret(bench.owner)
        await bench.writer().ensure(obj)
        await bench.others.edit_by("kubectl", kinds.ref(obj), {"metadata": {stripped: None}})
        await bench.writer().ensure(obj)
        assert diff.patch(obj, await live(bench, obj)) == []

    async def test_a_strangers_object_is_left_as_it_is(self, bench: benches.Bench) -> None:
        theirs = {**samples.secret(bench.owner), "metadata": {"name": "vllm11.key", "namespace": bench.owner.namespace}}
        made = await bench.others.create_by("kubectl", theirs)
        with pytest.raises(failures.NotOwned):
            await bench.writer().ensure(samples.secret(bench.owner))
        assert benches.version(await live(bench, made)) == benches.version(made)

    async def test_a_stale_cache_costs_a_look_and_no_harm(self, bench: benches.Bench) -> None:
        writer, obj = bench.writer(), samples.secret(bench.owner)
        await writer.ensure(obj)
        await bench.others.delete_by("kubectl", kinds.ref(obj))
        assert await writer.ensure(samples.secret(bench.owner, a="Qg==")) == ["create"]
        await bench.others.delete_by("kubectl", kinds.ref(obj))
        theirs = {"name": obj["metadata"]["name"], "namespace": bench.owner.namespace}
        await bench.others.create_by("kubectl", {**obj, "metadata": theirs})
        with pytest.raises(failures.NotOwned):
            await writer.ensure(samples.secret(bench.owner, a="Qw=="))

    async def test_state_that_changed_since_it_was_seen_is_not_written_over(self, bench: benches.Bench) -> None:
        wanted = samples.secret(bench.owner)
        await bench.writer().ensure(wanted)
        made = await live(bench, wanted)
        edited = await bench.others.edit_by("kubectl", kinds.ref(wanted), {"data": {"theirs": "Qw=="}})
        changed = samples.secret(bench.owner, a="Qg==")
        changed["metadata"]["resourceVersion"] = benches.version(made)
        with pytest.raises(AssertionError):
            await bench.writer().ensure(changed)
        assert await live(bench, wanted) == edited
        changed["metadata"]["resourceVersion"] = benches.version(edited)
        assert await bench.writer().ensure(changed) == ["patch"]


async def test_what_makes_an_object_invalid_is_no_conflict(bench: benches.Bench) -> None:
    wanted = samples.service(bench.owner)
    await bench.writer().ensure(wanted)
    again = {"op": "add", "path": "/spec/ports/-", "value": {"name": "http", "port": 81, "protocol": "TCP"}}
    with pytest.raises(errors.Invalid):
        await bench.api.patch(kinds.ref(wanted), [again])


async def test_a_generation_counts_changes_of_the_spec_and_a_deployments_those_of_annotations_too(
    bench: benches.Bench,
) -> None:
    deployment = await bench.api.create(samples.deployment(bench.owner))
    assert await generations(bench, bench.model) == [1, 1, 2]
    assert await generations(bench, deployment) == [1, 2, 3]


async def generations(bench: benches.Bench, obj: kinds.Object) -> list[int]:
    """Return the generations of an object after a new label, a new annotation and a change of its spec."""
    edits = ({"metadata": {"labels": {"a": "1"}}}, {"metadata": {"annotations": {"a": "1"}}}, {"spec": {"replicas": 2}})
    edited = [await bench.others.edit_by("kubectl", kinds.ref(obj), edit) for edit in edits]
    return [one["metadata"]["generation"] for one in edited]
