"""checkov over all that is rendered: no finding but those in checkov.yaml, each of which has a reason and is still one."""

import pathlib
from typing import Any

import pytest
import yaml

from tests.integration import checkov, rendered

SKIPS: list[dict[str, Any]] = yaml.safe_load(pathlib.Path(__file__).with_name("checkov.yaml").read_text())


BAD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bad", "namespace": "x"}, "spec": {
    "hostNetwork": True, "containers": [{"name": "x", "image": "x"}]}}  # fmt: skip
PROBE = "bad.yaml"


@pytest.fixture(scope="module")
def findings() -> list[checkov.Finding]:
    """What checkov finds in all that is rendered, and in something bad."""
    rendering = {f"{name}.yaml": yaml.safe_dump_all(objects()) for name, objects in rendered.ALL.items()}
    return checkov.findings({**rendering, PROBE: yaml.safe_dump(BAD)})


def is_skipped(finding: checkov.Finding, skip: dict[str, Any]) -> bool:
    return bool(finding.check == skip["check"] and finding.resource.startswith(tuple(skip["objects"])))


def test_nothing_is_found_but_what_has_its_reason(findings: list[checkov.Finding]) -> None:
    ours = [finding for finding in findings if finding.file != PROBE]
    assert [finding for finding in ours if not any(is_skipped(finding, skip) for skip in SKIPS)] == []


def test_every_skip_has_a_reason_and_something_to_skip(findings: list[checkov.Finding]) -> None:
    ours = [finding for finding in findings if finding.file != PROBE]
    for skip in SKIPS:
        assert skip["reason"]
        for start in skip["objects"]:
            assert any(is_skipped(finding, {**skip, "objects": [start]}) for finding in ours), (skip["check"], start)


def test_what_is_bad_is_found(findings: list[checkov.Finding]) -> None:
    assert any(finding.file == PROBE for finding in findings)
