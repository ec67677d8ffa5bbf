"""The first cause in words that help, provoked for real: models that do not come up, on a real kubelet, most with real vLLM."""

import json
import pathlib
import re
from collections.abc import Iterator
from concurrent import futures
from typing import Any, NamedTuple

import pytest

from dev import images, provider
from tests import audit, kubectl, waiting
from tests.e2e import conftest, failing_models, scripted, weights
from tests.e2e.failing_models import Case
from vllm_operator import api

AT_ONCE, ENGINES = 6, 2
"""How many models are provoked side by side; and how many of real vLLM, which takes a core each."""
SECONDS = 480.0
TOLD_SECONDS = 25.0
"""Five times what is promised: how long after a cause can be seen it stands in the status."""
QUOTED = 60
"""In characters: how much of an Event's words tells that a message quotes it."""
MOST_READS = 60
"""Of the log of one pod: one for each ten seconds of a start, which may take minutes, and one for each end of its engine."""
VOLUMES = {"broken": "", "unmounted": "none"}
"""Claims with a volume, and the directory that it points at; the volume of the second is not there."""


class Told(NamedTuple):
    """What the status said, and how long after it could be seen."""

    message: str
    late: float


@pytest.fixture(scope="module")
def provoked(
    admin: kubectl.Admin, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, "futures.Future[Told]"]]:
    """What is told of each model of the table that is asked for; they are provoked side by side."""
    asked = [found["case"] for item in request.session.items if "case" in (found := _parameters(item))]
    directory = tmp_path_factory.mktemp("causes")
    archive, engine = scripted.build(directory)
    provider.current().load_image(archive, engine)
    broken(admin, directory / "volume")
    for one in surroundings(directory / "volume"):
        admin.kubectl("apply", "-f", "-", stdin=json.dumps(one))
    named = {"scripted": engine, "pause": images.reference("pause")}
    with futures.ThreadPoolExecutor(AT_ONCE) as light, futures.ThreadPoolExecutor(ENGINES) as heavy:
        pools = {case.name: heavy if case in failing_models.VLLM else light for case in asked}
        yield {case.name: pools[case.name].submit(provoke, admin, case, named) for case in asked}


def _parameters(item: pytest.Item) -> dict[str, Any]:
    """Return the parameters of a test of this file; of others none."""
    is_ours = item.path == pathlib.Path(__file__)
    return dict(item.callspec.params) if is_ours and hasattr(item, "callspec") else {}


def broken(admin: kubectl.Admin, volume: pathlib.Path) -> None:
    """Write weights of which each directory has another fault."""
    source = volume / "architecture"
    weights.directory(admin, source)
    for name in ("remote", "private", "empty", "damaged"):
        copy(source, volume / name)
    edit(source, architectures=["FooBarForCausalLM"])
    edit(volume / "remote", model_type="none", auto_map={"AutoConfig": "configuration_none.None"})
    (volume / "private" / "model.safetensors").chmod(0o600)
    (volume / "empty" / "model.safetensors").unlink()
    (volume / "damaged" / "model.safetensors").write_bytes(b"\xff" * 64)


def copy(source: pathlib.Path, into: pathlib.Path) -> None:
    into.mkdir()
    for file in source.iterdir():
        (into / file.name).write_bytes(file.read_bytes())


def edit(directory: pathlib.Path, **changed: Any) -> None:
    file = directory / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))


def surroundings(volume: pathlib.Path) -> Iterator[dict[str, Any]]:
    """Yield what the models name: a Secret and a ConfigMap without their keys, and claims."""
    yield {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "some"}, "stringData": {"other": "x"}}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "some"}, "data": {"other": "x"}}
    for name, below in VOLUMES.items():
        where = {"path": str(volume / below), "type": "Directory"}
        shape = {"accessModes": ["ReadOnlyMany"], "storageClassName": f"causes-{name}"}
        spec = {**shape, "capacity": {"storage": "1Gi"}, "hostPath": where}
        yield {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"causes-{name}"}, "spec": spec}
        yield claim(name, f"causes-{name}")
    yield claim("unbound", "none")


