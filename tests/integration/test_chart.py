"""The chart as Helm renders it: what the operator is told, what it may do, and what it refuses to guess."""

import subprocess
from typing import Any

import pytest
import yaml

from dev import binaries, paths
from vllm_operator import config

CHART = paths.ROOT / "charts" / "vllm-operator"


def render(*settings: str) -> subprocess.CompletedProcess[str]:
    binaries.directory("helm")
    chosen = [part for setting in settings for part in ("--set-json", setting)]
    command = [binaries.find("helm"), "template", "vllm-operator", str(CHART), "--namespace", "ops", *chosen]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=binaries.environment())


def objects(*settings: str) -> dict[tuple[str, str], dict[str, Any]]:
    done = render('image.repository="registry.example/operator"', *settings)
    assert done.returncode == 0, done.stderr
    found = [one for one in yaml.safe_load_all(done.stdout) if one]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def test_without_an_image_it_says_what_to_do() -> None:
    done = render()
    assert done.returncode != 0
    assert "image.repository is not set" in done.stderr


def test_the_settings_it_writes_are_the_ones_the_operator_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    given = (
        'allow={"podLabels":["team"]}',
        'pods.imagePullSecrets=[{"name":"registry"}]',
        'watchNamespaces=["a"]',
        "pods.runAsUser=null",
        'expose.domain="x.example"',
        'monitoring.namespaces=["m"]',
    )
    deployment = objects(*given)["Deployment", "vllm-operator"]
    for entry in deployment["spec"]["template"]["spec"]["containers"][0]["env"]:
        if "value" in entry:
            monkeypatch.setenv(entry["name"], entry["value"])
    settings = config.Config()
    assert settings.allow == config.Allow(pod_labels=("team",))
    assert settings.image_pull_secrets[0].name == "registry"
    assert settings.watch_namespaces == ("a",)
    assert settings.run_as_user is None
    assert settings.domain == "x.example"
    assert settings.monitoring_namespaces == ("m",)
    assert settings.engine_images["nvidia.com/gpu"].startswith("vllm/vllm-openai:")


def test_named_namespaces_are_watched_by_roles_alone() -> None:
    found = objects('watchNamespaces=["a","b"]')
    assert not [kind for kind, _ in found if kind.startswith("ClusterRole")]
    assert {one["metadata"]["namespace"] for (kind, _), one in found.items() if kind == "Role"} <= {"ops", "a", "b"}


def test_the_crd_is_kept_when_the_chart_goes() -> None:
    crd = objects()["CustomResourceDefinition", "modeldeployments.serving.byteshop.in"]
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
