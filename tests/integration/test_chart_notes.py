"""What whoever installs the chart reads first."""

import pathlib
import textwrap

import kubectl_vllm as plugin
import pytest
import yaml

from dev import paths
from tests import chart, pages
from vllm_operator.render import manifest

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\ndata:\n  text: |\n    The notes: "


def notes_on(version: str, directory: pathlib.Path) -> str:
    """Return the notes on a version of Kubernetes: as a ConfigMap of a copy, since `helm template` prints no notes."""
    templates = chart.copied(directory) / "templates"
    notes = (templates / "NOTES.txt").read_text()
    (templates / "notes.yaml").write_text(HEAD + textwrap.indent(notes, "    "))
    options = ("--set=image.repository=registry.example/operator", f"--kube-version={version}")
    done = chart.run("template", "x", str(directory), "--show-only=templates/notes.yaml", *options)
    assert done.returncode == 0, done.stderr
    return str(yaml.safe_load(done.stdout)["data"]["text"])


@pytest.mark.parametrize("version", ["1.34.0", "1.34.3-gke.100", "1.35.0", "1.37.2"])
def test_they_name_what_this_kubernetes_is_too_old_for_as_doctor_does(version: str, tmp_path: pathlib.Path) -> None:
    told = [one.words for one in plugin.judged_version(f"v{version}") if one.verdict == plugin.NOTE]
    notes = notes_on(version, tmp_path)
    assert ("A newer one is needed" in notes) is bool(told)
    for words in told:
        assert words in notes.replace("A newer", "a newer")


def test_the_first_model_is_the_one_of_every_first_page() -> None:
    shown = yaml.safe_load(chart.notes({}).partition("<<YAML\n")[2].partition("  YAML\n")[0])
    manifest.model(shown, "default")  # else Refused
    about = yaml.safe_load((chart.DIRECTORY / "Chart.yaml").read_text())
    assert shown in yaml.safe_load(about["annotations"]["artifacthub.io/crdsExamples"])
    readme = (chart.DIRECTORY / "README.md").read_text()
    assert shown in [yaml.safe_load(block.text) for block in pages.blocks(readme) if block.language == "yaml"]
    assert shown["spec"]["model"]["source"] in (paths.ROOT / "README.md").read_text()