def claim(name: str, storage_class: str) -> dict[str, Any]:
    spec = {
        "accessModes": ["ReadOnlyMany"],
        "storageClassName": storage_class,
        "resources": {"requests": {"storage": "1Gi"}},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def provoke(admin: kubectl.Admin, case: Case, named: dict[str, str]) -> Told:
    """Apply the model until its status has the reason and the words; return the whole message."""
    engine = {**case.spec.get("engine", {})}
    if engine.get("image") in named:
        engine["image"] = named[engine["image"]]
    body = kubectl.model(case.name, **{**case.spec, **({"engine": engine} if engine else {})})
    admin.apply({**body, "metadata": {**body["metadata"], "namespace": admin.namespace}})
    try:
        message = waiting.until(
            f"{case.name}: {case.reason}", lambda: said(admin, case), lambda: seen(admin, case.name), SECONDS
        )
        return Told(message, lateness(admin, case, message))
    finally:
        admin.kubectl("delete", "vllm", case.name, "--wait=false")


def said(admin: kubectl.Admin, case: Case) -> str:
    ready = admin.condition(case.name)
    is_said = ready.get("reason") == case.reason and case.says in ready["message"]
    return str(ready["message"]) if is_said else ""


def lateness(admin: kubectl.Admin, case: Case, message: str) -> float:
    """Return how many seconds after it could be seen the operator's Event told the cause."""
    chosen = (f"--field-selector=regarding.name={case.name},reason={case.reason}", "-o", "json")

    def events() -> list[dict[str, Any]]:  # which come a moment after the status
        return list(json.loads(admin.kubectl("get", "events.events.k8s.io", *chosen))["items"])

    found = waiting.until(f"an Event that tells {case.reason} of {case.name}", events, admin.world, TOLD_SECONDS)
    told = min(api.unix(event["eventTime"]) for event in found)
    begun = min(ends(admin, case) if case.ends else said_by_others(admin, case, message), default=told)
    return max(told - begun, 0)  # an earlier end than those that are still seen was told


def ends(admin: kubectl.Admin, case: Case) -> list[int]:
    """Return when containers of the model's pods ended, as far as the kubelet still says it; in unix seconds."""
    listed = json.loads(admin.kubectl("get", "pods", "-l", f"serving.byteshop.in/model={case.name}", "-o", "json"))[
        "items"
    ]
    statuses = [one for pod in listed for one in pod["status"].get("containerStatuses", [])]
    found = [one.get(state, {}).get("terminated") for one in statuses for state in ("lastState", "state")]
    return [api.unix(end["finishedAt"]) for end in found if end]


def said_by_others(admin: kubectl.Admin, case: Case, message: str) -> list[int]:
    """Return when the scheduler and the kubelet first said of the model's pods what the message quotes; in unix seconds."""
    pods = re.compile(rf"{case.name}-[a-z0-9]+-[a-z0-9]+")
    found = json.loads(
        admin.kubectl("get", "events.events.k8s.io", "--field-selector=regarding.kind=Pod", "-o", "json")
    )
    quoted = [one for one in found["items"] if one.get("note", "")[:QUOTED] in message and one.get("note")]
    theirs = [one for one in quoted if pods.fullmatch(one["regarding"]["name"])]
    return [api.unix(one["metadata"]["creationTimestamp"]) for one in theirs]


def seen(admin: kubectl.Admin, name: str) -> str:
    return admin.kubectl(
        "get", "vllm,pods", "-l", f"serving.byteshop.in/model={name}", "-o", "yaml", check=False
    ) + json.dumps(admin.condition(name))


@pytest.mark.parametrize("case", failing_models.ALL, ids=lambda case: case.name)
def test_the_first_cause_is_told(provoked: dict[str, "futures.Future[Told]"], case: Case) -> None:
    told = provoked[case.name].result()
    assert told.late < TOLD_SECONDS
    assert not any(
        bad in told.message for bad in ("https://errors.pydantic", 'File "', "Traceback", "KeyboardInterrupt")
    )


def test_pods_that_a_quota_refuses_say_so(admin: kubectl.Admin) -> None:
    capped = kubectl.Admin(admin.kubeconfig, "capped")
    admin.kubectl("create", "namespace", "capped")
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    capped.apply(quota)
    try:
        provoke(capped, failing_models.QUOTA, {})
    finally:
        admin.kubectl("delete", "namespace", "capped", "--wait=false")


def test_no_log_of_a_model_that_serves_was_read(
    admin: kubectl.Admin, provoked: dict[str, "futures.Future[Told]"]
) -> None:
    """The audit log has every read: those of a start and of its ends, and of what serves none."""
    del admin
    futures.wait(provoked.values())
    asked = [event.get("objectRef", {}) for event in audit.events("e2e", conftest.OPERATOR)]
    logs = [one["name"] for one in asked if one.get("subresource") == "log"]
    assert logs
    assert max(logs.count(name) for name in set(logs)) <= MOST_READS
