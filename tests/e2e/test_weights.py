"""Weights of a hub: fetched by a Job before a server is made, or by the server itself; real vLLM serves what was fetched."""

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from dev import demo, hub
from tests import kubectl, lora, waiting
from tests.e2e import conftest

SOURCE = "hf://facebook/opt-125m"
pytestmark = pytest.mark.usefixtures("stand_in")
ARGUMENTS = ["--enforce-eager", "--dtype=bfloat16", "--max-num-seqs=2"]


@pytest.fixture(scope="module")
def stand_in(admin: kubectl.Admin) -> Iterator[None]:
    """A hub in the cluster, which the operator takes for the hub."""
    hub.up(repositories={"acme/tone": lora.files(), "acme/wide": lora.files(width=96)})
    demo.install({"weights.hub": hub.URL})
    waiting.until("the end of the operator before", lambda: len(operators(admin)) == 1, admin.world, 120)
    yield
    demo.install({"weights.hub": ""})
    admin.kubectl("delete", "namespace", hub.NAME, "--wait=false")


def operators(admin: kubectl.Admin) -> list[str]:
    """Return the operator's pods, one that is ending too: it works with the settings that it was started with."""
    found = admin.kubectl("get", "pods", "-n", demo.OPERATOR_NAMESPACE, "-o", "name")
    return found.split()


@pytest.fixture
def storage(admin: kubectl.Admin, tmp_path: pathlib.Path) -> Iterator[str]:
    """The name of a class with one volume that the servers' user may write to."""
    folder = tmp_path / "volume"
    folder.mkdir()
    for path in (folder, *folder.parents[:3]):
        path.chmod(0o777)
    volume = {
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "cache"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "by-hand", "capacity": {"storage": "1Gi"},
                 "hostPath": {"path": str(folder)}},
    }  # fmt: skip
    admin.kubectl("apply", "-f", "-", stdin=json.dumps(volume))
    yield "by-hand"
    admin.kubectl("delete", "persistentvolume", "cache", "--wait=false")


def model(name: str, **weights: Any) -> dict[str, Any]:
    body = kubectl.model(name, engine={"args": ARGUMENTS})
    body["spec"]["model"] = {"source": SOURCE, **weights}
    return body


def status(admin: kubectl.Admin, name: str) -> dict[str, Any]:
    found: dict[str, Any] = admin.get("vllm", name).get("status", {})
    return found


def ready(admin: kubectl.Admin, name: str) -> dict[str, Any]:
    """Return the condition Ready; empty where there is none yet."""
    return next((dict(one) for one in status(admin, name).get("conditions", []) if one["type"] == "Ready"), {})


def serves(admin: kubectl.Admin, name: str) -> None:
    """The model answers with what was fetched, from a path and not from a hub."""
    demo.await_ready(name)
    client = conftest.Client(admin.key(name), f"http://{admin.pod_address(name)}:8000")
    listed = client.get("/v1/models").json["data"]
    assert isinstance(listed, list)
    assert (listed[0]["id"], listed[0]["root"]) == ("facebook/opt-125m", "facebook/opt-125m")
    conftest.answered(
        client.post("/v1/completions", {"model": "facebook/opt-125m", "prompt": "The", "max_tokens": 1}), 200
    )


def test_the_shortest_manifest_serves_a_model_of_the_hub(admin: kubectl.Admin) -> None:
    with admin.having(model("shortest")):
        serves(admin, "shortest")
        fetched = status(admin, "shortest")["weights"]
        assert fetched["source"] == SOURCE
        assert len(fetched["revision"]) == 40
        assert fetched["digest"].startswith("sha256:")
        assert fetched["fetched"] == fetched["bytes"] > 500_000


def test_weights_are_on_the_claim_before_a_server_is_made(admin: kubectl.Admin, storage: str) -> None:
    """A wrong digest keeps them away: no server is made, and the status says what to correct. Corrected, they are served."""
    wrong = model("kept", cache={"size": "100Mi", "storageClassName": storage}, digest=f"sha256:{'0' * 64}")
    with admin.having(wrong):
        waiting.until(
            "the digest to be refused", lambda: ready(admin, "kept").get("reason") == "WrongDigest", admin.world, 120
        )
        assert admin.pods("kept") == ""
        assert admin.kubectl("get", "deployment", "kept", "--ignore-not-found") == ""
        admin.kubectl("patch", "vllm", "kept", "--type=merge", "-p", '{"spec": {"model": {"digest": null}}}')
        serves(admin, "kept")
        pod = json.loads(admin.kubectl("get", "pods", "-l", "serving.byteshop.in/model=kept", "-o", "json"))["items"][0]
        assert [one["name"] for one in pod["spec"]["initContainers"]] == ["guard"]
        fetched = status(admin, "kept")["weights"]
        assert fetched["files"].partition("/")[0] == fetched["files"].partition("/")[2]
        before = pod["metadata"]["uid"]
        admin.kubectl("delete", "pod", pod["metadata"]["name"])
        waiting.until("another server", lambda: admin.pods("kept") not in ("", before), admin.world, 120)
        admin.kubectl("delete", "job", "kept-fetch")  # what is there is not asked for again
        serves(admin, "kept")
        admin.kubectl("patch", "vllm", "kept", "--type=merge", "-p", '{"spec": {"model": {"cache": null}}}')
        waiting.until("the end of the claim", lambda: not admin.get("pvc", "kept.weights"), admin.world, 300)


@pytest.mark.parametrize(
    ("source", "reason"),
    [("hf://facebook/opt-125m@v9", "RevisionNotFound"), ("hf://facebook/nothing", "SourceUnauthorized")],
)
def test_what_the_hub_does_not_have_is_named(admin: kubectl.Admin, source: str, reason: str) -> None:
    body = model("absent")
    body["spec"]["model"]["source"] = source
    with admin.having(body):
        waiting.until("the reason", lambda: ready(admin, "absent").get("reason") == reason, admin.world, 120)


def test_an_adapter_answers_to_its_name_and_one_of_another_model_is_named(admin: kubectl.Admin) -> None:
    tone, wide = ({"name": name, "source": f"hf://acme/{name.rpartition('/')[2]}"} for name in ("team/tone", "wide"))
    with admin.having(model("tuned", adapters=[tone, wide])):
        waiting.until(
            "the adapter to be named",
            lambda: ready(admin, "tuned").get("reason") == "AdapterRejected",
            admin.world,
            120,
        )
        assert "The adapter wide: it was made for another model" in ready(admin, "tuned")["message"]
        admin.kubectl(
            "patch", "vllm", "tuned", "--type=merge", "-p", json.dumps({"spec": {"model": {"adapters": [tone]}}})
        )
        demo.await_ready("tuned")
        waiting.until("the refused server to go", lambda: " " not in admin.pods("tuned"), admin.world, 120)
        serves(admin, "tuned")
        client = conftest.Client(admin.key("tuned"), f"http://{admin.pod_address('tuned')}:8000")
        listed = client.get("/v1/models").json["data"]
        assert isinstance(listed, list)
        assert [one["id"] for one in listed] == ["facebook/opt-125m", "team/tone"]
        assert said(client, "team/tone") != said(client, "facebook/opt-125m")
        assert status(admin, "tuned")["adapters"] == ["team/tone"]


def said(client: conftest.Client, name: str) -> object:
    """Return what the model or the adapter of this name says."""
    asked = {"model": name, "prompt": "The", "max_tokens": 8, "temperature": 0}
    choices = conftest.answered(client.post("/v1/completions", asked), 200)["choices"]
    assert isinstance(choices, list)
    return choices[0]["text"]
