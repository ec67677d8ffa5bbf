"""The cluster in memory answers as the real API server does: each promise is kept by both."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests import fake_apiserver, samples
from vllm_operator.kube import apply, cache, client, credentials, diff, errors, field_ownership, kinds, naming, requests

if TYPE_CHECKING:
    import pathlib

NAMESPACE = kinds.Kind("v1", "Namespace", "namespaces", namespaced=False)
OTHER_UID = "11111111-1111-1111-1111-111111111111"
SELECTOR = naming.MODEL_LABEL


class Others:
    """Everybody else, on the real API server."""

    def __init__(self, real: client.ApiClient) -> None:
        self._connection = real._connection

    async def create_by(self, manager: str, obj: kinds.Object) -> kinds.Object:
        target = requests.all_of(kinds.BY_NAME[obj["kind"]], obj["metadata"]["namespace"])
        return await self._connection.call("create", target, query={"fieldManager": manager}, body=obj)

    async def edit_by(self, manager: str, ref: kinds.Ref, patch: kinds.Object) -> kinds.Object:
        query = {"fieldManager": manager}
        return await self._connection.call(
            "patch", requests.one(ref), query=query, body=patch, content=requests.MERGE_PATCH
        )

    async def delete_by(self, _manager: str, ref: kinds.Ref) -> None:
        await self._connection.call("delete", requests.one(ref))


class Bench(NamedTuple):
    """A cluster, everybody else in it, and a model to own things."""

    api: client.Api
    others: Any
    owner: naming.Owner
    model: kinds.Object


@pytest.fixture(params=["memory", "real"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    namespace = f"conformance-{uuid.uuid4().hex[:10]}"
    if request.param == "memory":
        yield await _bench(api := fake_apiserver.FakeCluster(), api, namespace)
        return
    served: pathlib.Path = request.getfixturevalue("served")
    async with client.ApiClient(credentials.kubeconfig(served)) as real:
        target = requests.all_of(NAMESPACE)
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        await real._connection.call("create", target, body=body)
        yield await _bench(real, Others(real), namespace)


async def _bench(api: client.Api, others: Any, namespace: str) -> Bench:
    model = await others.create_by("kubectl", samples.model(namespace))
    return Bench(api, others, naming.owner(model), model)


def version(obj: kinds.Object) -> str:
    return str(obj["metadata"]["resourceVersion"])


def uid(obj: kinds.Object) -> str:
    return str(obj["metadata"]["uid"])


def managers(obj: kinds.Object) -> list[tuple[str, str]]:
    entries = [entry for entry in obj["metadata"]["managedFields"] if not entry.get("subresource")]
    return sorted((entry["manager"], entry["operation"]) for entry in entries)


async def everything(pages: AsyncIterator[client.Page]) -> list[client.Page]:
    return [page async for page in pages]


async def taken_over(bench: Bench, obj: kinds.Object) -> kinds.Object:
    """Create `obj` and hand it over to apply; return it as it lives then."""
    await bench.api.create(obj)
    for _ in range(20):  # controllers write too
        with contextlib.suppress(errors.Conflict):
            return await bench.api.hand_over(await bench.api.get(kinds.ref(obj)))
    raise AssertionError("was never left alone")


class TestReading:
    async def test_what_was_created_comes_back_as_it_was_sent(self, bench: Bench) -> None:
        for obj in (samples.secret(bench.owner), samples.service(bench.owner), samples.deployment(bench.owner)):
            made = await bench.api.create(obj)
            assert diff.differs(obj, made) is None
            assert diff.differs(obj, await bench.api.get(kinds.ref(obj))) is None

    async def test_a_name_is_given_once(self, bench: Bench) -> None:
        await bench.api.create(samples.secret(bench.owner))
        with pytest.raises(errors.AlreadyExists):
            await bench.api.create(samples.secret(bench.owner))

    async def test_what_is_missing_is_not_found(self, bench: Bench) -> None:
        with pytest.raises(errors.NotFound):
            await bench.api.get(kinds.ref(samples.secret(bench.owner)))

    async def test_existence_is_told_without_content(self, bench: Bench) -> None:
        ref = kinds.ref(samples.secret(bench.owner))
        assert not await bench.api.exists(ref)
        await bench.api.create(samples.secret(bench.owner))
        assert await bench.api.exists(ref)

    async def test_a_list_comes_in_pages_of_one_version_and_its_items_know_their_kind(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client, "PAGE", 2)
        for number in range(5):
            await bench.api.create(samples.secret(bench.owner, str(number)))
        pages = await everything(bench.api.list(kinds.SECRET, bench.owner.namespace, SELECTOR))
        items = [item for page in pages for item in page.items]
        assert [len(page.items) for page in pages] == [2, 2, 1]
        assert len({page.resource_version for page in pages}) == 1
        assert {(item["apiVersion"], item["kind"]) for item in items} == {("v1", "Secret")}
        assert len({kinds.ref(item) for item in items}) == 5

    async def test_a_list_holds_only_what_is_selected(self, bench: Bench) -> None:
        plain = samples.secret(bench.owner, "plain")
        del plain["metadata"]["labels"]
        await bench.api.create(plain)
        await bench.api.create(samples.secret(bench.owner, "ours"))
        for namespace in (bench.owner.namespace, ""):
            pages = await everything(bench.api.list(kinds.SECRET, namespace, f"{SELECTOR}={bench.owner.name}"))
            names = {
                item["metadata"]["name"]
                for item in pages[0].items
                if item["metadata"]["namespace"] == bench.owner.namespace
            }
            assert names == {"vllm11.ours"}


class TestWatching:
    async def test_a_watch_tells_of_all_that_happens_after_its_version(self, bench: Bench) -> None:
        async with self._watching(bench) as events:
            ref = kinds.ref(samples.secret(bench.owner))
            made = await bench.api.create(samples.secret(bench.owner))
            edited = await bench.others.edit_by("kubectl", ref, {"data": {"b": "Qg=="}})
            await bench.api.delete(ref, uid(made))
            seen = [await anext(events) for _ in range(3)]
        assert [happened for happened, _ in seen] == ["ADDED", "MODIFIED", "DELETED"]
        assert [version(obj) for _, obj in seen[:2]] == [version(made), version(edited)]
        assert int(version(seen[2][1])) > int(version(edited))
        assert seen[0][1]["kind"] == "Secret"

    async def test_what_loses_the_label_is_told_as_deleted_and_comes_back_as_added(self, bench: Bench) -> None:
        async with self._watching(bench) as events:
            ref = kinds.ref(samples.secret(bench.owner))
            await bench.api.create(samples.secret(bench.owner))
            stripped = await bench.others.edit_by("kubectl", ref, {"metadata": {"labels": {SELECTOR: None}}})
            await bench.others.edit_by("kubectl", ref, {"metadata": {"labels": {SELECTOR: bench.owner.name}}})
            seen = [await anext(events) for _ in range(3)]
        assert [happened for happened, _ in seen] == ["ADDED", "DELETED", "ADDED"]
        assert version(seen[1][1]) == version(stripped)

    @contextlib.asynccontextmanager
    async def _watching(self, bench: Bench) -> AsyncIterator[AsyncIterator[tuple[str, kinds.Object]]]:
        [page] = await everything(bench.api.list(kinds.SECRET, bench.owner.namespace, SELECTOR))
        events = bench.api.watch(kinds.SECRET, page.resource_version, bench.owner.namespace, SELECTOR)
        async with asyncio.timeout(60), contextlib.aclosing(events):  # type: ignore[type-var]
            yield (event async for event in events if event[0] != "BOOKMARK")


class TestApplying:
    async def test_an_apply_never_creates_and_never_meets_another_object(self, bench: Bench) -> None:
        obj = samples.secret(bench.owner)
        with pytest.raises(errors.Conflict):
            await bench.api.apply(obj, OTHER_UID)
        made = await bench.api.create(obj)
        with pytest.raises(errors.Conflict):
            await bench.api.apply({**obj, "data": {"a": "Qg=="}}, OTHER_UID)
        assert version(await bench.api.get(kinds.ref(obj))) == version(made)

    async def test_a_field_that_is_no_longer_applied_goes_only_after_the_hand_over(self, bench: Bench) -> None:
        more, less = samples.secret(bench.owner, a="QQ==", b="Qg=="), samples.secret(bench.owner, a="QQ==")
        made = await bench.api.create(more)
        assert "b" in (await bench.api.apply(less, uid(made)))["data"]
        await bench.api.apply(more, uid(made))
        assert field_ownership.is_posted(await bench.api.get(kinds.ref(more)))
        handed = await bench.api.hand_over(await bench.api.get(kinds.ref(more)))
        assert not field_ownership.is_posted(handed)
        assert "b" not in (await bench.api.apply(less, uid(made)))["data"]

    async def test_the_hand_over_leaves_one_entry_of_ours_and_changes_nothing_else(self, bench: Bench) -> None:
        made = await bench.api.create(samples.service(bench.owner))
        handed = await bench.api.hand_over(made)
        assert managers(handed) == [("vllm-operator", "Apply")]
        assert handed["spec"] == made["spec"]
        assert version(handed) != version(made)

    async def test_the_hand_over_is_refused_where_the_object_has_changed(self, bench: Bench) -> None:
        made = await bench.api.create(samples.secret(bench.owner))
        await bench.others.edit_by("kubectl", kinds.ref(made), {"data": {"c": "Qw=="}})
        with pytest.raises(errors.Conflict):
            await bench.api.hand_over(made)

    async def test_an_apply_of_the_same_changes_nothing(self, bench: Bench) -> None:
        handed = await taken_over(bench, samples.service(bench.owner))
        first = await bench.api.apply(samples.service(bench.owner), uid(handed))
        second = await bench.api.apply(samples.service(bench.owner), uid(handed))
        assert version(first) == version(second)

    async def test_an_apply_wins_over_a_stranger_and_leaves_what_is_the_strangers_own(self, bench: Bench) -> None:
        obj = samples.deployment(bench.owner, MODE="safe")
        handed = await taken_over(bench, obj)
        env = [{"name": "MODE", "value": "wild"}, {"name": "THEIRS", "value": "1"}]
        container = {**handed["spec"]["template"]["spec"]["containers"][0], "env": env}
        edited = await bench.others.edit_by(
            "kubectl", kinds.ref(obj), {"spec": {"template": {"spec": {"containers": [container]}}}}
        )
        assert diff.differs(obj, edited) == "spec.template.spec.containers[vllm].env[MODE].value"
        answer = await bench.api.apply(obj, uid(handed))
        env = answer["spec"]["template"]["spec"]["containers"][0]["env"]
        assert {entry["name"]: entry["value"] for entry in env} == {"MODE": "safe", "THEIRS": "1"}
        assert diff.differs(obj, answer) is None

    async def test_a_selector_is_applied_whole(self, bench: Bench) -> None:
        handed = await taken_over(bench, samples.service(bench.owner))
        theirs = {"spec": {"selector": {"app": "other"}}}
        edited = await bench.others.edit_by("kubectl", kinds.ref(handed), theirs)
        assert diff.differs(samples.service(bench.owner), edited) == "spec.selector"
        answer = await bench.api.apply(samples.service(bench.owner), uid(handed))
        assert answer["spec"]["selector"] == naming.selector(bench.owner.name)

    async def test_an_item_of_a_list_goes_when_it_is_no_longer_applied(self, bench: Bench) -> None:
        handed = await taken_over(bench, samples.deployment(bench.owner, A="1", B="2"))
        answer = await bench.api.apply(samples.deployment(bench.owner, A="1"), uid(handed))
        assert answer["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "A", "value": "1"}]

    async def test_the_generation_counts_changes_of_the_spec_alone(self, bench: Bench) -> None:
        handed = await taken_over(bench, samples.deployment(bench.owner))
        assert handed["metadata"]["generation"] == 1
        body = without_replicas(samples.deployment(bench.owner))
        body["metadata"]["labels"]["more"] = "1"
        assert (await bench.api.apply(body, uid(handed)))["metadata"]["generation"] == 1
        body = without_replicas(samples.deployment(bench.owner, image="engine:2"))
        assert (await bench.api.apply(body, uid(handed)))["metadata"]["generation"] == 2


def without_replicas(deployment: kinds.Object) -> kinds.Object:
    del deployment["spec"]["replicas"]
    return deployment


class TestScaling:
    async def test_replicas_outlive_every_apply_that_does_not_name_them(self, bench: Bench) -> None:
        handed = await taken_over(bench, samples.deployment(bench.owner, replicas=2))
        body = without_replicas(samples.deployment(bench.owner, image="engine:2"))
        assert (await bench.api.apply(body, uid(handed)))["spec"]["replicas"] == 2
        await bench.api.scale(kinds.ref(body), uid(handed), 5)
        body["metadata"]["labels"]["more"] = "1"
        assert (await bench.api.apply(body, uid(handed)))["spec"]["replicas"] == 5

    async def test_only_the_known_deployment_is_scaled(self, bench: Bench) -> None:
        made = await bench.api.create(samples.deployment(bench.owner, replicas=2))
        with pytest.raises(errors.Conflict):
            await bench.api.scale(kinds.ref(made), OTHER_UID, 7)
        assert (await bench.api.get(kinds.ref(made)))["spec"]["replicas"] == 2


class TestDeleting:
    async def test_only_the_known_object_is_deleted(self, bench: Bench) -> None:
        made = await bench.api.create(samples.secret(bench.owner))
        with pytest.raises(errors.Conflict):
            await bench.api.delete(kinds.ref(made), OTHER_UID)
        await bench.api.delete(kinds.ref(made), uid(made))
        with pytest.raises(errors.NotFound):
            await bench.api.delete(kinds.ref(made), uid(made))

    async def test_what_a_finalizer_holds_is_marked_and_stays(self, bench: Bench) -> None:
        obj = samples.secret(bench.owner)
        obj["metadata"]["finalizers"] = ["example.com/hold"]
        made = await bench.api.create(obj)
        await bench.api.delete(kinds.ref(made), uid(made))
        assert (await bench.api.get(kinds.ref(made)))["metadata"]["deletionTimestamp"]
        await bench.others.edit_by("kubectl", kinds.ref(made), {"metadata": {"finalizers": None}})
        assert not await bench.api.exists(kinds.ref(made))


class TestStatus:
    async def test_the_whole_status_is_written_and_only_it(self, bench: Bench) -> None:
        first = await bench.api.write_status(bench.model, {"url": "http://a/", "replicas": 1, "readyReplicas": 1})
        second = await bench.api.write_status(first, {"url": "http://b/", "replicas": 1})
        assert (second["status"]["url"], second["status"].get("readyReplicas", 0)) == ("http://b/", 0)
        assert second["spec"] == bench.model["spec"]
        assert second["metadata"]["generation"] == bench.model["metadata"]["generation"]
        assert version(await bench.api.write_status(second, second["status"])) == version(second)

    async def test_a_model_that_was_made_anew_keeps_its_own_status(self, bench: Bench) -> None:
        stale = {**bench.model, "metadata": {**bench.model["metadata"], "uid": OTHER_UID}}
        with pytest.raises(errors.Conflict):
            await bench.api.write_status(stale, {"url": "http://a/"})


class TestOtherWrites:
    async def test_a_replacement_needs_the_live_version(self, bench: Bench) -> None:
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

    async def test_an_event_is_recorded_on_its_object(self, bench: Bench) -> None:
        await bench.api.create_event(bench.model, "Serving", "1 of 1 servers answer")
        [page] = await everything(bench.api.list(kinds.EVENT, bench.owner.namespace))
        [event] = [item for item in page.items if item["regarding"].get("uid") == bench.owner.uid]
        assert (event["reason"], event["note"], event["type"]) == ("Serving", "1 of 1 servers answer", "Normal")


class TestWriter:
    """The rules of the writer, on both clusters; more of them in tests/unit/test_writer.py."""

    async def test_every_kind_is_created_once_repaired_and_then_left_alone(self, bench: Bench) -> None:
        write = apply.Applier(bench.api, cache.Cache())
        wanted = [samples.secret(bench.owner), samples.service(bench.owner), samples.revision(bench.owner)]
        assert [await write.ensure(obj, bench.owner) for obj in wanted] == ["created"] * 3
        assert [await write.ensure(obj, bench.owner) for obj in wanted] == ["unchanged"] * 3
        for obj in wanted:
            obj["metadata"]["labels"]["more"] = "1"
        assert [await write.ensure(obj, bench.owner) for obj in wanted] == ["applied"] * 3
        assert [await write.ensure(obj, bench.owner) for obj in wanted] == ["unchanged"] * 3

    async def test_a_dropped_field_goes(self, bench: Bench) -> None:
        write = apply.Applier(bench.api, cache.Cache())
        await write.ensure(samples.secret(bench.owner, a="QQ==", b="Qg=="), bench.owner)
        assert await write.ensure(samples.secret(bench.owner, a="QQ=="), bench.owner) == "applied"
        live = await bench.api.get(kinds.ref(samples.secret(bench.owner)))
        assert live["data"] == {"a": "QQ=="}
        assert managers(live) == [("vllm-operator", "Apply")]

    async def test_a_deployment_is_scaled_without_being_applied_and_applied_without_being_scaled(
        self, bench: Bench
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

    async def test_a_port_whose_name_a_stranger_took_is_put_back(self, bench: Bench) -> None:
        write = apply.Applier(bench.api, cache.Cache())
        wanted = samples.service(bench.owner)
        await write.ensure(wanted, bench.owner)
        theirs = {"spec": {"ports": [{"name": "http", "port": 81, "protocol": "TCP", "targetPort": 9}]}}
        edited = await bench.others.edit_by("kubectl", kinds.ref(wanted), theirs)
        with pytest.raises(errors.Invalid):
            await bench.api.apply(wanted, uid(edited))
        anew = apply.Applier(bench.api, cache.Cache())
        assert [await anew.ensure(wanted, bench.owner) for _ in range(2)] == ["applied", "unchanged"]
        live = await bench.api.get(kinds.ref(wanted))
        assert [port["port"] for port in live["spec"]["ports"]] == [80]

    async def test_what_cannot_change_is_made_anew(self, bench: Bench) -> None:
        write = apply.Applier(bench.api, cache.Cache())
        for before, after in (
            (samples.revision(bench.owner, a=1), samples.revision(bench.owner, a=2)),
            (samples.service(bench.owner), samples.service(bench.owner, clusterIP="None")),
        ):
            await write.ensure(before, bench.owner)
            old = await bench.api.get(kinds.ref(before))
            assert await write.ensure(after, bench.owner) == "created"
            new = await bench.api.get(kinds.ref(after))
            assert uid(new) != uid(old)
            assert diff.differs(after, new) is None

    @pytest.mark.parametrize("stripped", ["labels", "ownerReferences"])
    async def test_what_lost_its_label_or_its_owner_is_repaired(self, bench: Bench, stripped: str) -> None:
        write = apply.Applier(bench.api, cache.Cache())
        obj = samples.secret(bench.owner)
        await write.ensure(obj, bench.owner)
        await bench.others.edit_by("kubectl", kinds.ref(obj), {"metadata": {stripped: None}})
        assert await apply.Applier(bench.api, cache.Cache()).ensure(obj, bench.owner) == "applied"
        assert diff.differs(obj, await bench.api.get(kinds.ref(obj))) is None

    async def test_a_strangers_object_is_left_as_it_is(self, bench: Bench) -> None:
        theirs = {**samples.secret(bench.owner), "metadata": {"name": "vllm11.key", "namespace": bench.owner.namespace}}
        made = await bench.others.create_by("kubectl", theirs)
        with pytest.raises(apply.NotOwned):
            await apply.Applier(bench.api, cache.Cache()).ensure(samples.secret(bench.owner), bench.owner)
        assert version(await bench.api.get(kinds.ref(made))) == version(made)

    async def test_a_stale_store_costs_a_look_and_no_harm(self, bench: Bench) -> None:
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
        with pytest.raises(apply.NotOwned):
            await write.ensure(samples.secret(bench.owner, a="Qw=="), bench.owner)


class TestTellingAPod:
    """What makes a kubelet look at once: an annotation, and nothing else of the pod, and of no other pod of that name."""

    async def test_an_annotation_is_changed_and_the_rest_stays(self, bench: Bench) -> None:
        pod = await _pod(bench)
        told = await bench.api.overwrite(_telling(pod, "1"), uid(pod))
        assert told["metadata"]["annotations"] == {"theirs": "yes", naming.GUARD_VERSION_ANNOTATION: "1"}
        assert told["spec"] == pod["spec"]
        assert told["metadata"]["labels"] == pod["metadata"]["labels"]
        assert version(told) != version(pod)
        assert version(await bench.api.overwrite(_telling(pod, "1"), uid(pod))) == version(told)

    async def test_another_pod_of_that_name_is_left_alone(self, bench: Bench) -> None:
        pod = await _pod(bench)
        with pytest.raises(errors.Conflict):
            await bench.api.overwrite(_telling(pod, "1"), OTHER_UID)
        assert (await bench.api.get(kinds.ref(pod)))["metadata"]["annotations"] == {"theirs": "yes"}


def _telling(pod: kinds.Object, value: str) -> kinds.Object:
    metadata = {name: pod["metadata"][name] for name in ("name", "namespace")}
    annotations = {naming.GUARD_VERSION_ANNOTATION: value}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "annotations": annotations}}


async def _pod(bench: Bench) -> kinds.Object:
    """Create a pod as soon as its namespace has the service account that every pod needs."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "vllm11-0",
            "namespace": bench.owner.namespace,
            "labels": naming.selector(bench.owner.name),
            "annotations": {"theirs": "yes"},
        },
        "spec": {"containers": [{"name": "vllm", "image": "engine:1"}], "automountServiceAccountToken": False},
    }
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(errors.Denied):
                made: kinds.Object = await bench.others.create_by("kubectl", pod)
                return made
            await asyncio.sleep(0.05)
