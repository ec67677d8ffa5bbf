"""Weights from a PersistentVolumeClaim and from an image are served by real vLLM, as those from the engine's image are."""

import json
import pathlib

import pytest

from dev import demo, provider
from tests import kubectl
from tests.e2e import conftest, weights

IMAGE = "localhost/vllm-operator/weights:test"
FOREIGN_DEFAULTS = {"temperature": 0.01, "top_k": 1, "max_new_tokens": 2}
"""What a model's own file would make of a request that says nothing; the documented defaults hold instead."""
ARGUMENTS = ["--enforce-eager", "--dtype=bfloat16", "--max-num-seqs=2"]


@pytest.fixture
def claim(admin: kubectl.Admin, tmp_path: pathlib.Path) -> str:
    """A claim that holds the weights in the directory facebook/opt-125m."""
    folder = tmp_path / "volume" / "facebook" / "opt-125m"
    weights.directory(admin, folder)
    (folder / "generation_config.json").write_text(json.dumps(FOREIGN_DEFAULTS))
    shape = {"accessModes": ["ReadOnlyMany"], "storageClassName": "by-hand"}
    volume = {
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "weights"},
        "spec": {**shape, "capacity": {"storage": "1Gi"}, "hostPath": {"path": str(tmp_path / "volume")}},
    }  # fmt: skip
    wanted = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "weights"},
        "spec": {**shape, "resources": {"requests": {"storage": "1Gi"}}},
    }  # fmt: skip
    for one in (volume, wanted):
        admin.kubectl("apply", "-f", "-", stdin=json.dumps(one))
    return "pvc://weights/facebook/opt-125m"


@pytest.fixture
def packed(admin: kubectl.Admin, tmp_path: pathlib.Path) -> str:
    """An image that the node has, of the weights and nothing else."""
    weights.image(admin, IMAGE, tmp_path / "weights.tar")
    provider.current().load_image(tmp_path / "weights.tar", IMAGE)
    return f"oci://{IMAGE}"


@pytest.mark.parametrize(("kind", "root"), [("claim", "facebook/opt-125m"), ("packed", "vllm-operator/weights")])
def test_a_source_is_served(admin: kubectl.Admin, request: pytest.FixtureRequest, kind: str, root: str) -> None:
    source: str = request.getfixturevalue(kind)
    model = kubectl.model(kind, engine={"args": ARGUMENTS})
    model["spec"]["model"] = {"source": source, "servedName": "mine"}
    with admin.having(model):
        demo.await_ready(kind)
        client = conftest.Client(admin.key(kind), f"http://{admin.pod_address(kind)}:8000")
        listed = client.get("/v1/models").json["data"]
        assert isinstance(listed, list)
        assert (listed[0]["id"], listed[0]["root"]) == ("mine", root)
        the_documented_defaults_hold(client)


def the_documented_defaults_hold(client: conftest.Client) -> None:
    """Sixteen tokens, and chance among all words: another seed writes another text."""
    bodies = [{"model": "mine", "prompt": "The future", "ignore_eos": True, "seed": seed} for seed in (1, 2)]
    answers = [conftest.answered(client.post("/v1/completions", body), 200) for body in bodies]
    assert [answer["usage"]["completion_tokens"] for answer in answers] == [16, 16]  # type: ignore[index]
    assert answers[0]["choices"] != answers[1]["choices"]
