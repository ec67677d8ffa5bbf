"""A write that names a uid or a resource version meets that object, at that version, or nothing; both clusters see to it."""

import asyncio
from typing import Any

import pytest

from tests import samples
from tests.integration.conformance import bench as benches
from vllm_operator.kube import errors, kinds

STALE = "1"
WRITE = {"op": "add", "path": "/data/b", "value": "Qg=="}


def lease(bench: benches.Bench, **spec: Any) -> kinds.Object:
    metadata = {"name": "operator", "namespace": bench.owner.namespace}
    spec = {"holderIdentity": "a", "leaseDurationSeconds": 15, **spec}
    return {"apiVersion": kinds.LEASE.api_version, "kind": "Lease", "metadata": metadata, "spec": spec}


def under(version: str, obj: kinds.Object) -> kinds.Object:
    """Return `obj` as it is sent to be written to that version alone."""
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": version}}


def of(uid: str) -> kinds.Object:
    return {"op": "test", "path": "/metadata/uid", "value": uid}


def at(version: str) -> kinds.Object:
    return {"op": "replace", "path": "/metadata/resourceVersion", "value": version}


async def edited(bench: benches.Bench) -> tuple[kinds.Object, kinds.Object]:
    """Return a Secret as it was created, and as it is after somebody else changed it."""
    made = await bench.api.create(samples.secret(bench.owner))
    return made, await bench.others.edit_by("kubectl", kinds.ref(made), {"data": {"theirs": "Qw=="}})


async def assert_untouched(bench: benches.Bench, live: kinds.Object) -> None:
    assert await bench.api.get(kinds.ref(live)) == live


class TestMergePatch:
    async def test_it_is_refused_at_another_version_and_done_at_the_one_that_is_named(
        self, bench: benches.Bench
    ) -> None:
        made, live = await edited(bench)
        wanted = samples.secret(bench.owner, a="Qg==")
        with pytest.raises(errors.Conflict):
            await bench.api.merge(under(benches.version(made), wanted), benches.uid(made))
        await assert_untouched(bench, live)
        written = await bench.api.merge(under(benches.version(live), wanted), benches.uid(made))
        assert written["data"] == {"a": "Qg==", "theirs": "Qw=="}

    async def test_it_meets_no_other_object_of_that_name(self, bench: benches.Bench) -> None:
        made = await bench.api.create(samples.secret(bench.owner))
        with pytest.raises(errors.Conflict):
            await bench.api.merge(samples.secret(bench.owner, a="Qg=="), benches.OTHER_UID)
        await assert_untouched(bench, made)


