"""`helm upgrade --reuse-values`: the values of an older chart stand for those of this one, and lack what is new."""

import pathlib

import pytest
import yaml

from dev import binaries
from tests import chart

GIVEN = {"image": {"repository": "registry.example/operator"}}
NEW = ("enabled", "networkPolicy", "commonLabels", "extraObjects", "strategy", "podSecurityContext")
"""Some of what a chart before lacked, of which templates read parts."""
WORDS = "these are the values of an older chart: use --reset-then-reuse-values in place of --reuse-values"


def rendered_with(values: object, directory: pathlib.Path, group: str) -> str:
    """Return what Helm says of this chart where `values` stand for its own, as --reuse-values has it."""
    older = chart.copied(directory)
    (older / "values.yaml").write_text(yaml.safe_dump(values))
    version = f"--kube-version={binaries.KUBERNETES_VERSION}"
    done = chart.run("template", "vllm-operator", str(older), version, group=group)
    assert done.returncode != 0
    return done.stderr


@pytest.mark.parametrize("group", ["helm", "helm3"])
def test_values_of_an_older_chart_are_refused_with_the_flag_that_helps(tmp_path: pathlib.Path, group: str) -> None:
    now = yaml.safe_load(chart.VALUES.read_text())
    one_back = {**{name: value for name, value in now.items() if name not in NEW}, **GIVEN}
    for number, values in enumerate((one_back, GIVEN)):
        assert WORDS in rendered_with(values, tmp_path / str(number), group)
