"""docs/performance.md and the memory in docs/sizing.md: tables and a drawing from the JSON of the runs. Nobody types a figure.

`python -m tests.bench.scale.tables` takes the runs of .artifacts/bench/ over into docs/performance.json and docs/delays.json.
Pages and drawing follow from these alone, and `make check` fails where they do not.
"""

import itertools
import json
import pathlib
import re
import shutil
import statistics
import sys
from typing import Any

from dev import paths
from tests.bench import delays, figures
from tests.bench.scale import plot, report

PAGE = paths.ROOT / "docs/performance.md"
SIZING = paths.ROOT / "docs/sizing.md"
DRAWING = paths.ROOT / "docs/performance.svg"
DATA = paths.ROOT / "docs/performance.json"
FOUND = figures.FOLDER / "scale-runs.json"
MARKED = "(?s)(?<=<!-- {0} -->\n).*(?=<!-- /{0} -->)"


def files() -> dict[pathlib.Path, str]:
    """Return the content of the pages and of the drawing; nothing where no runs have been taken over."""
    if not DATA.exists():
        return {}
    found = json.loads(DATA.read_text())
    runs = [report.Run(**run) for run in found["runs"]]
    page = _put(PAGE.read_text(), "machine", _machine(found["machine"]))
    page = _put(page, "many", many(runs))
    page = _put(page, "one", _table(runs, [0]))
    page = _put(page, "calls", _calls(runs))
    page = _put(page, "delays", delays.table(delays.kept()))
    page = _put(page, "machines", delays.machines(delays.kept()))
    return {PAGE: page, SIZING: _put(SIZING.read_text(), "memory", memory(runs)), DRAWING: _drawing(runs)}


def many(runs: list[report.Run]) -> str:
    """Return the table of what was measured with many models at once."""
    return _table(runs, [count for count in _counts(runs) if count])


def memory(runs: list[report.Run]) -> str:
    """Return the table of the operator's memory at rest, and of what each model adds where there are many."""
    at_rest = {count: _median(runs, count, ("ours", "rest", "resident MB")) for count in _counts(runs)}
    rows = [f"| at rest with {count} models | {megabytes:.0f} MB |" for count, megabytes in at_rest.items()]
    for (few, less), (most, more) in list(itertools.pairwise(at_rest.items()))[-1:]:
        rows.append(f"| each further model, from {few} to {most} | {1000 * (more - less) / (most - few):.0f} kB |")
    return "\n".join(["| memory | measured |", "|---|---|", *rows])


def _put(page: str, mark: str, text: str) -> str:
    return re.sub(MARKED.format(mark), lambda _: f"{text}\n", page)


def _machine(about: dict[str, str]) -> str:
    rows = [f"| {name} | {value} |" for name, value in about.items()]
    return "\n".join(["| | |", "|---|---|", *rows])


def _counts(runs: list[report.Run]) -> list[int]:
    return sorted({run.models for run in runs})


def _table(runs: list[report.Run], counts: list[int]) -> str:
    """Return the measures as rows and the numbers of models as columns: median, and the spread of the runs."""
    if not any(run.models in counts for run in runs):
        return "Not measured."
    heads = [f"{count} models" if count else "median (spread)" for count in counts]
    lines = [f"| measure | {' | '.join(heads)} | below |", "|---" * (len(counts) + 2) + "|"]
    for measure in report.measures(counts[-1]):
        cells = [figures.told(measure.unit, report.values(measure, count, runs)) for count in counts]
        promise = _promise(measure, counts)
        lines.append(f"| {measure.name} | {' | '.join(cells)} | {promise} |")
    return "\n".join(lines)


def _promise(measure: report.Measure, counts: list[int]) -> str:
    promised = {count: measure.promise(count) for count in counts}
    told = {f"{below:g}" if len(set(promised.values())) == 1 else f"{below:g} at {count}"
            for count, below in promised.items() if below is not None}  # fmt: skip
    return ", ".join(sorted(told))


def _calls(runs: list[report.Run]) -> str:
    """Return the calls of the operator for one model, by verb and resource, with the most models that were measured."""
    most = max(_counts(runs), default=0)
    phases = ("create", *report.EDITS, "wake", "restart")
    chosen = [run.ours for run in runs if run.models == most]
    names = sorted(
        {name for run in chosen for phase in phases for name in run.get(phase, {}).get("calls per model", ())}
    )
    rows = [f"| {name} | {' | '.join(_called(chosen, phase, name) for phase in phases)} |" for name in names]
    return "\n".join([f"| call | {' | '.join(phases)} |", "|---" * (len(phases) + 1) + "|", *rows])


def _called(runs: list[dict[str, Any]], phase: str, name: str) -> str:
    count = statistics.median(run.get(phase, {}).get("calls per model", {}).get(name, 0.0) for run in runs)
    return f"{count:.2g}" if count else ""


def _drawing(runs: list[report.Run]) -> str:
    chosen = {
        "created at once": ("ours", "create", "seconds"), "created at once: floor": ("floor", "create", "seconds"),
        "field changed on all": ("ours", "maxModelLen", "seconds"),
        "field changed on all: floor": ("floor", "maxModelLen", "seconds"),
        "restart": ("ours", "restart", "seconds"), "memory at rest": ("ours", "rest", "resident MB"),
    }  # fmt: skip
    counts = [count for count in _counts(runs) if count]
    lines = [
        plot.Line(name, tuple((count, _median(runs, count, path)) for count in counts)) for name, path in chosen.items()
    ]
    return plot.svg("Growth with the number of models", "seconds and MB", lines)


def _median(runs: list[report.Run], models: int, path: tuple[str, str, str]) -> float:
    whose, phase, what = path
    return statistics.median(getattr(run, whose)[phase][what] for run in runs if run.models == models)


def main() -> None:
    """Take the last runs over into the documentation, as far as there are any."""
    if FOUND.exists():
        shutil.copyfile(FOUND, DATA)
    delays.take()
    for path, text in files().items():
        path.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
