"""The chart as a dependency of another one, as `docs/chart.md` has it: on and off by a condition, with `global` of others."""

import json
import pathlib
import subprocess
from typing import Any

import pytest
import yaml

from dev import binaries
from tests import chart

HELMS = ("helm", "helm3")
NAME = "vllm-operator"
DEPENDENCY = {"name": NAME, "version": chart.VERSION, "repository": f"file://{chart.DIRECTORY}"}
GIVEN = {"image": {"repository": "registry.example/operator"}}


def umbrella(directory: pathlib.Path, group: str, **more: str) -> pathlib.Path:
    """Write a chart that has this one as a dependency, and have Helm fetch it; `more`: fields of the dependency."""
    dependencies = [{**DEPENDENCY, "condition": f"{more.get('alias', NAME)}.enabled", **more}]
    about = {"apiVersion": "v2", "name": "platform", "version": "1.0.0", "dependencies": dependencies}
    (directory / "Chart.yaml").write_text(json.dumps(about))
    (directory / "values.yaml").write_text(json.dumps({}))
    (directory / "templates").mkdir()
    (directory / "templates" / "own.yaml").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: own}}\n")
    done = chart.run("dependency", "update", str(directory), group=group)
    assert done.returncode == 0, done.stderr
    return directory


def helm(group: str, directory: pathlib.Path, verb: str, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Run `helm template` or `helm lint` on a chart."""
    name = ["platform"] if verb == "template" else ["--strict"]
    version = f"--kube-version={binaries.KUBERNETES_VERSION}"
    return chart.run(
        verb,
        *name,
        str(directory),
        version,
        "--values",
        "-",
        group=group,
        stdin=json.dumps({"global": {"others": {"a": 1}}, **values}),
    )


def rendered(group: str, directory: pathlib.Path, values: dict[str, Any]) -> chart.Objects:
    done = helm(group, directory, "template", values)
    assert done.returncode == 0, done.stderr
    found = [one for one in yaml.load_all(done.stdout, yaml.CSafeLoader) if one]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


@pytest.mark.parametrize("group", HELMS)
@pytest.mark.parametrize("given", [GIVEN, {**GIVEN, "enabled": True}], ids=["unsaid", "on"])
def test_a_condition_that_is_true_renders_it_beside_the_others(
    tmp_path: pathlib.Path, group: str, given: dict[str, Any]
) -> None:
    directory = umbrella(tmp_path, group)
    found = rendered(group, directory, {NAME: given})
    assert {("ConfigMap", "own"), ("Deployment", "platform-vllm-operator")} <= set(found)
    done = helm(group, directory, "lint", {NAME: given})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("group", HELMS)
def test_a_condition_that_is_false_leaves_the_others_alone(tmp_path: pathlib.Path, group: str) -> None:
    directory = umbrella(tmp_path, group)
    assert set(rendered(group, directory, {NAME: {"enabled": False}})) == {("ConfigMap", "own")}
    assert helm(group, directory, "lint", {NAME: {"enabled": False}}).returncode == 0


def test_a_registry_that_all_charts_share_is_taken(tmp_path: pathlib.Path) -> None:
    shared = {"imageRegistry": "mirror.example", "imagePullSecrets": ["of-others"], "storageClass": "x"}
    found = rendered("helm", umbrella(tmp_path, "helm", alias="serving"), {"global": shared})
    (container,) = found["Deployment", "platform-serving"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"mirror.example/vllm-operator:{chart.VERSION}"


def test_two_of_them_under_other_names_select_pods_of_their_own(tmp_path: pathlib.Path) -> None:
    selectors = [
        rendered("helm", umbrella(_made(tmp_path / alias), "helm", alias=alias), {alias: GIVEN})[
            "Deployment", f"platform-{alias}"
        ]["spec"]["selector"]["matchLabels"]
        for alias in ("one", "two")
    ]
    assert selectors[0] != selectors[1]


def _made(directory: pathlib.Path) -> pathlib.Path:
    directory.mkdir()
    return directory


def test_off_without_a_condition_is_refused_with_what_to_write() -> None:
    done = chart.template({**GIVEN, "enabled": False})
    assert done.returncode != 0
    assert "write `condition: vllm-operator.enabled` beside the dependency" in done.stderr
