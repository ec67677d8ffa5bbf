"""What a fetcher says is heard while it works: numbers every ten seconds, a trouble at once, and nobody is asked after it."""

import asyncio
import json
from typing import Any

import pytest

from tests import clock, fake_apiserver
from tests.golden import render
from vllm_operator.kube import cache, errors, kinds, naming, workqueue
from vllm_operator.probes import fetch_polls
from vllm_operator.status import fetch_diagnosis
from vllm_operator.status.fetch_progress import Progress

MODEL = render.case("fetched")
KEY = kinds.Key("models", "llama")
JOB = kinds.Ref(kinds.JOB.kind, "models", "llama-fetch")
POD = kinds.Ref(kinds.POD.kind, "models", "llama-fetch-1")


class World:
    """A model with its Job in a cluster in memory; `said`: what the fetcher answers; `heard`: when news was passed on."""

    def __init__(self) -> None:
        self.api, self.store = fake_apiserver.FakeCluster(), cache.Cache()
        self.said: dict[str, Any] | None = {"bytes": 10, "fetched": 0}
        self.asked: list[str] = []
        self.heard: list[float] = []
        self.polls = fetch_polls.FetchPolls(self.api, self.store, self._ask, lambda _: self.heard.append(clock.now()))

    async def begin(self) -> None:
        """Make the model, its Job and the Job's pod."""
        model = await self.api.create_by("admin", MODEL)
        job = next(one for one in render.desired(MODEL) if one["kind"] == kinds.JOB.kind)
        job["metadata"]["ownerReferences"][0]["uid"] = job["metadata"]["labels"][naming.OWNER_LABEL] = model[
            "metadata"
        ]["uid"]
        made = await self.api.create_by("vllm-operator", job)
        await self._make_pod(made["metadata"]["uid"])
        self.take()

    async def run(self, seconds: float) -> None:
        """Let the polls run for a while."""
        running = asyncio.create_task(self.polls.queue.run())
        await asyncio.sleep(seconds)
        await self.polls.queue.stop(0)
        await running

    async def _make_pod(self, uid: str) -> None:
        labels = {fetch_polls.JOB_NAME_LABEL: "llama-fetch"}
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "llama-fetch", "uid": uid, "controller": True}
        metadata = {"name": POD.name, "namespace": "models", "labels": labels, "ownerReferences": [owner]}
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {"containers": [{"name": "fetch", "image": "x"}]},
        }
        await self.api.create_by("kubelet", body)
        await self.status(POD, phase="Running", podIP="10.0.0.9")

    async def status(self, ref: kinds.Ref, **status: Any) -> None:
        await self.api.write_status(self.api.objects[ref], status)

    def take(self) -> None:
        """Let the watches show what there is."""
        for obj in self.api.objects.values():
            if naming.key(obj):
                self.store.put(obj)
        self.polls.queue.add(KEY)

    async def _ask(self, address: str) -> str | None:
        self.asked.append(address)
        return None if self.said is None else json.dumps(self.said)


@clock.virtual
async def test_numbers_are_passed_on_every_ten_seconds_and_a_trouble_at_once() -> None:
    world = World()
    await world.begin()
    running = asyncio.create_task(world.polls.queue.run())
    for second in range(60):
        world.said = {"bytes": 1000, "fetched": second}
        await asyncio.sleep(1)
    assert 5 <= len(world.heard) <= 7
    assert set(world.asked) == {"10.0.0.9"}
    told = len(world.heard)
    world.said = {"reason": "SourceRateLimited", "message": "wait"}
    await asyncio.sleep(fetch_polls.ASKED_SECONDS + 0.5)
    assert len(world.heard) == told + 1
    assert world.polls.of(KEY).progress == Progress(reason="SourceRateLimited", message="wait")
    await world.polls.queue.stop(0)
    await running


@clock.virtual
async def test_what_was_fetched_is_read_once_the_job_is_complete_and_nobody_is_asked_again() -> None:
    world = World()
    await world.begin()
    end = {"terminated": {"exitCode": 0, "message": json.dumps({"revision": "7ae557", "bytes": 5})}}
    container = {"name": "fetch", "image": "x", "ready": False, "restartCount": 0, "state": end}
    await world.status(POD, phase="Succeeded", podIP="10.0.0.9", containerStatuses=[container])
    await world.status(JOB, conditions=[{"type": "Complete", "status": "True"}])
    world.take()
    await world.run(60)
    assert world.polls.of(KEY).progress == Progress(revision="7ae557", bytes=5)
    assert world.asked == []
    assert [verb for verb, _ in world.api.calls].count("list") == 1


