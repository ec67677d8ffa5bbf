"""Whatever happens to lists and watches, the store ends as the cluster is, and the models concerned are woken."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import pytest

from tests import clock, fake_apiserver, samples
from vllm_operator.kube import cache, client, informer, kinds, naming

OWNER = naming.Owner("models", "vllm11", "uid-1")
KEY = kinds.Key("models", "vllm11")


class Followed:
    """A cluster in memory, an informer on its Secrets, and what it does."""

    def __init__(self, kind: kinds.Kind = kinds.SECRET, namespace: str = "") -> None:
        self.api = fake_apiserver.FakeCluster()
        self.woken: list[kinds.Key] = []
        self.store = cache.Cache(self.woken.append)
        self.informer = informer.Informer(self.api, kind, self.store, namespace)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.informer.run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def names(self) -> set[str]:
        return {obj["metadata"]["name"] for key in self.store._of for obj in self.store.of(key)}

    def knows(self, *names: str) -> Callable[[], bool]:
        return lambda: (
            {name for name in self.names() if name.startswith("vllm11.")} == {f"vllm11.{one}" for one in names}
        )

    async def create(self, *names: str) -> None:
        for name in names:
            await self.api.create(samples.secret(OWNER, name))

    async def delete(self, *names: str) -> None:
        for name in names:
            await self.api.delete_by("kubectl", kinds.ref(samples.secret(OWNER, name)))


@clock.virtual
async def test_synced_means_that_all_that_was_there_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    followed = Followed()
    await followed.create(*"abcde")
    assert not followed.informer.synced.is_set()
    async with followed.running():
        await asyncio.wait_for(followed.informer.synced.wait(), 5)
        assert followed.knows(*"abcde")()
        assert followed.woken.count(KEY) == 5


@clock.virtual
async def test_of_a_page_nothing_is_held_while_the_next_one_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    followed, pages = Followed(), list[client.Page]()

    async def noted(kind: kinds.Kind, namespace: str = "", selector: str = "") -> AsyncIterator[client.Page]:
        async for page in fake_apiserver.FakeCluster.list(followed.api, kind, namespace, selector):
            assert [one.items for one in pages] == [[]] * len(pages)
            pages.append(page)
            yield page

    monkeypatch.setattr(followed.api, "list", noted)
    await followed.create(*"abcde")
    async with followed.running():
        await asyncio.wait_for(followed.informer.synced.wait(), 5)
    assert len(pages) == 3


@clock.virtual
async def test_what_happens_is_told_and_wakes_its_model() -> None:
    followed = Followed()
    async with followed.running():
        await followed.create("a", "b")
        await clock.until(followed.knows("a", "b"))
        await followed.delete("a")
        await clock.until(followed.knows("b"))
    assert followed.woken == [KEY] * 3


@clock.virtual
async def test_only_what_carries_a_models_label_is_seen() -> None:
    followed = Followed()
    stranger = samples.secret(OWNER, "stranger")
    del stranger["metadata"]["labels"]
    async with followed.running():
        await followed.api.create(stranger)
        await followed.create("a")
        await clock.until(followed.knows("a"))


@clock.virtual
async def test_foreign_objects_are_not_even_fetched() -> None:
    followed, asked = Followed(), list[str]()

    class Noting(fake_apiserver.FakeCluster):
        def list(self, kind: kinds.Kind, namespace: str = "", selector: str = "") -> AsyncGenerator[client.Page]:
            asked.append(selector)
            return super().list(kind, namespace, selector)

        def watch(
            self, kind: kinds.Kind, version: str, namespace: str = "", selector: str = ""
        ) -> AsyncGenerator[tuple[str, kinds.Object]]:
            asked.append(selector)
            return super().watch(kind, version, namespace, selector)

    followed.informer._api = Noting()
    async with followed.running():
        await asyncio.sleep(1)
    assert asked == [naming.MODEL_LABEL] * 2


@clock.virtual
async def test_what_loses_the_label_is_gone_and_comes_back_with_it() -> None:
    followed = Followed()
    ref = kinds.ref(samples.secret(OWNER, "a"))
    async with followed.running():
        await followed.create("a")
        await clock.until(followed.knows("a"))
        await followed.api.edit_by("kubectl", ref, {"metadata": {"labels": {naming.MODEL_LABEL: None}}})
        await clock.until(followed.knows())
        await followed.api.edit_by("kubectl", ref, {"metadata": {"labels": {naming.MODEL_LABEL: "vllm11"}}})
        await clock.until(followed.knows("a"))


@clock.virtual
async def test_a_broken_watch_goes_on_where_it_was() -> None:
    followed = Followed()
    async with followed.running():
        await followed.create("a")
        await clock.until(followed.knows("a"))
        followed.api.cut()
        await followed.create("b")
        await clock.until(followed.knows("a", "b"))
    assert [verb for verb, _ in followed.api.calls].count("list") == 1


@clock.virtual
async def test_after_a_forgotten_past_what_vanished_meanwhile_is_gone_too() -> None:
    followed = Followed()
    async with followed.running():
        await followed.create("a", "b")
        await clock.until(followed.knows("a", "b"))
        followed.api.frozen = True
        await followed.delete("a")
        await followed.create("c")
        followed.api.frozen = False
        followed.api.compact()
        await clock.until(followed.knows("b", "c"))
    assert followed.woken.count(KEY) == 4


@clock.virtual
async def test_a_bookmark_spares_the_list() -> None:
    followed = Followed()
    async with followed.running():
        await followed.create("a")
        await clock.until(followed.knows("a"))
        await followed.api.create(samples.service(OWNER))
        followed.api.bookmark(kinds.SECRET)
        await asyncio.sleep(1)
        followed.api.compact()
        await followed.create("b")
        await clock.until(followed.knows("a", "b"))
    assert [verb for verb, _ in followed.api.calls].count("list") == 1


@clock.virtual
async def test_a_watch_that_ends_at_once_each_time_is_not_a_storm() -> None:
    followed = Followed()
    async with followed.running():
        await followed.informer.synced.wait()
        followed.api.calls.clear()
        for _ in range(600):
            followed.api.cut()
            await asyncio.sleep(0.1)
    assert len(followed.api.calls) < 30


@clock.virtual
async def test_one_namespace_is_all_that_is_read() -> None:
    followed = Followed(namespace="models")
    elsewhere = naming.Owner("other", "vllm11", "uid-2")
    async with followed.running():
        await followed.api.create(samples.secret(elsewhere, "x"))
        await followed.create("a")
        await clock.until(followed.knows("a"))
    assert {ref.namespace for verb, ref in followed.api.calls if verb in {"list", "watch"}} == {"models"}


@clock.virtual
async def test_every_model_is_followed_whatever_its_labels() -> None:
    followed = Followed(kinds.MODEL_DEPLOYMENT)
    async with followed.running():
        await followed.api.create_by("admin", samples.model())
        await clock.until(lambda: followed.store.models() == (KEY,))
        followed.api.remove(kinds.ref(samples.model()))
        await clock.until(lambda: followed.store.models() == ())


@clock.virtual
async def test_a_model_that_vanished_while_nobody_watched_is_gone_though_it_was_the_last() -> None:
    followed = Followed(kinds.MODEL_DEPLOYMENT)
    async with followed.running():
        await followed.api.create_by("admin", samples.model())
        await clock.until(lambda: followed.store.models() == (KEY,))
        followed.api.frozen = True
        followed.api.remove(kinds.ref(samples.model()))
        followed.api.frozen = False
        followed.api.compact()
        await clock.until(lambda: followed.store.models() == ())
    assert followed.woken == [KEY] * 2


@clock.virtual
async def test_a_new_list_wakes_only_whom_it_brings_something_new() -> None:
    followed = Followed()
    other = naming.Owner("models", "other", "uid-2")
    async with followed.running():
        await followed.create("a", "b")
        await followed.api.create(samples.secret(other))
        await clock.until(lambda: len(followed.woken) == 3)
        followed.woken.clear()
        followed.api.frozen = True
        await followed.create("c")
        followed.api.frozen = False
        followed.api.compact()
        await clock.until(followed.knows("a", "b", "c"))
        await asyncio.sleep(60)
    assert followed.woken == [KEY]


@clock.virtual
async def test_objects_from_a_list_know_their_kind() -> None:
    followed = Followed()
    await followed.create("a")
    async with followed.running():
        await clock.until(followed.knows("a"))
    [obj] = followed.store.of(KEY)
    assert (obj["apiVersion"], obj["kind"]) == ("v1", "Secret")