class TestJsonPatch:
    async def test_it_adds_replaces_and_removes_what_it_names_and_owns_it(self, bench: benches.Bench) -> None:
        made = await bench.api.create(samples.secret(bench.owner, a="QQ==", gone="Qg=="))
        operations = [
            of(benches.uid(made)),
            at(benches.version(made)),
            {"op": "replace", "path": "/data/a", "value": "Qw=="},
            {"op": "replace", "path": "/data/new", "value": "Qw=="},
            {"op": "remove", "path": "/data/gone"},
            {"op": "add", "path": "/metadata/labels/example.com~1new", "value": "1"},
        ]
        written = await bench.api.patch(kinds.ref(made), operations)
        assert written["data"] == {"a": "Qw==", "new": "Qw=="}
        assert written["metadata"]["labels"]["example.com/new"] == "1"
        assert benches.managers(written) == [("vllm-operator", "Update")]
        assert await bench.api.get(kinds.ref(made)) == written

    async def test_items_of_a_list_are_added_and_changed_in_their_place(self, bench: benches.Bench) -> None:
        made = await bench.api.create(samples.service(bench.owner))
        port = {"name": "more", "port": 81, "protocol": "TCP", "targetPort": 9}
        operations = [
            {"op": "test", "path": "/spec/ports/0/port", "value": 80},
            {"op": "replace", "path": "/spec/ports/0/targetPort", "value": 7},
            {"op": "add", "path": "/spec/ports/-", "value": port},
        ]
        written = await bench.api.patch(kinds.ref(made), operations)
        assert [(one["port"], one["targetPort"]) for one in written["spec"]["ports"]] == [(80, 7), (81, 9)]

    async def test_it_is_refused_at_another_version_and_done_at_the_one_that_is_named(
        self, bench: benches.Bench
    ) -> None:
        made, live = await edited(bench)
        with pytest.raises(errors.Conflict):
            await bench.api.patch(kinds.ref(made), [at(benches.version(made)), WRITE])
        await assert_untouched(bench, live)
        written = await bench.api.patch(kinds.ref(made), [at(benches.version(live)), WRITE])
        assert written["data"]["b"] == "Qg=="

    async def test_it_meets_no_other_object_of_that_name(self, bench: benches.Bench) -> None:
        made = await bench.api.create(samples.secret(bench.owner))
        with pytest.raises(errors.Conflict):
            await bench.api.patch(kinds.ref(made), [of(benches.OTHER_UID), WRITE])
        await assert_untouched(bench, made)

    @pytest.mark.parametrize(
        "operation",
        [
            {"op": "test", "path": "/data/a", "value": "Qg=="},
            {"op": "remove", "path": "/data/nothing"},
            {"op": "add", "path": "/nowhere/at/all", "value": "Qg=="},
        ],
        ids=lambda operation: f"{operation['op']} {operation['path']}",
    )
    async def test_what_does_not_fit_the_object_is_a_conflict(
        self, bench: benches.Bench, operation: kinds.Object
    ) -> None:
        made = await bench.api.create(samples.secret(bench.owner))
        with pytest.raises(errors.Conflict):
            await bench.api.patch(kinds.ref(made), [WRITE, operation])
        await assert_untouched(bench, made)

    async def test_what_is_missing_is_not_found(self, bench: benches.Bench) -> None:
        with pytest.raises(errors.NotFound):
            await bench.api.patch(kinds.ref(samples.secret(bench.owner)), [WRITE])


class TestReplacement:
    async def test_a_lease_is_not_replaced_without_a_version(self, bench: benches.Bench) -> None:
        await bench.api.create(lease(bench))
        with pytest.raises(errors.Invalid):
            await bench.api.replace(lease(bench, holderIdentity="b"))

    async def test_a_replacement_at_another_version_is_refused(self, bench: benches.Bench) -> None:
        made, live = await edited(bench)
        with pytest.raises(errors.Conflict):
            await bench.api.replace(under(benches.version(made), samples.secret(bench.owner, a="Qg==")))
        await assert_untouched(bench, live)
        written = await bench.api.replace(under(benches.version(live), samples.secret(bench.owner, a="Qg==")))
        assert written["data"] == {"a": "Qg=="}
        assert benches.uid(written) == benches.uid(made)

    async def test_of_two_who_replace_one_version_one_is_refused(self, bench: benches.Bench) -> None:
        made = await bench.api.create(lease(bench))
        both = [under(benches.version(made), lease(bench, holderIdentity=name)) for name in "bc"]
        outcomes = await asyncio.gather(*(bench.api.replace(one) for one in both), return_exceptions=True)
        assert sorted(isinstance(one, errors.Conflict) for one in outcomes) == [False, True]


class TestCreation:
    async def test_it_names_no_version(self, bench: benches.Bench) -> None:
        obj = under(STALE, samples.secret(bench.owner))
        with pytest.raises(errors.ApiError):
            await bench.api.create(obj)
        assert not await bench.api.exists(kinds.ref(obj))

    async def test_of_two_who_create_one_name_one_is_refused(self, bench: benches.Bench) -> None:
        both = [samples.secret(bench.owner, a=value) for value in ("QQ==", "Qg==")]
        outcomes = await asyncio.gather(*(bench.api.create(one) for one in both), return_exceptions=True)
        assert sorted(isinstance(one, errors.AlreadyExists) for one in outcomes) == [False, True]

    async def test_a_status_is_no_part_of_it_nor_of_an_edit(self, bench: benches.Bench) -> None:
        model = samples.model(bench.owner.namespace, "other") | {"status": {"url": "http://theirs/"}}
        made = await bench.others.create_by("kubectl", model)
        assert "status" not in made
        written = await bench.api.write_status(made, {"url": "http://ours/"})
        again = await bench.others.edit_by("kubectl", kinds.ref(made), {"status": {"url": "http://theirs/"}})
        assert again["status"] == written["status"]