@clock.virtual
async def test_a_job_without_a_pod_says_why_until_it_has_one() -> None:
    """The newest words of the API server count; nobody is asked meanwhile, and the pod is seen once it is there."""
    world = World()
    await world.begin()
    pod = world.api.objects.pop(POD)
    for words in ("exceeded quota: a", "exceeded quota: b"):
        await world.api.create_event(world.api.objects[JOB], "FailedCreate", words, warning=True)
    await world.api.create_event(world.api.objects[JOB], "Other", "of another reason", warning=True)
    running = asyncio.create_task(world.polls.queue.run())
    await asyncio.sleep(1)
    assert world.polls.of(KEY).refused == "exceeded quota: b"
    assert len(world.heard) == 1
    world.api.objects[POD] = pod
    await asyncio.sleep(fetch_polls.REFUSED_SECONDS)
    assert (world.polls.of(KEY).refused, world.asked) == ("", ["10.0.0.9"])
    assert len(world.heard) == 2
    await world.polls.queue.stop(0)
    await running


@clock.virtual
async def test_a_pod_whose_volume_cannot_be_mounted_says_so_until_it_runs() -> None:
    world = World()
    world.said = None
    await world.begin()
    scheduled = [{"type": "PodScheduled", "status": "True"}]
    await world.status(POD, phase="Pending", conditions=scheduled)
    await world.api.create_event(
        world.api.objects[POD], "FailedMount", "mount failed: connection refused", warning=True
    )
    running = asyncio.create_task(world.polls.queue.run())
    await asyncio.sleep(1)
    found = fetch_diagnosis.diagnose(world.polls.of(KEY))
    assert found is not None
    assert found.reason == "VolumeNotMounted"
    status = {"name": "fetch", "image": "x", "ready": True, "restartCount": 0, "state": {"running": {}}}
    await world.status(POD, phase="Running", podIP="10.0.0.9", conditions=scheduled, containerStatuses=[status])
    await asyncio.sleep(fetch_polls.REFUSED_SECONDS)
    assert world.polls.of(KEY).events == ()
    await world.polls.queue.stop(0)
    await running


@clock.virtual
async def test_a_job_that_somebody_suspended_says_so() -> None:
    world = World()
    await world.begin()
    del world.api.objects[POD]
    await world.status(JOB, conditions=[{"type": "Suspended", "status": "True"}])
    world.take()
    await world.run(1)
    assert world.polls.of(KEY).refused == "the Job llama-fetch is suspended"


@clock.virtual
async def test_a_pod_that_only_bears_the_jobs_name_is_asked_nothing() -> None:
    world = World()
    await world.begin()
    await world.api.edit_by("tenant", POD, {"metadata": {"ownerReferences": None}})
    await world.run(10)
    assert world.asked == []
    assert world.polls.of(KEY).pod is None


@clock.virtual
@pytest.mark.parametrize("said", [None, {"bytes": -1}])
async def test_a_fetcher_that_answers_nothing_or_nonsense_costs_nothing(said: dict[str, Any] | None) -> None:
    world = World()
    world.said = said
    await world.begin()
    await world.run(30)
    assert world.polls.of(KEY).progress is None
    assert world.polls.of(KEY).pod is not None


@clock.virtual
async def test_an_api_server_that_does_not_answer_ends_nothing() -> None:
    world = World()
    await world.begin()

    def refuse(verb: str, _ref: kinds.Ref, _when: str) -> None:
        if verb == "list":
            raise errors.Unavailable(503, "Away", "away")

    world.api.interrupt = refuse
    await world.run(10)
    assert world.polls.of(KEY).pod is None
    assert world.asked == []


@clock.virtual
async def test_a_model_that_fetches_nothing_is_looked_at_once_until_something_of_it_changes() -> None:
    world = World()
    await world.api.create_by("admin", MODEL)
    looks = []
    of = world.store.of

    def counted(key: kinds.Key) -> tuple[kinds.Object, ...]:
        looks.append(key)
        return of(key)

    world.store.of = counted  # type: ignore[method-assign]
    for _ in range(3):
        world.take()
        await world.run(1)
        world.polls.queue = workqueue.Queue(world.polls._poll, 1)
    assert len(looks) == 1
    await world.api.edit_by(
        "admin", kinds.Ref("ModelDeployment", "models", "llama"), {"metadata": {"labels": {"a": "b"}}}
    )
    world.take()
    await world.run(1)
    assert len(looks) == 2
