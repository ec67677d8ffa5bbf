"""`python -m dev.vllm_table VERSION...`: what a newer vLLM has, into the table of options and variables, unsorted.

Fetches the release's wheel, reads it (vllm_names.py) and changes the tables operator/vllm_operator/engine/*.csv: a name
that is new gets the class `unsorted`, which a test tells until somebody has sorted it, and one that is gone its last release.
"""

import csv
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping

from dev import paths, progress, vllm_names

ENGINE = paths.ROOT / "operator" / "vllm_operator" / "engine"
OPTIONS, VARIABLES, MODULE = ENGINE / "options.csv", ENGINE / "variables.csv", ENGINE / "table.py"
UNSORTED = "unsorted"
READ = re.compile(r'READ = "(?P<first>[0-9.]+) to (?P<last>[0-9.]+)"')
Cells = dict[str, str]


def merged(rows: Iterable[Cells], found: Mapping[str, str], release: str, newest: str) -> list[Cells]:
    """Return the rows of a table with what `release` has: name -> the kind of its value; `newest`: the last read before."""
    known = {row["name"]: row for row in rows}
    kept = {name: _kept(row, found, release, newest) for name, row in known.items()}
    columns = next(iter(known.values()), {})
    new = {
        name: {**dict.fromkeys(columns, ""), **_value(kind, columns), "name": name, "since": release, "class": UNSORTED}
        for name, kind in found.items()
        if name not in known
    }
    return [row for _, row in sorted({**kept, **new}.items())]


def _kept(row: Cells, found: Mapping[str, str], release: str, newest: str) -> Cells:
    name = row["name"]
    if name not in found:
        is_gone = row["since"] and not row["until"] and release != newest
        return {**row, "until": newest} if is_gone else row
    kinds = {*filter(None, row.get("value", "").split("|")), *filter(None, [found[name]])}
    return {**row, **_value("|".join(sorted(kinds)), row), "since": row["since"] or release, "until": ""}


def _value(kind: str, columns: Cells) -> Cells:
    return {"value": kind} if "value" in columns else {}


def main(versions: list[str]) -> int:
    """Read the releases, in order, and write the tables."""
    for version in versions:
        release = version.rpartition(".")[0]
        names = _fetched(version)
        newest = _newest()
        _write(OPTIONS, names.options, release, newest)
        _write(VARIABLES, dict.fromkeys(names.variables, ""), release, newest)
        later = max(newest, release, key=lambda one: [int(part) for part in one.split(".")])
        MODULE.write_text(READ.sub(rf'READ = "\g<first> to {later}"', MODULE.read_text()))
    return 0


def _newest() -> str:
    return next(READ.finditer(MODULE.read_text()))["last"]


def _write(path: pathlib.Path, found: Mapping[str, str], release: str, newest: str) -> None:
    rows = merged(csv.DictReader(path.read_text().splitlines()), found, release, newest)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue())


def _fetched(version: str) -> vllm_names.Names:
    """Return the names of a release, whose wheel is fetched without what it depends on, and thrown away."""
    uv = shutil.which("uv") or str(paths.CACHE / "tools" / "bin" / "uv")
    folder = paths.CACHE / f"vllm-{version}"
    command = [uv, "pip", "install", "--quiet", "--no-cache", "--no-deps", "--target", str(folder), f"vllm=={version}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    try:
        if result.returncode:
            cause = " ".join(result.stderr.split())[-200:]
            raise progress.Failure(f"vLLM {version} cannot be fetched ({cause})", "check the network and the version")
        return vllm_names.read(folder / "vllm")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
