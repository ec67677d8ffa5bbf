"""The file of `kubectl vllm` itself: what it may use, and what its manifest for Krew says of it."""

import ast
import sys
import tomllib

import kubectl_vllm as plugin
import yaml

from dev import paths

DIRECTORY = paths.ROOT / "operator" / "kubectl"
TREE = ast.parse((DIRECTORY / "kubectl-vllm").read_text(), feature_version=(3, 9))
LONGEST = 40


def test_it_uses_the_standard_library_alone_and_reads_as_python_39() -> None:
    imports = [one for one in ast.walk(TREE) if isinstance(one, ast.Import | ast.ImportFrom)]
    names = {one.module or "" for one in imports if isinstance(one, ast.ImportFrom)}
    names |= {name.name for one in imports if isinstance(one, ast.Import) for name in one.names}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_no_shell_runs_what_it_calls() -> None:
    calls = [one for one in ast.walk(TREE) if isinstance(one, ast.Call)]
    assert not [one for one in calls if any(keyword.arg == "shell" for keyword in one.keywords)]
    assert not [one for one in calls if isinstance(one.func, ast.Attribute) and one.func.attr in ("system", "popen")]


def test_its_functions_are_short() -> None:
    functions = [one for one in ast.walk(TREE) if isinstance(one, ast.FunctionDef)]
    lengths = {one.name: (one.end_lineno or 0) - one.lineno + 1 for one in functions}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_version_and_manifest_are_those_of_the_project() -> None:
    project = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]
    manifest = yaml.safe_load((DIRECTORY / "vllm.yaml").read_text())
    assert project["version"] == plugin.VERSION
    assert manifest["metadata"]["name"] == "vllm"
    assert manifest["spec"]["version"] == f"v{project['version']}"
    for platform in manifest["spec"]["platforms"]:
        assert platform["bin"] == "kubectl-vllm"
        assert f"v{project['version']}/" in platform["uri"]


def test_every_command_stands_in_its_page() -> None:
    page = (paths.ROOT / "docs" / "kubectl.md").read_text()
    assert [name for name in plugin.COMMANDS if f"$ kubectl vllm {name}" not in page] == []
    parsers = plugin.parsers()[1].values()
    options = {option for one in parsers for action in one._actions for option in action.option_strings}
    missing = {option for option in options if option.startswith("--") and f"`{option}" not in page}
    assert missing == {"--help"}
