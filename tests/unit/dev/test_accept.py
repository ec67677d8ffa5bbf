"""What `make accept` makes of what it is told: the image as the chart's values, pytest's words as rows of its report."""

import fnmatch
import json
import pathlib
import subprocess
import sys
from typing import Any

import pytest

from dev import accept, hub_weights, progress

DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no default."""
    monkeypatch.setenv("KUBECONTEXT", "here")
    monkeypatch.setenv("OPERATOR_IMAGE", "operator:1")


@pytest.mark.parametrize(
    ("reference", "values"),
    [
        ("registry.example.com/vllm-operator:0.1.0", ("registry.example.com/vllm-operator", "0.1.0", "")),
        ("registry.example.com:5000/team/operator", ("registry.example.com:5000/team/operator", "", "")),
        (f"registry.example.com/operator:1@{DIGEST}", ("registry.example.com/operator", "1", DIGEST)),
        ("operator:1", ("operator", "1", "")),
    ],
)
def test_an_image_is_taken_apart_as_the_chart_wants_it(reference: str, values: tuple[str, str, str]) -> None:
    assert tuple(accept.image(reference).values()) == values


def test_what_fetches_the_weights_is_the_engine_that_serves_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert accept.image_of(accept.wanted()).startswith("vllm/vllm-openai:")
    monkeypatch.setenv("ENGINE_IMAGE", "mine:1")
    assert accept.image_of(accept.wanted()) == "mine:1"


def test_a_share_of_a_gpu_has_the_engine_of_its_vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATOR", "nvidia.com/mig-1g.10gb")
    assert accept.image_of(accept.wanted()).startswith("vllm/vllm-openai:")


@pytest.mark.parametrize(
    ("login", "words"),
    [(None, "is no login"), ("", "is no login"), ("[]", "is no login"), ('{"credsStore": "x"}', "credential helper")],
)
def test_a_login_that_no_cluster_can_use_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, login: str | None, words: str
) -> None:
    file = tmp_path / "config.json"
    if login is not None:
        file.write_text(login)
    monkeypatch.setenv("PULL_SECRET", str(file))
    with pytest.raises(progress.Failure, match=words):
        accept.wanted()


def test_an_accelerator_without_a_known_engine_is_told_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATOR", "example.com/npu")
    with pytest.raises(progress.Failure, match=r"no engine is known for example\.com/npu: name one by ENGINE_IMAGE"):
        accept.wanted()


HUB = """
import json, pathlib
def snapshot_download(name, **how):
    told = pathlib.Path(how["local_dir"])
    (told / "told.json").write_text(json.dumps([name, how["revision"], how["allow_patterns"]]))
    if "some" in name:
        (told / "model.safetensors").touch()
"""


def fetched(folder: pathlib.Path, name: str) -> subprocess.CompletedProcess[str]:
    """What the fetching program does with a hub that has `name`."""
    (folder / "huggingface_hub.py").write_text(HUB)
    command = [sys.executable, "-c", hub_weights.DOWNLOAD, name, "c" * 40, str(folder), *hub_weights.PATTERNS]
    env = {"PYTHONPATH": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


def test_what_is_fetched_is_data_of_one_commit(tmp_path: pathlib.Path) -> None:
    assert fetched(tmp_path, "some/weights").returncode == 0
    name, commit, patterns = json.loads((tmp_path / "told.json").read_text())
    assert (name, commit) == ("some/weights", "c" * 40)
    code = ("model.bin", "model.pt", "model.pkl", "model.ckpt", "modeling.py", "model.h5", "model.msgpack")
    assert not [file for file in code if any(fnmatch.fnmatch(file, pattern) for pattern in patterns)]


def test_weights_that_run_code_are_not_taken_in_place_of_safetensors(tmp_path: pathlib.Path) -> None:
    done = fetched(tmp_path, "other/weights")
    assert done.returncode == 1
    assert done.stderr == f"other/weights has no safetensors at {'c' * 40}\n"


def test_the_pod_that_fetches_writes_to_its_volumes_alone() -> None:
    pod: Any = hub_weights.job(hub_weights.STAND_IN, accept.SERVED, "engine:1", [])
    (container,) = pod["spec"]["template"]["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["command"][3:6] == [*hub_weights.STAND_IN.split("@"), f"/models/{accept.SERVED}"]


@pytest.mark.parametrize("weights", ["facebook/opt-125m", "facebook/opt-125m@main", "facebook/opt-125m@27dcfa7"])
def test_weights_without_a_commit_are_refused(monkeypatch: pytest.MonkeyPatch, weights: str) -> None:
    monkeypatch.setenv("WEIGHTS", weights)
    with pytest.raises(progress.Failure, match="names no commit"):
        accept.wanted()


def test_the_report_names_each_test_whole() -> None:
    told = """\
PASSED tests/e2e/test_contract.py::test_a_call[1. Health Check]
PASSED tests/e2e/test_contract.py::test_wrong[{'max_tokens': -1}]
FAILED tests/e2e/test_contract.py::test_other[n] - AssertionError: {"error": 1}
"""
    assert accept.outcomes(told) == [
        ("PASSED", "test_a_call[1. Health Check]"),
        ("PASSED", "test_wrong[{'max_tokens': -1}]"),
        ("FAILED", "test_other[n]"),
    ]
