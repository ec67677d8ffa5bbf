"""The part of docs/performance.md that no number of models makes grow: how soon the operator acts. Nobody types a figure.

`take` adds what was measured last to docs/delays.json, from which the tables follow.
"""

import json
from typing import Any

from dev import paths
from tests.bench import figures

DATA = paths.ROOT / "docs/delays.json"
BENCHMARKS = ("takeover", "drift", "revocation")

Kept = dict[str, dict[str, Any]]
"""What `figures.write` keeps of each benchmark, by its name."""


def take() -> None:
    """Keep the last figures of each benchmark; one that was not measured here keeps those of before."""
    found = {name: figures.FOLDER / f"{name}.json" for name in BENCHMARKS}
    fresh = {name: json.loads(path.read_text()) for name, path in found.items() if path.exists()}
    DATA.write_text(json.dumps({**kept(), **fresh}, indent=1) + "\n")


def kept() -> Kept:
    """Return what was kept; nothing where nothing was."""
    found: Kept = json.loads(DATA.read_text()) if DATA.exists() else {}
    return found


def table(found: Kept) -> str:
    """Return each benchmark's measures as rows."""
    rows = [
        _row(name, figures.Figure(one["name"], one["unit"], tuple(one["runs"]), one["below"]))
        for name in BENCHMARKS
        for one in found.get(name, {}).get("figures", ())
    ]
    return "\n".join(["| benchmark | measure | median (spread) | below |", "|---|---|---|---|", *rows])


def machines(found: Kept) -> str:
    """Return what each benchmark's figures hold for, the benchmarks as columns."""
    names = [name for name in BENCHMARKS if name in found]
    about = [found[name]["machine"] for name in names]
    facts = about[0] if about else {}
    rows = [f"| {fact} | {' | '.join(one.get(fact, '') for one in about)} |" for fact in facts]
    return "\n".join([f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|", *rows])


def _row(benchmark: str, one: figures.Figure) -> str:
    below = "" if one.below is None else f"{one.below:g}"
    return f"| {benchmark} | {one.name} | {figures.told(one.unit, one.runs)} | {below} |"
