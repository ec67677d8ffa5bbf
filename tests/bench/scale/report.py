"""Runs as figures: ratios to the floor, calls and memory, with what was promised of them.

Pure: knows how runs lie in the JSON, and measures nothing.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.bench import figures as figure

EDITS = ("maxModelLen", "args")
ANY = -1  # number of models for which a promise holds that names none


class Run(NamedTuple):
    """One run: of `models` at once, or one by one where that is 0; phases by name, of the floor and of the operator."""

    run: int
    models: int
    floor: dict[str, Any]
    ours: dict[str, Any]


class Measure(NamedTuple):
    """A measure: its name, unit and value of a run, and the promises by number of models."""

    name: str
    unit: str
    value: Callable[[Run], float]
    below: dict[int, float] = {}  # noqa: RUF012 - never changed

    def promise(self, models: int) -> float | None:
        """Return what the median is to stay below with that many models."""
        return self.below.get(models, self.below.get(ANY))


def _ratio(phase: str, what: str) -> Callable[[Run], float]:
    return lambda run: run.ours[phase][what] / run.floor[phase][what]


def _ours(phase: str, *path: str) -> Callable[[Run], float]:
    def value(run: Run) -> float:
        found: Any = run.ours[phase]
        for name in path:
            found = found[name]
        return float(found) if not isinstance(found, list) else len(found)

    return value


def _server(run: Run) -> float:
    return float(run.ours["create"]["cpu"]["API server"] / run.floor["create"]["cpu"]["API server"])


def _calls(phase: str) -> Callable[[Run], float]:
    return lambda run: sum(run.ours[phase]["calls per model"].values())


def _edit(what: str) -> tuple[Measure, ...]:
    return (
        Measure(f"{what} changed on all: time, of the floor's", "x", _ratio(what, "seconds"), {ANY: 1.6}),
        Measure(f"{what} changed on all: calls a model", "", _calls(what), {ANY: 4.05}),
        Measure(f"{what} changed on all: time", "s", _ours(what, "seconds")),
        Measure(f"{what} changed on all: CPU of the operator", "s", _ours(what, "cpu", "operator")),
    )


MANY = (
    Measure("all created at once: time, of the floor's", "x", _ratio("create", "seconds"), {ANY: 1.25}),
    Measure("all created at once: time", "s", _ours("create", "seconds")),
    Measure("all created at once: p50 of a model", "s", _ours("create", "p50")),
    Measure("all created at once: p99 of a model", "s", _ours("create", "p99")),
    Measure("all created at once: writes a model", "", _ours("create", "writes per model"), {ANY: 10.05}),
    Measure("all created at once: CPU of the API server, of the floor's", "x", _server),
    Measure("all created at once: CPU of the operator", "s", _ours("create", "cpu", "operator")),
    *(measure for what in EDITS for measure in _edit(what)),
    Measure("restart: until all are checked", "s", _ours("restart", "seconds"), {100: 2.0, 1000: 2.0, 10000: 20.0}),
    Measure("restart: CPU until then", "s", _ours("restart", "cpu", "operator")),
    Measure("restart: writes", "", _ours("restart", "writes"), {ANY: 0.5}),
    Measure("look at a model of which nothing changed: CPU", "ms", _ours("look", "cpu ms"), {ANY: 1.0}),
    Measure("run of a changed model that asks for nothing else: CPU", "ms", _ours("wake", "cpu ms")),
    Measure("at rest: writes", "", _ours("rest", "writes"), {ANY: 0.5}),
    Measure("at rest: share of a core", "%", lambda run: 100 * run.ours["rest"]["cpu share"], {ANY: 1.0}),
    Measure("memory at rest", "MB", _ours("rest", "resident MB"), {1000: 110.0, 10000: 450.0}),
    Measure(
        "memory at rest after a restart", "MB", _ours("rest after restart", "resident MB"), {1000: 110.0, 10000: 450.0}
    ),
    Measure("memory: peak", "MB", _ours("rest", "peak MB")),
    Measure("all deleted: until nothing is left", "s", _ours("delete", "seconds")),
    Measure("all deleted: kinds of which something is left", "", _ours("delete", "left"), {ANY: 0.5}),
)
ONE = (
    Measure("one apply, idle: p50, of the floor's", "x", _ratio("one", "p50"), {ANY: 1.5}),
    Measure("one apply, idle: p50", "ms", lambda run: 1000 * run.ours["one"]["p50"]),
    Measure("one apply, idle: p99", "ms", lambda run: 1000 * run.ours["one"]["p99"]),
    Measure("memory without models", "MB", _ours("rest", "resident MB"), {ANY: 70.0}),
    Measure("200 foreign Secrets of 1 MB: change of memory", "MB", _ours("foreign", "resident MB"), {ANY: 20.0}),
)


def figures(runs: list[Run]) -> list[figure.Figure]:
    """Return all figures, each with its runs."""
    return list(_figures(runs))


def measures(models: int) -> tuple[Measure, ...]:
    """Return what is measured with that many models; 0: with one at a time."""
    return MANY if models else ONE


def values(measure: Measure, models: int, runs: list[Run]) -> tuple[float, ...]:
    """Return the value of each run with that many models; no number where it was not measured."""
    return tuple(_value(measure, run) for run in runs if run.models == models)


def _figures(runs: list[Run]) -> Iterator[figure.Figure]:
    for models in sorted({run.models for run in runs}):
        title = f"{models} models: " if models else ""
        for measure in measures(models):
            found = values(measure, models, runs)
            yield figure.Figure(f"{title}{measure.name}", measure.unit, found, measure.promise(models))


def _value(measure: Measure, run: Run) -> float:
    try:
        return measure.value(run)
    except KeyError:
        return math.nan
