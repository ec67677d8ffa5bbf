"""Weights from a PersistentVolumeClaim and from an image are served by real vLLM, as those from the engine's image are."""

import json
import pathlib

import pytest

from dev import cluster, demo
from tests import models
from tests.e2e import conftest, weights

IMAGE = "localhost/vllm-operator/weights:test"
ARGUMENTS = ["--enforce-eager", "--dtype=bfloat16", "--max-num-seqs=2"]


@pytest.fixture
def claim(admin: models.Admin, tmp_path: pathlib.Path) -> str:
    """A claim that holds the weights in the directory facebook/opt-125m."""
    weights.directory(admin, tmp_path / "volume" / "facebook" / "opt-125m")
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
def packed(admin: models.Admin, tmp_path: pathlib.Path) -> str:
    """An image that the node has, of the weights and nothing else."""
    weights.image(admin, IMAGE, tmp_path / "weights.tar")
    cluster.way().load_image(tmp_path / "weights.tar", IMAGE)
    return f"oci://{IMAGE}"


@pytest.mark.parametrize(("kind", "root"), [("claim", "facebook/opt-125m"), ("packed", "/models")])
def test_a_source_is_served(admin: models.Admin, request: pytest.FixtureRequest, kind: str, root: str) -> None:
    source: str = request.getfixturevalue(kind)
    model = models.model(kind, engine={"args": ARGUMENTS})
    model["spec"]["model"] = {"source": source, "servedName": "mine"}
    with admin.having(model):
        demo.await_ready(kind)
        address = f"http://{admin.pod_address(kind)}:8000"
        done = demo.run(
            ["curl", "-sSi", f"{address}/v1/models", "-H", f"Authorization: Bearer {admin.key(kind)}"], capture=True
        )
        listed = conftest.Answer(done.stdout).json["data"]
        assert isinstance(listed, list)
        assert (listed[0]["id"], listed[0]["root"]) == ("mine", root)
