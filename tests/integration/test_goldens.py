"""The goldens and the examples, read by the real API server and by Envoy itself."""

import pathlib
import subprocess

import pytest
import yaml

from dev import binaries, paths
from tests import kubectl, waiting
from tests.golden import render
from tests.guard import test_validate
from vllm_operator import guard

EXAMPLES = sorted((paths.ROOT / "examples").glob("*.yaml"))
NAMED = (
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "weights-reader", "namespace": "models"}},
    {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "goldens"}, "value": 1},
    {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "nvidia"}, "handler": "nvidia"},
)
"""What a golden model names and the API server looks up before it lets a pod in."""


@pytest.fixture(scope="module")
def restricted(served: pathlib.Path) -> kubectl.Admin:
    """A namespace under the Pod Security standard `restricted`, which refuses and warns."""
    admin = kubectl.Admin(served, "models")
    admin.make_namespace()
    for one in NAMED:
        admin.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(one))
    levels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
    admin.kubectl("label", "namespace", "models", *levels)
    return admin


def said(restricted: kubectl.Admin, *arguments: str, stdin: str | None = None) -> str:
    """Return the API server's warnings and refusals of what would be created."""
    command = [
        binaries.find("kubectl"),
        f"--kubeconfig={restricted.kubeconfig}",
        "create",
        "--dry-run=server",
        "--validate=strict",
    ]
    return subprocess.run([*command, *arguments], input=stdin, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("folder", render.CASES, ids=lambda folder: folder.name)
def test_the_api_server_takes_every_child_without_a_warning(restricted: kubectl.Admin, folder: pathlib.Path) -> None:
    children = render.desired(render.model(folder))
    assert said(restricted, "-f", "-", stdin=yaml.safe_dump_all(children)) == ""


@pytest.mark.parametrize("folder", render.RUNNING, ids=lambda folder: folder.name)
def test_a_pod_of_every_template_is_let_into_a_restricted_namespace(
    restricted: kubectl.Admin, folder: pathlib.Path
) -> None:
    template = render.template(render.model(folder))
    waiting.until("its account", lambda: restricted.get("serviceaccount", "default"))
    metadata = {**template["metadata"], "name": "x", "namespace": "models"}
    pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": metadata}
    assert said(restricted, "-f", "-", stdin=yaml.safe_dump(pod)) == ""


@pytest.mark.parametrize(
    "path",
    [*(folder / "model.yaml" for folder in render.CASES), *EXAMPLES],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_every_golden_model_and_example_is_taken(restricted: kubectl.Admin, path: pathlib.Path) -> None:
    restricted.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(path))


@pytest.mark.parametrize("folder", render.CASES, ids=lambda folder: folder.name)
def test_envoy_takes_every_guard(tmp_path: pathlib.Path, folder: pathlib.Path) -> None:
    files = render.guard_files(render.model(folder))
    version = guard.version_of(render.SETTINGS.guard_image)
    test_validate.validate(tmp_path, test_validate.with_routes_inside(files), version)
