"""A list or a watch that fails ends nothing, is tried again soon, and is told of while it fails."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator

import pytest

from tests import clock, fake_apiserver, samples
from vllm_operator.kube import cache, errors, informer, kinds, listener, naming

OWNER = naming.Owner("models", "vllm11", "uid-1")
DENIED = errors.Denied(403, "Forbidden", "you may not list this")
MISSING = errors.NotFound(404, "NotFound", "the server could not find the requested resource")
GARBLED = ValueError("unexpected character: line 1 column 1 (char 0)")
DOWN = errors.Unavailable(503, "Down", "no answer")
EXPIRED = errors.Gone(410, "Expired", "too old resource version")


class Watched:
    """A cluster in memory and all informers on it. `synced`: the namespaces that were said to be known."""

    def __init__(self, *namespaces: str, told: listener.Listener | None = None) -> None:
        self.api = fake_apiserver.FakeCluster()
        self.store = cache.Cache(lambda _: None, told)
        self.synced: list[str] = []
        self.informers = informer.Informers(self.api, self.store, namespaces, self.synced.append)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.informers.run())
        yield
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def failing(self) -> set[tuple[str, str, str]]:
        return {(one.kind.kind, one.namespace, one.reason) for one in self.informers.failures()}


@clock.virtual
async def test_every_kind_is_followed_in_every_namespace() -> None:
    every = {"ModelDeployment", *(kind.kind for kind in kinds.CHILDREN), "Pod"}
    for namespaces in ((), ("a", "b")):
        watched = Watched(*namespaces)
        async with watched.running():
            await watched.informers.ready()
            await asyncio.sleep(1)
        seen = {(ref.kind, ref.namespace) for verb, ref in watched.api.calls if verb == "watch"}
        assert seen == set(itertools.product(every, namespaces or ("",)))
        assert set(watched.synced) == set(namespaces or ("",))


@pytest.mark.parametrize("verb", ["list", "watch"])
@pytest.mark.parametrize(
    "error", [DENIED, MISSING, GARBLED, errors.Unavailable(503, "Down", "no"), errors.Gone(410, "Expired", "no")]
)
def test_whatever_fails_is_tried_again_within_five_seconds(verb: str, error: Exception) -> None:
    @clock.virtual
    async def scenario() -> None:
        watched = Watched()
        trouble = watched.api.troubles.fail(error, verb, kind="Secret")
        async with watched.running():
            await asyncio.sleep(600)
            asked = [ref for verb, ref in watched.api.calls if (verb, ref.kind) == ("list", "Secret")]
            assert len(asked) < 250
            assert {kind for kind, _, _ in watched.failing()} == {"Secret"}
            watched.api.troubles.end(trouble)
            await watched.api.create(samples.secret(OWNER))
            ended = clock.now()
            await clock.until(lambda: bool(watched.store.of(kinds.Key("models", "vllm11"))))
            assert clock.now() - ended <= 5
            assert watched.failing() == set()

    scenario()


@clock.virtual
async def test_an_api_server_that_is_down_is_asked_less_and_less() -> None:
    watched = Watched()
    asked: list[float] = []

    def down(_verb: str, ref: kinds.Ref, when: str) -> None:
        if (when, ref.kind) == ("before", "Secret"):
            asked.append(clock.now())
            raise DOWN

    watched.api.interrupt = down
    async with watched.running():
        await asyncio.sleep(600)
    pauses = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert pauses[0] < 1
    assert all(2.5 <= pause <= 5 for pause in pauses[15:])
    assert len(set(pauses[15:])) > 1


@clock.virtual
async def test_a_watch_that_ends_in_its_time_is_followed_by_the_next_at_once_though_nothing_happened() -> None:
    watched = Watched()
    opened: list[float] = []

    def note(verb: str, ref: kinds.Ref, when: str) -> None:
        if (verb, ref.kind, when) == ("watch", "Secret", "before"):
            opened.append(clock.now())

    watched.api.interrupt = note
    async with watched.running():
        for _ in range(5):
            await asyncio.sleep(290)
            watched.api.cut()
        await asyncio.sleep(10)
    assert [round(later - earlier) for earlier, later in itertools.pairwise(opened)] == [290] * 5


@clock.virtual
async def test_a_failure_tells_since_when_it_lasts_and_ends_when_the_watch_is_open() -> None:
    watched = Watched()
    async with watched.running():
        await watched.informers.ready()
        failed = clock.now()
        trouble = watched.api.troubles.fail(DENIED, kind="Pod")
        watched.api.cut()
        await asyncio.sleep(100)
        [failure] = watched.informers.failures()
        assert (failure.kind, failure.namespace, failure.reason) == (kinds.POD, "", "Forbidden")
        assert failure.since - failed < 1
        watched.api.troubles.end(trouble)
        await asyncio.sleep(5)
        assert watched.failing() == set()


@clock.virtual
async def test_a_failure_is_logged_once_until_it_is_another(caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched()
    trouble = watched.api.troubles.fail(DENIED, kind="Pod")
    async with watched.running():
        await asyncio.sleep(600)
        watched.api.troubles.end(trouble)
        watched.api.troubles.fail(MISSING, kind="Pod")
        await asyncio.sleep(600)
    assert [record.getMessage().partition("error=")[2] for record in caplog.records] == [str(DENIED), str(MISSING)]


@clock.virtual
async def test_a_namespace_is_known_once_all_its_kinds_are_and_another_costs_it_nothing() -> None:
    watched = Watched("a", "gone")
    trouble = watched.api.troubles.fail(DENIED, kind="Secret", namespace="gone")
    async with watched.running():
        await watched.informers.ready()
        assert (watched.informers.knows("a"), watched.informers.knows("gone")) == (True, False)
        assert watched.informers.are_ready()
        assert watched.failing() == {("Secret", "gone", "Forbidden")}
        assert watched.synced == ["a"]
        watched.api.troubles.end(trouble)
        await asyncio.sleep(5)
        assert watched.informers.knows("gone")
        assert watched.synced == ["a", "gone"]
        assert not watched.informers.knows("elsewhere")


@pytest.mark.parametrize("error", [DOWN, GARBLED, EXPIRED])
def test_a_namespace_that_cannot_be_listed_for_a_minute_holds_up_no_other(error: Exception) -> None:
    @clock.virtual
    async def scenario() -> None:
        watched = Watched("a", "b")
        silent = watched.api.troubles.fail(error, "list", kind="Secret", namespace="b")
        async with watched.running():
            await asyncio.sleep(50)
            assert not watched.informers.are_ready()
            await asyncio.sleep(20)
            assert watched.informers.are_ready()
            assert (watched.informers.knows("a"), watched.informers.knows("b")) == (True, False)
            assert {namespace for _, namespace, _ in watched.failing()} == {"b"}
            watched.api.troubles.end(silent)
            await asyncio.sleep(6)
            assert watched.informers.knows("b")

    scenario()


@pytest.mark.parametrize("namespaces", [(), ("a", "b")])
@pytest.mark.parametrize("error", [DENIED, DOWN])
def test_where_nothing_is_known_whole_nothing_is_ready(error: Exception, namespaces: tuple[str, ...]) -> None:
    """There is nobody to work for: what is not listed would look deleted."""

    @clock.virtual
    async def scenario() -> None:
        watched = Watched(*namespaces)
        watched.api.troubles.fail(error, kind="Secret")
        async with watched.running():
            await asyncio.sleep(600)
            assert not watched.informers.are_ready()

    scenario()


class Puzzled:
    """A listener who cannot make sense of objects named odd."""

    def put(self, obj: kinds.Object) -> None:
        if obj["metadata"]["name"] == "odd":
            raise TypeError("not a list")

    def forget(self, ref: kinds.Ref) -> None:
        """Forget nothing: nothing was learnt."""

    def keep(self, kind: str, namespace: str, listed: set[kinds.Ref], version: int) -> None:
        """Forget nothing."""


@pytest.mark.parametrize("when", ["listed", "watched"])
def test_an_object_that_cannot_be_taken_in_costs_no_other(when: str, caplog: pytest.LogCaptureFixture) -> None:
    @clock.virtual
    async def scenario() -> None:
        watched = Watched(told=Puzzled())
        odd, plain = samples.service(OWNER), samples.service(OWNER)
        odd["metadata"]["name"] = "odd"
        if when == "listed":
            await watched.api.create_by("tool", odd)
        async with watched.running():
            await asyncio.sleep(10)
            assert watched.informers.are_ready()
            await watched.api.create_by("tool", odd) if when == "watched" else None
            await watched.api.create_by("tool", plain)
            await asyncio.sleep(1)
            assert [kinds.ref(one) for one in watched.store.of(kinds.Key("models", "vllm11"))] == [kinds.ref(plain)]
            assert watched.failing() == set()
        [said] = [one.getMessage() for one in caplog.records]
        assert said == "Object was left out object=Service odd namespace=models"

    scenario()
