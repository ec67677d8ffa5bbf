"""What is read and watched is told alike by the cluster in memory and the real API server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests import samples
from tests.integration.conformance import bench as benches
from vllm_operator.kube import client, diff, errors, kinds


class TestReading:
    async def test_what_was_created_comes_back_as_it_was_sent(self, bench: benches.Bench) -> None:
        for obj in (samples.secret(bench.owner), samples.service(bench.owner), samples.deployment(bench.owner)):
            made = await bench.api.create(obj)
            assert diff.patch(obj, made) == []
            assert diff.patch(obj, await bench.api.get(kinds.ref(obj))) == []

    async def test_a_name_is_given_once(self, bench: benches.Bench) -> None:
        await bench.api.create(samples.secret(bench.owner))
        with pytest.raises(errors.AlreadyExists):
            await bench.api.create(samples.secret(bench.owner))

    async def test_what_is_missing_is_not_found(self, bench: benches.Bench) -> None:
        with pytest.raises(errors.NotFound):
            await bench.api.get(kinds.ref(samples.secret(bench.owner)))

    async def test_existence_is_told_without_content(self, bench: benches.Bench) -> None:
        ref = kinds.ref(samples.secret(bench.owner))
        assert not await bench.api.exists(ref)
        await bench.api.create(samples.secret(bench.owner))
        assert await bench.api.exists(ref)

    async def test_the_log_of_a_pod_that_is_not_there_is_not_found(self, bench: benches.Bench) -> None:
        with pytest.raises(errors.NotFound):
            await bench.api.log(kinds.Ref("Pod", bench.owner.namespace, "none"), "vllm", 10, 1000, previous=True)

    async def test_a_list_comes_in_pages_of_one_version_and_its_items_know_their_kind(
        self, bench: benches.Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client, "PAGE", 2)
        for number in range(5):
            await bench.api.create(samples.secret(bench.owner, str(number)))
        pages = await benches.everything(bench.api.list(kinds.SECRET, bench.owner.namespace, benches.SELECTOR))
        items = [item for page in pages for item in page.items]
        assert [len(page.items) for page in pages] == [2, 2, 1]
        assert len({page.resource_version for page in pages}) == 1
        assert {(item["apiVersion"], item["kind"]) for item in items} == {("v1", "Secret")}
        assert len({kinds.ref(item) for item in items}) == 5

    async def test_a_list_holds_only_what_is_selected(self, bench: benches.Bench) -> None:
        plain = samples.secret(bench.owner, "plain")
        del plain["metadata"]["labels"]
        await bench.api.create(plain)
        await bench.api.create(samples.secret(bench.owner, "ours"))
        for namespace in (bench.owner.namespace, ""):
            pages = await benches.everything(
                bench.api.list(kinds.SECRET, namespace, f"{benches.SELECTOR}={bench.owner.name}")
            )
            names = {
                item["metadata"]["name"]
                for item in pages[0].items
                if item["metadata"]["namespace"] == bench.owner.namespace
            }
            assert names == {"vllm11.ours"}


class TestWatching:
    async def test_a_watch_tells_of_all_that_happens_after_its_version(self, bench: benches.Bench) -> None:
        async with self._watching(bench) as events:
            ref = kinds.ref(samples.secret(bench.owner))
            made = await bench.api.create(samples.secret(bench.owner))
            edited = await bench.others.edit_by("kubectl", ref, {"data": {"b": "Qg=="}})
            await bench.api.delete(ref, benches.uid(made))
            seen = [await anext(events) for _ in range(3)]
        assert [happened for happened, _ in seen] == ["ADDED", "MODIFIED", "DELETED"]
        assert [benches.version(obj) for _, obj in seen[:2]] == [benches.version(made), benches.version(edited)]
        assert int(benches.version(seen[2][1])) > int(benches.version(edited))
        assert seen[0][1]["kind"] == "Secret"

    async def test_what_loses_the_label_is_told_as_deleted_and_comes_back_as_added(self, bench: benches.Bench) -> None:
        async with self._watching(bench) as events:
            ref = kinds.ref(samples.secret(bench.owner))
            await bench.api.create(samples.secret(bench.owner))
            stripped = await bench.others.edit_by("kubectl", ref, {"metadata": {"labels": {benches.SELECTOR: None}}})
            await bench.others.edit_by("kubectl", ref, {"metadata": {"labels": {benches.SELECTOR: bench.owner.name}}})
            seen = [await anext(events) for _ in range(3)]
        assert [happened for happened, _ in seen] == ["ADDED", "DELETED", "ADDED"]
        assert benches.version(seen[1][1]) == benches.version(stripped)

    @contextlib.asynccontextmanager
    async def _watching(self, bench: benches.Bench) -> AsyncIterator[AsyncIterator[tuple[str, kinds.Object]]]:
        [page] = await benches.everything(bench.api.list(kinds.SECRET, bench.owner.namespace, benches.SELECTOR))
        events = bench.api.watch(kinds.SECRET, page.resource_version, bench.owner.namespace, benches.SELECTOR)
        async with asyncio.timeout(60), contextlib.aclosing(events):  # type: ignore[type-var]
            yield (event async for event in events if event[0] != "BOOKMARK")
