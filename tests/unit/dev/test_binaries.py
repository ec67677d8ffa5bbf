"""The versions of Kubernetes that tests may run on."""

import re

import pytest
import yaml

from dev import binaries
from tests import chart


@pytest.mark.parametrize(("group", "version"), binaries.KUBERNETES.items())
def test_what_a_group_is_stamped_with_is_what_its_module_pins(group: str, version: str) -> None:
    pinned = re.findall(
        r"^(?:require |\t)k8s.io/kubernetes (\S+)", (binaries.GO_DIRECTORY / group / "go.mod").read_text(), re.MULTILINE
    )
    assert pinned == [version]


def test_the_oldest_kubernetes_that_the_chart_takes_can_be_tested_on() -> None:
    about = yaml.safe_load((chart.DIRECTORY / "Chart.yaml").read_text())
    oldest = min(int(version.split(".")[1]) for version in binaries.KUBERNETES.values())
    assert about["kubeVersion"] == f">=1.{oldest}.0-0"
