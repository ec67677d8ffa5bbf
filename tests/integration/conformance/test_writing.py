"""Deletions, statuses, Leases, Events and annotations are written alike to the cluster in memory and the real API server."""

import pytest

from tests import samples
from tests.integration.conformance import bench as benches
from vllm_operator.kube import errors, kinds, naming


class TestDeleting:
    async def test_only_the_known_object_is_deleted(self, bench: benches.Bench) -> None:
        made = await bench.api.create(samples.secret(bench.owner))
        with pytest.raises(errors.Conflict):
            await bench.api.delete(kinds.ref(made), benches.OTHER_UID)
        await bench.api.delete(kinds.ref(made), benches.uid(made))
        with pytest.raises(errors.NotFound):
            await bench.api.delete(kinds.ref(made), benches.uid(made))

    async def test_what_a_finalizer_holds_is_marked_and_stays(self, bench: benches.Bench) -> None:
        obj = samples.secret(bench.owner)
        obj["metadata"]["finalizers"] = ["example.com/hold"]
        made = await bench.api.create(obj)
        await bench.api.delete(kinds.ref(made), benches.uid(made))
        assert (await bench.api.get(kinds.ref(made)))["metadata"]["deletionTimestamp"]
        await bench.others.edit_by("kubectl", kinds.ref(made), {"metadata": {"finalizers": None}})
        assert not await bench.api.exists(kinds.ref(made))


class TestStatus:
    async def test_the_whole_status_is_written_and_only_it(self, bench: benches.Bench) -> None:
        first = await bench.api.write_status(bench.model, {"url": "http://a/", "replicas": 1, "readyReplicas": 1})
        second = await bench.api.write_status(first, {"url": "http://b/", "replicas": 1})
        assert (second["status"]["url"], second["status"].get("readyReplicas", 0)) == ("http://b/", 0)
        assert second["spec"] == bench.model["spec"]
        assert second["metadata"]["generation"] == bench.model["metadata"]["generation"]
        assert benches.version(await bench.api.write_status(second, second["status"])) == benches.version(second)

    async def test_a_model_that_was_made_anew_keeps_its_own_status(self, bench: benches.Bench) -> None:
        stale = {**bench.model, "metadata": {**bench.model["metadata"], "uid": benches.OTHER_UID}}
        with pytest.raises(errors.Conflict):
            await bench.api.write_status(stale, {"url": "http://a/"})


class TestOtherWrites:
    async def test_a_replacement_needs_the_live_version(self, bench: benches.Bench) -> None:
        lease = {
            "apiVersion": kinds.LEASE.api_version,
            "kind": "Lease",
            "metadata": {"name": "operator", "namespace": bench.owner.namespace},
            "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15},
        }
        made = await bench.api.create(lease)
        renewed = await bench.api.replace({**made, "spec": {"holderIdentity": "b", "leaseDurationSeconds": 15}})
        assert renewed["spec"]["holderIdentity"] == "b"
        with pytest.raises(errors.Conflict):
            await bench.api.replace({**made, "spec": {"holderIdentity": "c"}})

    async def test_an_event_is_recorded_on_its_object(self, bench: benches.Bench) -> None:
        await bench.api.create_event(bench.model, "Serving", "1 of 1 servers answer")
        [page] = await benches.everything(bench.api.list(kinds.EVENT, bench.owner.namespace))
        [event] = [item for item in page.items if item["regarding"].get("uid") == bench.owner.uid]
        assert (event["reason"], event["note"], event["type"]) == ("Serving", "1 of 1 servers answer", "Normal")

    async def test_events_are_those_on_one_object_the_newest_last(self, bench: benches.Bench) -> None:
        other = await benches.pod(bench)
        before = {one["note"] for one in await bench.api.events_on(bench.model)}
        await bench.api.create_event(bench.model, "Serving", "calm")
        for note in ("first", "second"):
            await bench.api.create_event(bench.model, "DiskFull", note, warning=True)
        await bench.api.create_event(other, "DiskFull", "of another", warning=True)
        told = [one["note"] for one in await bench.api.events_on(bench.model) if one["note"] not in before]
        assert told == ["calm", "first", "second"]


class TestTellingAPod:
    """What makes a kubelet look at once: an annotation, and nothing else of the pod, and of no other pod of that name."""

    async def test_an_annotation_is_changed_and_the_rest_stays(self, bench: benches.Bench) -> None:
        pod = await benches.pod(bench)
        told = await bench.api.merge(_telling(pod, "1"), benches.uid(pod))
        assert told["metadata"]["annotations"] == {"theirs": "yes", naming.GUARD_VERSION_ANNOTATION: "1"}
        assert told["spec"] == pod["spec"]
        assert told["metadata"]["labels"] == pod["metadata"]["labels"]
        assert benches.version(told) != benches.version(pod)
        assert benches.version(await bench.api.merge(_telling(pod, "1"), benches.uid(pod))) == benches.version(told)

    async def test_another_pod_of_that_name_is_left_alone(self, bench: benches.Bench) -> None:
        pod = await benches.pod(bench)
        with pytest.raises(errors.Conflict):
            await bench.api.merge(_telling(pod, "1"), benches.OTHER_UID)
        assert (await bench.api.get(kinds.ref(pod)))["metadata"]["annotations"] == {"theirs": "yes"}


def _telling(pod: kinds.Object, value: str) -> kinds.Object:
    metadata = {name: pod["metadata"][name] for name in ("name", "namespace")}
    annotations = {naming.GUARD_VERSION_ANNOTATION: value}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "annotations": annotations}}
