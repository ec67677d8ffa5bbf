"""`make accept`, as an admin runs it on a cluster of theirs: here in its CPU form, on a cluster without an operator."""

import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from dev import accept, demo, images, paths
from tests import chart, kubectl


@pytest.fixture
def settings(admin: kubectl.Admin, tmp_path: pathlib.Path) -> dict[str, str]:
    """What an admin would say."""
    login = tmp_path / "config.json"
    login.write_text('{"auths": {}}')
    return {
        **os.environ,
        "KUBECONFIG": str(admin.kubeconfig),
        "KUBECONTEXT": "vllm-operator",
        "OPERATOR_IMAGE": images.reference("operator"),
        "ENGINE_IMAGE": images.reference("vllm-cpu"),
        "GUARD_IMAGE": images.reference("guard"),
        "WEIGHTS": "file:///models/facebook/opt-125m",
        "ACCELERATOR": "",
        "PULL_SECRET": str(login),
    }


@pytest.fixture
def without_operator(admin: kubectl.Admin) -> Iterator[None]:
    """A cluster whose models serve on without the operator, for as long as the test takes."""
    where = (f"--kubeconfig={admin.kubeconfig}", "--namespace", demo.OPERATOR_NAMESPACE)
    gone = chart.run("uninstall", "vllm-operator", *where, "--wait")
    assert gone.returncode == 0, gone.stderr
    yield
    demo.install()


def run(settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dev", "accept"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=settings, cwd=paths.ROOT)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"KUBECONTEXT": ""}, "KUBECONTEXT=my-gpus"),
        ({"OPERATOR_IMAGE": ""}, "OPERATOR_IMAGE="),
        ({"KUBECONTEXT": "nowhere"}, "look at the context nowhere"),
        ({"ACCELERATOR": "amd.com/gpu"}, "no node of vllm-operator offers amd.com/gpu"),
        ({}, "watches every namespace"),
    ],
    ids=["no context", "no image", "unknown context", "no such accelerator", "an operator is there"],
)
def test_what_stands_in_the_way_is_said_before_anything_is_made(
    admin: kubectl.Admin, settings: dict[str, str], said: dict[str, str], words: str
) -> None:
    before = admin.kubectl("get", "namespaces", "-o", "name")
    done = run({**settings, **said})
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert admin.kubectl("get", "namespaces", "-o", "name") == before


@pytest.mark.usefixtures("without_operator")
def test_a_cluster_is_accepted_and_nothing_is_left_behind(admin: kubectl.Admin, settings: dict[str, str]) -> None:
    kinds = (
        "namespaces,clusterroles,clusterrolebindings,crd,validatingadmissionpolicies,validatingadmissionpolicybindings"
    )
    before = admin.kubectl("get", kinds, "-o", "name")
    done = run(settings)
    assert done.returncode == 0, done.stdout + done.stderr
    report = (accept.REPORTS / "report.md").read_text()
    assert report.startswith("# Accepted\n")
    assert images.reference("vllm-cpu") in report
    assert "| test_without_the_key_alone_it_is_401[wrong] | passed |" in report
    assert "failed" not in report
    assert admin.kubectl("get", kinds, "-o", "name") == before
