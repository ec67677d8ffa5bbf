"""The workflows of the code forge: they call what the Makefile has, with the least rights, and no action that can change.

Nothing here runs them: what they call is run by the tests of each target.
"""

import pathlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import yaml

from dev import paths

FOLDER = paths.ROOT / ".github" / "workflows"
MAKEFILE = (paths.ROOT / "Makefile").read_text()
PAGE = (paths.ROOT / "docs" / "release.md").read_text()
PINNED = re.compile(r"uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
GIVEN = re.compile(r"^(GITHUB|RUNNER)_\w+$|^USER$|^HOME$")
"""Variables that each runner has."""
CHANGES = {"release.yaml": {"contents": "write"}}
"""What a workflow may change, in the one job that needs it."""


class Step(NamedTuple):
    """One step, and the variables that it has from above."""

    step: dict[str, Any]
    outer: dict[str, str]


def steps(workflow: dict[str, Any]) -> Iterator[Step]:
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            yield Step(step, {**workflow.get("env", {}), **job.get("env", {})})


@pytest.fixture(params=sorted(file.name for file in FOLDER.iterdir()))
def file(request: pytest.FixtureRequest) -> pathlib.Path:
    return FOLDER / str(request.param)


@pytest.fixture
def workflow(file: pathlib.Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def test_each_command_of_make_is_a_target(workflow: dict[str, Any]) -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    called = {name for step, _ in steps(workflow) for name in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))}
    assert called
    assert called <= targets


def test_each_variable_that_a_command_uses_is_given_to_it(workflow: dict[str, Any]) -> None:
    for step, outer in steps(workflow):
        known = {*outer, *step.get("env", {})}
        used = set(re.findall(r"\$\{?(\w+)", step.get("run", "")))
        kept = {name for names in re.findall(r"--preserve-env=(\S+)", step.get("run", "")) for name in names.split(",")}
        assert {name for name in used | kept if name not in known and not GIVEN.match(name)} == set()


def test_what_make_is_given_is_read_by_this_project(workflow: dict[str, Any]) -> None:
    read = MAKEFILE + "".join(one.read_text() for one in (paths.ROOT / "dev").rglob("*.py"))
    for step, _ in steps(workflow):
        for names in re.findall(r"--preserve-env=(\S+) make", step.get("run", "")):
            assert [name for name in names.split(",") if name not in read] == []


def test_each_setting_of_the_repository_stands_in_the_page(file: pathlib.Path) -> None:
    named = set(re.findall(r"\b(?:vars|secrets)\.(\w+)", file.read_text()))
    assert {name for name in named if f"`{name}`" not in PAGE} == set()


def test_actions_are_pinned_by_commit_with_the_version_beside(file: pathlib.Path) -> None:
    lines = [line.strip().removeprefix("- ") for line in file.read_text().splitlines() if "uses:" in line]
    assert lines
    assert [line for line in lines if not PINNED.fullmatch(line)] == []


def test_rights_are_to_read_but_where_a_job_must_write(file: pathlib.Path, workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert {name: right for job in workflow["jobs"].values() for name, right in job.get("permissions", {}).items()} == (
        CHANGES.get(file.name, {})
    )
    checkouts = [step for step, _ in steps(workflow) if "checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_command_is_made_of_what_others_wrote(workflow: dict[str, Any]) -> None:
    """A title of a change, put into a shell's text, would run; variables do not."""
    assert [step["run"] for step, _ in steps(workflow) if "${{" in step.get("run", "")] == []


def test_what_is_published_is_checked_before_a_secret_is_there() -> None:
    workflow = yaml.safe_load((FOLDER / "release.yaml").read_text())
    found = [str(step) for step, _ in steps(workflow)]
    checked = next(number for number, step in enumerate(found) if "make check" in step)
    assert all("secrets." not in step for step in found[: checked + 1])
    assert any("make release" in step for step in found[checked:])


def test_no_change_of_others_runs_with_secrets(file: pathlib.Path, workflow: dict[str, Any]) -> None:
    triggers = workflow[True]  # YAML 1.1 reads the word `on` so
    assert "pull_request_target" not in triggers
    assert "pull_request" not in triggers or "secrets." not in file.read_text()


def test_each_job_ends(workflow: dict[str, Any]) -> None:
    assert all(job["timeout-minutes"] <= 180 for job in workflow["jobs"].values())
