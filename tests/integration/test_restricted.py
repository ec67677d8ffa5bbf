"""The chart, as the API server takes it into a namespace under the Pod Security standard `restricted`: no warning, no denial."""

import copy
import pathlib
import subprocess
from typing import Any

import pytest
import yaml

from dev import binaries
from tests import kubectl
from tests.integration import account, rendered

NAMESPACE = "vllm-operator"  # into which rendered.chart renders
WATCHED = rendered.VALUES["chart-namespaces"]["watchNamespaces"][0]
TRY = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-")


@pytest.fixture(scope="module")
def restricted(served: pathlib.Path) -> kubectl.Admin:
    """The namespace of the chart's release, and that of the models it may name."""
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    for name in (NAMESPACE, WATCHED):
        account.apply(served, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": levels}}])
    return kubectl.Admin(served, NAMESPACE)


def said(admin: kubectl.Admin, objects: list[dict[str, Any]]) -> str:
    """Return the API server's warnings and refusals."""
    command = [binaries.find("kubectl"), f"--kubeconfig={admin.kubeconfig}", *TRY]
    return subprocess.run(
        command, input=yaml.safe_dump_all(objects), capture_output=True, text=True, check=False
    ).stderr


def pods(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a bare Pod of each template, since of a workload's the API server only warns."""
    templates = [one["spec"]["template"] for one in objects if "template" in one.get("spec", {})]
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            **copy.deepcopy(one),
            "metadata": {**one["metadata"], "name": "x", "namespace": NAMESPACE},
        }
        for one in templates
    ]


@pytest.mark.parametrize("name", rendered.VALUES)
def test_the_chart_is_taken_without_a_warning(restricted: kubectl.Admin, name: str) -> None:
    objects = rendered.chart(name)
    assert said(restricted, objects) == ""


@pytest.mark.parametrize("name", rendered.VALUES)
def test_the_operators_pod_is_let_into_a_restricted_namespace(restricted: kubectl.Admin, name: str) -> None:
    account.apply(restricted.kubeconfig, [one for one in rendered.chart(name) if one["kind"] == "ServiceAccount"])
    found = pods(rendered.chart(name))
    assert found
    assert said(restricted, found) == ""


def test_a_pod_that_asks_for_more_is_not(restricted: kubectl.Admin) -> None:
    pod = pods(rendered.chart("chart"))[0]
    pod["spec"]["hostNetwork"] = True
    assert "violates PodSecurity" in said(restricted, [pod])
