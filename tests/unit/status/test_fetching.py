"""What an admin is told while weights are fetched: how far it is, or what keeps them away, with the remedy."""

import json
import pathlib
from typing import Any

import pytest

from tests import observations
from tests.golden import render
from tests.observations import pod
from tests.unit.status.rows import RUNNING, SCHEDULED, WAITING, starting
from vllm_operator import api
from vllm_operator.fetch import failures, locate
from vllm_operator.kube import kinds, naming
from vllm_operator.status import context, fetch_diagnosis, fetch_progress, observed, pod_diagnosis
from vllm_operator.status.fetch_progress import FetchState, Progress
from vllm_operator.status.pod_view import PodEvent, PodView

HUB = {"model": {"source": "hf://meta/llama@v1", "cache": {"size": "40Gi"}}}
ALONE = {"model": {"source": "hf://meta/llama@v1"}}
PART = Progress(
    revision="7ae557", bytes=140_000_000_000, fetched=31_000_000_000, bytes_per_second=410_000_000, seconds=76, seconds_left=265,
    files="12/63",
)  # fmt: skip
PART_SAID = "31 of 140 GB of weights (12/63 files) for 1m16s at 410 MB/s, 4m25s left"
BEFORE = "no accelerator is taken before they are there"
REFUSED = "FetchNotStarted: the pod that fetches the weights cannot be made"
STORAGE = "the node does not reach the storage: see to its server and driver"
NOT_MOUNTED = (PodEvent("FailedMount", 'MountVolume.SetUp failed for volume "w": mount failed: connection refused'),)
HEALS = "this heals by itself"
NO_CLAIM = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims"
UNBOUND = ": give the claim a StorageClass that exists, or a volume: `kubectl describe pvc` says what it waits for"
MEANWHILE = "the pod a fetches the weights and holds its accelerators meanwhile"
CACHE = "with spec.model.cache they are fetched once, before any accelerator is taken"


def ended(reason: str, message: str = "words") -> dict[str, Any]:
    """Return how a fetcher ended."""
    return {"exitCode": 1, "reason": "Error", "message": json.dumps({"reason": reason, "message": message})}


def fetcher(
    state: dict[str, Any], last: dict[str, Any] | None = None, where: str = "containerStatuses"
) -> kinds.Object:
    """Return a pod with a container that fetches."""
    before = {"lastState": {"terminated": last}} if last else {}
    container = {"name": "fetch", "image": "operator:1", "ready": False, "state": state, "restartCount": 1, **before}
    return pod("a", conditions=SCHEDULED, **{where: [container]})


def _unscheduled() -> kinds.Object:
    words = NO_CLAIM
    return pod("a", conditions=[{"type": "PodScheduled", "status": "False", "message": words}])


DIAGNOSES = {
    "the Job has no pod yet": (FetchState(), f"Downloading: the weights are being looked up; {BEFORE}"),
    "the Job's pod is refused":
        (FetchState(refused='Error creating: pods "a-fetch" is forbidden: exceeded quota: s'),
         f'{REFUSED}: pods "a-fetch" is forbidden: exceeded quota: s: raise the ResourceQuota, or free what it counts; {HEALS}'),
    "a volume of the fetcher cannot be mounted":
        (FetchState(fetcher({"waiting": {"reason": "ContainerCreating"}}), events=NOT_MOUNTED),
         f"VolumeNotMounted: a volume of the pod a cannot be mounted: {NOT_MOUNTED[0].note}: {STORAGE}"),
    "the image of the fetcher is being pulled":
        (FetchState(fetcher({"waiting": {"reason": "ContainerCreating"}}), events=(PodEvent("Pulling", ""), *NOT_MOUNTED)),
         f"Downloading: the weights are being looked up; {BEFORE}"),
    "the Job is suspended":
        (FetchState(refused="the Job a-fetch is suspended"),
         f"{REFUSED}: the Job a-fetch is suspended: resume the Job, or ask what holds it back; {HEALS}"),
    "the fetcher is at work": (FetchState(fetcher(RUNNING), PART), f"Downloading: {PART_SAID}; {BEFORE}"),
    "no node takes the fetcher":
        (FetchState(_unscheduled()),
         f"ClaimNotBound: no node takes the pod a: {NO_CLAIM}{UNBOUND}"),
    "the fetcher waits":
        (FetchState(fetcher(RUNNING), Progress(reason="SourceRateLimited", message="the hub asks to wait")),
         "SourceRateLimited: the hub asks to wait"),
    "the fetcher was killed":
        (FetchState(fetcher(WAITING, {"exitCode": 137, "reason": "OOMKilled"})),
         "FetchFailed: what fetches the weights ended with exit code 137 (OOMKilled): see the log of its Job"),
    "the fetcher ended by what nobody knows":
        (FetchState(fetcher(WAITING, ended("Sunspots"))), "FetchFailed: words"),
    "the fetcher goes on after a failure":
        (FetchState(fetcher(RUNNING, ended("SourceUnreachable")), PART), f"Downloading: {PART_SAID}; {BEFORE}"),
    **{reason: (FetchState(fetcher(WAITING, ended(reason))), f"{reason}: words") for reason in failures.REASONS},
}  # fmt: skip


