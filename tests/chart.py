"""The chart: its values and their schema, and what Helm makes of them."""

import json
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from dev import binaries, paths
from dev.release import version

DIRECTORY = paths.ROOT / "charts" / "vllm-operator"
VALUES = DIRECTORY / "values.yaml"
SCHEMA = DIRECTORY / "values.schema.json"
VERSION = version.current()
WHOLE = ("affinity", "podSecurityContext", "securityContext", "strategy")
"""Values that Kubernetes knows as one field, whatever parts the schema says that they have."""
MISSING = object()
"""The default of a value that values.yaml lacks."""

Objects = dict[tuple[str, str], dict[str, Any]]


class Value(NamedTuple):
    """One value: its path with dots, its default, and what the schema says of it."""

    path: str
    default: Any
    schema: dict[str, Any]


def values() -> list[Value]:
    """Return every value that the schema knows, in its order. What is a map of free keys is one value."""
    schema = json.loads(SCHEMA.read_text())
    return list(_values("", yaml.safe_load(VALUES.read_text()), schema, schema["definitions"]))


def _values(path: str, default: Any, schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[Value]:
    found = {**definitions.get(schema.get("$ref", "").rpartition("/")[2], {}), **schema}
    if "properties" not in found or path in WHOLE:
        yield Value(path, default, found)
        return
    for name, inner in found["properties"].items():
        held = default.get(name, MISSING) if isinstance(default, dict) else MISSING
        yield from _values(f"{path}.{name}".lstrip("."), held, inner, definitions)


def types(value: Value) -> list[str]:
    """Return the JSON types that the value may have."""
    found = value.schema["type"]
    return found if isinstance(found, list) else [found]


def helm(group: str = "helm") -> str:
    """Return Helm's binary: of version 4 (`helm`) or 3 (`helm3`)."""
    return str(binaries.directory(group) / "helm")


def run(*arguments: str, group: str = "helm", stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run Helm; its exit status and words are the caller's to judge."""
    command, env = [helm(group), *arguments], binaries.environment()
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=env)


def template(
    values: object, *arguments: str, group: str = "helm", namespace: str = "ops"
) -> subprocess.CompletedProcess[str]:
    """Render the chart with `values`, as an admin's file gives them."""
    place = (
        "vllm-operator",
        str(DIRECTORY),
        f"--namespace={namespace}",
        f"--kube-version={binaries.KUBERNETES_VERSION}",
    )
    return run("template", *place, "--values", "-", *arguments, group=group, stdin=json.dumps(values))


def objects(values: dict[str, Any], group: str = "helm", namespace: str = "ops") -> Objects:
    """Return what the chart makes of `values`, by kind and name; the image's repository is given."""
    done = template(set_at(values, "image.repository", "registry.example/operator"), group=group, namespace=namespace)
    assert done.returncode == 0, done.stderr
    found = [one for one in yaml.load_all(done.stdout, yaml.CSafeLoader) if one]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def notes(values: dict[str, Any]) -> str:
    """Return what whoever installs the chart with `values` is told."""
    given = json.dumps(set_at(values, "image.repository", "registry.example/operator"))
    done = run("install", "vllm-operator", str(DIRECTORY), "--dry-run=client", "--values", "-", stdin=given)
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("NOTES:")[2]


def set_at(values: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return `values` with `value` at `path`, where nothing stands yet."""
    name, _, rest = path.partition(".")
    if not rest:
        return {name: value, **values}
    return {**values, name: set_at(values.get(name, {}), rest, value)}


def copied(directory: pathlib.Path) -> pathlib.Path:
    """Return a copy of the chart in `directory`, to be changed."""
    for source in DIRECTORY.rglob("*"):
        if source.is_file():
            target = directory / source.relative_to(DIRECTORY)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    return directory


class Release:
    """A release of the chart in the namespace `ops`, by one of the Helms."""

    def __init__(self, kubeconfig: pathlib.Path, name: str = "vllm-operator", *, group: str = "helm") -> None:
        self._kubeconfig, self._name, self._group = kubeconfig, name, group

    def run(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of Helm's verbs on the release; its exit status and words are the caller's to judge."""
        image = ("--set", "image.repository=registry.example/operator") if verb in ("install", "upgrade") else ()
        where = (f"--kubeconfig={self._kubeconfig}", "--namespace", "ops")
        return run(*verb.split(), self._name, *arguments, *where, *image, group=self._group)

    def install(self, directory: pathlib.Path, *options: str) -> str:
        """Install the chart that lies in `directory`; return what Helm says, the notes last."""
        return self._done("install", str(directory), "--create-namespace", *options)

    def upgrade(self, directory: pathlib.Path, *options: str) -> None:
        """Upgrade to the chart that lies in `directory`."""
        self._done("upgrade", str(directory), *options)

    def rollback(self) -> None:
        """Go back to the revision before."""
        self._done("rollback")

    def uninstall(self, *, check: bool = True) -> None:
        """Remove the release."""
        done = self.run("uninstall")
        assert not check or done.returncode == 0, done.stderr

    def _done(self, verb: str, *arguments: str) -> str:
        done = self.run(verb, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout
