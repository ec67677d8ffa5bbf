"""The chart as it is released: the work tree's, with the images that were built, by digest, in its values.

Edits the text of values.yaml line by line, so that its comments stay for those who read it. Knows neither registries nor keys.
"""

import copy
import pathlib
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from dev import paths, progress
from dev.release import tools

DIRECTORY = paths.ROOT / "charts" / "vllm-operator"
KEY = re.compile(r"^(?P<indent> *)(?P<name>[\w./-]+): *(?P<value>\"[^\"]*\"|[^#\s]*)(?P<rest>.*)$")
IMAGES = "  artifacthub.io/images: |\n"
Path = tuple[str, ...]


def packed(pins: Mapping[Path, str], folder: pathlib.Path) -> pathlib.Path:
    """Return the chart's package, made in `folder`; `pins`: path of a value -> what it is to be."""
    scratch = folder / ".chart"
    copied = scratch / DIRECTORY.name
    shutil.copytree(DIRECTORY, copied)
    values, about = copied / "values.yaml", copied / "Chart.yaml"
    before = values.read_text()
    values.write_text(pinned(before, pins))
    about.write_text(listing(about.read_text(), yaml.safe_load(before), yaml.safe_load(values.read_text())))
    tools.run("helm", "package", str(copied), "--destination", str(folder))
    shutil.rmtree(scratch)
    (found,) = folder.glob("*.tgz")
    return found


def pinned(text: str, pins: Mapping[Path, str]) -> str:
    """Return the text of values with these values in it. Raises `progress.Failure` where one has no line of its own."""
    lines = text.splitlines()
    for number, path in paths_of(lines):
        if path in pins:
            lines[number] = _line(lines[number], pins[path])
    made = "\n".join([*lines, ""])
    if yaml.safe_load(made) != _changed(yaml.safe_load(text), pins):
        named = ", ".join(".".join(path) for path in pins)
        raise progress.Failure(f"values.yaml has no line for each of {named}", "give each value a line of its own")
    return made


def listing(text: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return the text of Chart.yaml whose list of images has the operator's own, and the others as `after` names them."""
    released = upstream(after)
    for path, image in upstream(before).items():
        text = text.replace(f"image: {image}\n", f"image: {released[path]}\n")
    own = after["image"]
    entry = f"    - name: operator\n      image: {own['repository']}:{own['tag']}@{own['digest']}\n"
    return text.replace(IMAGES, f"{IMAGES}{entry}")


def read(package: pathlib.Path, name: str) -> dict[str, Any]:
    """Return a YAML file of a chart's package."""
    with tarfile.open(package) as packed:
        stream = packed.extractfile(f"{DIRECTORY.name}/{name}")
        found: dict[str, Any] = yaml.safe_load(stream) if stream else {}
    return found


def upstream(values: Mapping[str, Any]) -> dict[Path, str]:
    """Return the images of others that the values name: path of the value -> reference."""
    named: dict[Path, str] = {("guard", "image"): values["guard"]["image"]}
    for accelerator, image in values["engine"]["images"].items():
        named["engine", "images", accelerator] = image
    return {path: image for path, image in named.items() if image}


def paths_of(lines: list[str]) -> Iterator[tuple[int, Path]]:
    """Yield the number of each line that has a key, and the key's path."""
    above: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        if found := KEY.match(line):
            indent = len(found["indent"])
            above = [*(entry for entry in above if entry[0] < indent), (indent, found["name"])]
            yield number, tuple(name for _, name in above)


def _line(line: str, value: str) -> str:
    found = KEY.match(line)
    assert found  # noqa: S101 - `paths_of` yields no other lines
    return f'{found["indent"]}{found["name"]}: "{value}"{found["rest"]}'


def _changed(values: dict[str, Any], pins: Mapping[Path, str]) -> dict[str, Any]:
    changed = copy.deepcopy(values)
    for path, value in pins.items():
        node = changed
        for name in path[:-1]:
            node = node.setdefault(name, {})
        node[path[-1]] = value
    return changed
