"""docs/rollouts.md on a real cluster: its scheduler, controllers and evictions decide, and the status says what they did."""

import contextlib
import http
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from dev import layout, provider
from tests import kubectl, waiting
from tests.e2e import scripted, wire
from vllm_operator.status import pod_diagnosis

GPU = "example.com/gpu"
HOST = "plain.rollouts.example.com"
TIME = 180.0
MANY, FEW = 500, 10
"""Requests and streams of which none may fail: a tenth of what there is."""


class Callers(NamedTuple):
    """Who asks the model through the Ingress for as long as its tests run: single requests, and streams of three seconds."""

    load: wire.Load
    streams: wire.Streams


@pytest.fixture(scope="module")
def images(admin: kubectl.Admin, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two names of an engine that starts at once."""
    del admin
    built = [scripted.build(tmp_path_factory.mktemp("scripted"), name) for name in ("scripted", "again")]
    for archive, name in built:
        provider.current().load_image(archive, name)
    return [name for _, name in built]


@pytest.fixture(scope="module")
def alone(admin: kubectl.Admin, images: list[str]) -> Iterator[str]:
    """A model that holds the only accelerator of its kind."""
    accelerators(admin, 1)
    with admin.having(model("alone", images[0], resources={"limits": {GPU: 1}})) as name:
        serves(admin, name)
        yield name


@pytest.fixture(scope="module")
def plain(admin: kubectl.Admin, images: list[str]) -> Iterator[str]:
    """A model that needs no accelerator, at a host without TLS."""
    access = {"defaultRateLimit": {"requests": 100_000, "unit": "Minute"}}
    expose = {"host": HOST, "ingress": {"className": "contour"}}
    with admin.having(model("plain", images[0], access=access, expose=expose)) as name:
        serves(admin, name)
        waiting.until("Verified", lambda: verified(admin, name), admin.world, TIME)
        yield name


@pytest.fixture(scope="module")
def callers(admin: kubectl.Admin, plain: str) -> Iterator[Callers]:
    """Callers of `plain` that never pause."""
    key = admin.key(plain)
    waiting.until("the edge", lambda: answers(key), admin.world, TIME)
    with wire.Load(key, HOST) as load, wire.Streams(key, HOST) as streams:
        yield Callers(load, streams)


def answers(key: str) -> bool:
    """Tell whether the edge has a server for the host."""
    with contextlib.closing(wire.Line(host=HOST)) as line:
        return line.status(key) == http.HTTPStatus.OK


def model(name: str, image: str, **spec: Any) -> dict[str, Any]:
    requests = {"requests": {"cpu": "10m", "memory": "16Mi"}}
    resources = {**requests, **spec.pop("resources", {})}
    return kubectl.model(name, engine={"image": image, "drainTimeout": "10s"}, resources=resources, **spec)


def accelerators(admin: kubectl.Admin, number: int) -> None:
    amount = {GPU: str(number)}
    status = {"status": {"capacity": amount, "allocatable": amount}}
    admin.kubectl("patch", "node", layout.NODE, "--subresource=status", "--type=merge", "-p", json.dumps(status))
    allocatable = ("get", "node", layout.NODE, "-o", r"jsonpath={.status.allocatable.example\.com/gpu}")
    waiting.until("the accelerators", lambda: admin.kubectl(*allocatable) == str(number), admin.world, TIME)


def serves(admin: kubectl.Admin, name: str) -> None:
    def is_served() -> bool:
        ready, generation = admin.condition(name), admin.get("vllm", name)["metadata"]["generation"]
        return ready.get("reason") == "Serving" and ready["observedGeneration"] == generation

    waiting.until("a served model", is_served, admin.world, TIME)


def verified(admin: kubectl.Admin, name: str) -> bool:
    return "verified" in remembered(admin, name)


def remembered(admin: kubectl.Admin, name: str) -> dict[str, Any]:
    text = admin.get("deployment", name)["metadata"]["annotations"].get("serving.byteshop.in/rollout", "{}")
    return dict(json.loads(text))


def edit(admin: kubectl.Admin, name: str, *args: str, engine: dict[str, Any] | None = None, **spec: Any) -> None:
    admin.patch("vllm", name, {"spec": {"engine": {"args": list(args), **(engine or {})}, **spec}})


def says(admin: kubectl.Admin, name: str, reason: str, *words: str) -> str:
    """Wait until Ready has that reason; return its message, which has the words."""

    def is_said() -> str:
        ready = admin.condition(name)
        return (
            ready["message"] if ready.get("reason") == reason and all(one in ready["message"] for one in words) else ""
        )

    return str(waiting.until(f"{reason} {words}", is_said, admin.world, TIME))


def order(admin: kubectl.Admin, name: str) -> dict[str, int]:
    return dict(admin.get("deployment", name)["spec"]["strategy"]["rollingUpdate"])


def pods(admin: kubectl.Admin, name: str) -> list[str]:
    """Return the names of the model's pods that answer and are to stay."""
    found = json.loads(admin.kubectl("get", "pods", "-l", f"serving.byteshop.in/model={name}", "-o", "json"))["items"]
    staying = [one for one in found if "deletionTimestamp" not in one["metadata"]]
    return [one["metadata"]["name"] for one in staying if pod_diagnosis.is_ready(one)]


def evicted(admin: kubectl.Admin, pod: str) -> bool:
    """Evict a pod as `kubectl drain` does; tell whether it was allowed."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": admin.namespace}}
    path = f"/api/v1/namespaces/{admin.namespace}/pods/{pod}/eviction"
    return bool(admin.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body), check=False))


def test_with_the_only_accelerator_the_old_server_makes_room_and_it_is_said_for_how_long(
    admin: kubectl.Admin, alone: str
) -> None:
    edit(admin, alone, "--seed=1")
    says(admin, alone, "Unschedulable", f"Insufficient {GPU}", "Auto, so an earlier server is stopped for it at")
    assert "0 of 1, of an earlier one: 1" in admin.condition(alone, "Progressing")["message"]
    assert admin.condition(alone, "Available")["status"] == "True"
    serves(admin, alone)
    outage = admin.get("vllm", alone)["status"]["lastOutage"]
    assert "nothing answered for " in admin.condition(alone, "Progressing")["message"]
    assert outage["ended"] > outage["began"]
    waiting.until(
        "the order of before", lambda: order(admin, alone) == {"maxSurge": 1, "maxUnavailable": 0}, admin.world
    )


def test_with_one_that_is_free_a_server_always_answers(admin: kubectl.Admin, alone: str) -> None:
    accelerators(admin, 2)
    before = admin.condition(alone, "Available")["lastTransitionTime"]
    edit(admin, alone, "--seed=2")
    serves(admin, alone)
    assert admin.condition(alone, "Available")["lastTransitionTime"] == before


def test_a_surge_that_is_stuck_says_the_way_out_and_the_way_leads_out(admin: kubectl.Admin, alone: str) -> None:
    accelerators(admin, 1)
    edit(admin, alone, "--seed=3", rollout={"strategy": "Surge"})
    says(
        admin,
        alone,
        "Unschedulable",
        f"Insufficient {GPU}",
        f"free {GPU}, or set spec.rollout.strategy to Recreate or Auto",
    )
    edit(admin, alone, "--seed=3", rollout={"strategy": "Recreate"})
    serves(admin, alone)


@pytest.mark.usefixtures("callers")
def test_a_version_that_never_becomes_ready_leaves_the_old_one_serving_and_gives_way(
    admin: kubectl.Admin, plain: str, images: list[str]
) -> None:
    before = pods(admin, plain)
    edit(admin, plain, scripted.BROKEN, rollout={"returnAfter": "30s"})
    says(admin, plain, "EngineFailed", "this version does not work")
    assert admin.condition(plain, "Available")["status"] == "True"
    says(admin, plain, "ReturnedToLast", "EngineFailed: ", "this version does not work", "to try again")
    waiting.until("the end of the new server", lambda: len(admin.pods(plain).split()) == 1, admin.world, TIME)
    assert pods(admin, plain) == before
    edit(admin, plain, "--seed=1")
    serves(admin, plain)
    edit(admin, plain, "--seed=1", engine={"image": images[1]})
    serves(admin, plain)
    edit(admin, plain, "--seed=1", guard={"resources": {"requests": {"memory": "65Mi"}}})
    serves(admin, plain)


@pytest.mark.usefixtures("callers")
def test_a_drain_takes_one_server_and_the_next_when_its_successor_answers(admin: kubectl.Admin, plain: str) -> None:
    admin.kubectl("scale", "vllm", plain, "--replicas=4")
    serves(admin, plain)
    status = ("get", "poddisruptionbudget", plain, "-o", "jsonpath={.status.disruptionsAllowed}")
    waiting.until("a budget", lambda: admin.kubectl(*status, check=False) == "1", admin.world)
    one, other, *_ = pods(admin, plain)
    assert evicted(admin, one)
    assert not evicted(admin, other)
    waiting.until("the second eviction", lambda: evicted(admin, other), admin.world, TIME)
    admin.kubectl("scale", "vllm", plain, "--replicas=1")
    waiting.until("no budget", lambda: not admin.get("poddisruptionbudget", plain), admin.world)
    waiting.until("one server", lambda: len(admin.pods(plain).split()) == 1, admin.world, TIME)


def test_no_caller_notices_any_of_it(callers: Callers) -> None:
    """Of the version that fails, new arguments, another image, another guard, one to four servers and back, and the drain."""
    load, streams = callers
    assert load.requests > MANY
    assert streams.whole > FEW
    assert (load.failed, load.dropped, streams.broken) == (0, 0, 0)