@pytest.mark.parametrize("name", DIAGNOSES)
def test_the_cause_is_told(name: str) -> None:
    state, says = DIAGNOSES[name]
    found = fetch_diagnosis.diagnose(state)
    assert found is not None
    assert f"{found.reason}: {found.message}" == says


@pytest.mark.parametrize("reason", failures.REASONS)
def test_a_server_that_fetches_its_own_weights_says_the_same(reason: str) -> None:
    found = pod_diagnosis.diagnose(PodView(fetcher(WAITING, ended(reason), "initContainerStatuses")))
    assert found is not None
    assert (found.reason, found.message) == (reason, "words")


def test_an_image_that_holds_no_model_is_named_with_what_to_write(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the words of what looks for the model in it."""
    monkeypatch.setenv("FETCH_RESULT", str(tmp_path / "result"))
    assert locate.main(str(tmp_path), str(tmp_path / "link")) == 1
    end = {"exitCode": 1, "reason": "Error", "message": (tmp_path / "result").read_text()}
    server = fetcher(WAITING, end, "initContainerStatuses")
    server["status"]["initContainerStatuses"][0]["name"] = "locate"
    found = pod_diagnosis.diagnose(PodView(server))
    assert found is not None
    assert found.reason == "SourceNotFound"
    assert found.message.endswith("name the directory, oci://image:tag/path")


def test_a_server_that_fetches_says_what_it_holds_and_how_not_to() -> None:
    server = fetcher(RUNNING, None, "initContainerStatuses")
    one = observations.state(observations.model(ALONE), starting(server))._replace(fetch=FetchState(None, PART))
    body = observations.status(one)
    ready = observations.condition(body, "Ready")
    assert (ready["reason"], ready["message"]) == ("Downloading", f"{PART_SAID}; {MEANWHILE}: {CACHE}")


def test_a_server_whose_fetcher_waits_says_for_what() -> None:
    server = fetcher(RUNNING, None, "initContainerStatuses")
    waits = Progress(reason="SourceUnreachable", message="the hub is not found")
    one = observations.state(observations.model(ALONE), starting(server))._replace(fetch=FetchState(None, waits))
    ready = observations.condition(observations.status(one), "Ready")
    assert (ready["reason"], ready["message"]) == ("SourceUnreachable", "the hub is not found")


def test_a_server_of_an_earlier_chart_whose_fetcher_reaches_nothing_says_how_it_takes_the_newer_mirror() -> None:
    server = fetcher(WAITING, ended("SourceUnreachable", "the mirror is gone."), "initContainerStatuses")
    one = observations.state(observations.model(ALONE), starting(server))
    newer = render.SETTINGS.model_copy(update={"hub_url": "https://mirror.example"})
    for settings, is_told in ((render.SETTINGS, False), (newer, True)):
        message = observations.condition(observations.status(one, settings), "Ready")["message"]
        assert message.startswith("the mirror is gone")
        assert ("serving.byteshop.in/upgrade" in message) is is_told


def test_a_claim_that_was_made_anew_under_its_servers_is_named_while_it_is_filled() -> None:
    one = _fetching(HUB)._replace(fetch=FetchState(fetcher(RUNNING), PART))
    plan = observations.plan(one)
    assert plan.fetching is not None
    at = context.of(one, plan._replace(fetching=plan.fetching._replace(emptied="llama.weights")), 0.0)
    value = at.unfetched()
    assert value is not None
    assert value.message.startswith(
        "the claim llama.weights was made anew, so what lay on it is fetched again; 31 of 140 GB"
    )


def test_weights_are_fetched_before_a_server_and_the_status_says_how_far() -> None:
    body = observations.status(_fetching(HUB)._replace(fetch=FetchState(fetcher(RUNNING), PART)))
    assert observations.signs(body).split()[:3] == ["-Downloading", "-Downloading", "+Downloading"]
    assert body["weights"] == {
        "source": "hf://meta/llama@v1", "revision": "7ae557", "bytes": 140_000_000_000, "fetched": 31_000_000_000,
        "bytesPerSecond": 410_000_000, "seconds": 76, "secondsLeft": 265, "files": "12/63",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "fetched"),
    [({"digest": "sha256:0"}, 5), ({"digest": "sha256:0", "fetched": 3}, 3), ({}, None)],
    ids=["whole", "known by a digest and on its way", "not begun"],
)
def test_only_what_is_whole_counts_as_fetched_without_a_number(said: dict[str, Any], fetched: int | None) -> None:
    progress = Progress(revision="7ae557", bytes=5, **said)
    body = observations.status(_fetching(HUB)._replace(fetch=FetchState(fetcher(RUNNING), progress)))
    assert body["weights"].get("fetched") == fetched


def test_what_was_fetched_is_told_when_the_pods_that_said_it_are_gone() -> None:
    end = {
        "exitCode": 0,
        "message": json.dumps({"revision": "7ae557", "digest": "sha256:0", "bytes": 5, "seconds": 76, "files": "2/2"}),
    }
    whole = observations.status(_fetching(HUB)._replace(fetch=FetchState(fetcher({"terminated": end}))))
    assert whole["weights"] == {
        "source": "hf://meta/llama@v1", "revision": "7ae557", "digest": "sha256:0", "bytes": 5, "fetched": 5, "files": "2/2",
        "seconds": 76,
    }  # fmt: skip
    later = _fetching(HUB)
    later = later._replace(model={**later.model, "status": whole})
    assert observations.status(later)["weights"] == whole["weights"]
    other = {"model": {**HUB["model"], "source": "hf://meta/llama@v2"}}
    asked = _fetching(other)._replace(model={**observations.model(other), "status": whole})
    assert observations.status(asked)["weights"] == {"source": "hf://meta/llama@v2"}


def test_a_fetcher_to_which_nothing_comes_says_no_time() -> None:
    said = fetch_progress.read('{"bytes": 2000000000, "fetched": 0, "secondsLeft": null, "files": "0/1"}')
    assert fetch_progress.in_words(said) == "0.00 of 2.00 GB of weights (0/1 files)"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"bytes": -1}', '{"bytes": 1e999}', '{"files": ["a"]}', "9" * 5000])
def test_what_is_no_word_of_a_fetcher_is_nothing(text: str) -> None:
    assert fetch_progress.read(text) is None


def test_a_model_whose_weights_lie_at_hand_has_no_such_status() -> None:
    assert "weights" not in observations.status(observations.state(observations.model(), observations.serving()))


def _fetching(spec: dict[str, Any]) -> observed.ObservedState:
    """Return the state of a model whose Job was made a moment ago."""
    one = observations.model(spec)
    owner = naming.owner(one)
    children = render.decided(owner, api.Spec.model_validate(one["spec"])).first
    return observed.ObservedState(one, {kinds.ref(obj): obj for obj in children})
