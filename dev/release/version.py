"""The version of the project: everywhere it stands, and the changelog that has a section for each.

pyproject.toml is the source. `python -m dev.release.version VERSION` (`make bump`) writes all places and names the changelog's
section; nothing else writes them. Knows no git.
"""

import datetime as dt
import pathlib
import re
import sys
import tomllib
from typing import NamedTuple

from dev import paths, progress

NUMBER = r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?"
CHANGELOG = "CHANGELOG.md"
UNRELEASED = "Unreleased"
SECTION = re.compile(r"^## (\S+)(?: \(\d{4}-\d{2}-\d{2}\))?$", re.MULTILINE)
PLACES = (  # file, what stands before the version there
    ("pyproject.toml", r'^version = "'),
    ("charts/vllm-operator/Chart.yaml", r"^(?:version|appVersion): \"?"),
    ("operator/vllm_operator/render/chart.py", r'^VERSION = "'),
    ("operator/kubectl/kubectl-vllm", r'^VERSION = "'),
    ("operator/kubectl/vllm.yaml", r"(?:^  version: |/)v"),
    ("dev/accept.py", r"/vllm-operator:"),
    ("README.md", r"/vllm-operator:"),
    ("docs/chart.md", r"^  version: "),
    ("docs/start.md", r"/vllm-operator:|image\.tag="),
    ("docs/models.md", r"/vllm-operator:"),
    ("docs/development.md", r"/vllm-operator:"),
    ("docs/release.md", r"^VERSION="),
)


class Stated(NamedTuple):
    """One place where the version stands; `line`: from 1."""

    file: str
    line: int
    version: str


def current(root: pathlib.Path = paths.ROOT) -> str:
    """Return the project's version."""
    return str(tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"])


def stated(root: pathlib.Path = paths.ROOT) -> list[Stated]:
    """Return every place where the version stands; a file that has none is given with the version ""."""
    found = []
    for file, before in PLACES:
        text = (root / file).read_text()
        here = [Stated(file, text.count("\n", 0, one.start()) + 1, one[1]) for one in _pattern(before).finditer(text)]
        found += here or [Stated(file, 0, "")]
    return found


def sections(changelog: str) -> dict[str, str]:
    """Return the changelog's sections, newest first: version, or `Unreleased` -> its text."""
    _, *parts = SECTION.split(changelog)
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def notes(version: str, root: pathlib.Path = paths.ROOT) -> str:
    """Return what the changelog says of a version. Raises `progress.Failure` where it has no section of it."""
    found = sections((root / CHANGELOG).read_text())
    if version not in found:
        raise progress.Failure(f"{CHANGELOG} has no section {version}", f"run `make bump VERSION={version}`")
    return found[version]


def coming(root: pathlib.Path = paths.ROOT) -> str:
    """Return what the changelog says of the release that comes next, or of the newest where nothing waits."""
    return next(iter(sections((root / CHANGELOG).read_text()).values()), "")


def order(version: str) -> tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]:
    """Return what orders versions as Semantic Versioning does: a pre-release comes before its release."""
    numbers, _, label = version.partition("-")
    return tuple(map(int, numbers.split("."))), not label, tuple(map(_identifier, label.split(".")))


def _identifier(text: str) -> tuple[bool, int, str]:
    """Return what orders the identifiers of a pre-release: numbers by their size, before texts."""
    return (False, int(text), "") if text.isdecimal() else (True, 0, text)


def bump(version: str, day: dt.date, root: pathlib.Path = paths.ROOT) -> None:
    """Write the version wherever it stands, and give the changelog's waiting section its name and day."""
    _refuse(version, root)
    for file, before in PLACES:
        path = root / file
        text = path.read_text()
        path.write_text(_pattern(before).sub(lambda found: found[0].removesuffix(found[1]) + version, text))
    path = root / CHANGELOG
    path.write_text(path.read_text().replace(f"## {UNRELEASED}\n", f"## {version} ({day:%Y-%m-%d})\n", 1))


def _refuse(version: str, root: pathlib.Path) -> None:
    """Raise `progress.Failure` where that version cannot be the next one."""
    known = sections((root / CHANGELOG).read_text())
    released = [name for name in known if name != UNRELEASED]
    if not re.fullmatch(NUMBER, version):
        raise progress.Failure(f"{version!r} is no version", "make bump VERSION=1.2.3")
    if UNRELEASED not in known:
        raise progress.Failure(f"{CHANGELOG} has no section {UNRELEASED}", "say there what is new")
    if released and order(version) <= order(released[0]):
        raise progress.Failure(f"{version} does not come after {released[0]}", "choose a higher version")


def _pattern(before: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{before})({NUMBER})", re.MULTILINE)


def main(arguments: list[str]) -> int:
    """Set the version that is given, or print the one there is."""
    if arguments and arguments[0]:
        bump(arguments[0], dt.datetime.now(dt.UTC).date())
        progress.say("changed; run `make generate`, `make check` and commit")
    progress.say(current())
    return 0


if __name__ == "__main__":
    sys.exit(progress.exit_on_failure(lambda: main(sys.argv[1:])))
