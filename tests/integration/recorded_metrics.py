"""Metrics that a real operator, guard and vLLM had under the demo's model, as series of `promtool test rules`.

`recorded/` holds what each answered at its address, without the families that docs/metrics.md does not name. A recording is of
one moment: a series goes on from there as a test says; else a gauge stays, and a counter stays or grows.
"""

import pathlib
import re
from collections.abc import Mapping
from typing import NamedTuple

DIRECTORY = pathlib.Path(__file__).with_name("recorded")
MINUTES = 200
TARGETS = {
    "operator": {"namespace": "vllm-operator", "pod": "vllm-operator-0"},
    "guard": {"namespace": "models", "pod": "llama-0"},
    "vllm": {"namespace": "models", "pod": "llama-0"},
}
"""Labels that Prometheus adds to what it reads, where a series has none of that name (honorLabels)."""
GAUGES = re.compile(
    r"vllm_operator_(queue|models|leader|informer)|vllm:(num_requests|kv_cache)|envoy_cluster_membership"
)
SERIES = re.compile(r"([\w:]+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([\w.]+)="([^"]*)"')


class Series(NamedTuple):
    """One series: its name, its own labels, and its value."""

    name: str
    labels: Mapping[str, str]
    value: float


def recorded(program: str) -> list[Series]:
    """Return what a program answered."""
    lines = (DIRECTORY / f"{program}.txt").read_text().splitlines()
    found = [match.groups() for match in map(SERIES.fullmatch, lines) if match]
    return [Series(name, dict(LABEL.findall(labels or "")), float(value)) for name, labels, value in found]


def series(changed: Mapping[str, str], *, growing: bool = False) -> list[dict[str, str]]:
    """Return all recorded series for promtool, a sample a minute.

    `changed`: how a series goes on, by its name with its own labels as they are recorded, or as they would be. `growing`: every
    counter grows by one a minute.
    """
    known = {
        _shown(one.name, one.labels): _course(one, growing=growing) for program in TARGETS for one in recorded(program)
    }
    return [{"series": _at_target(name), "values": values} for name, values in {**known, **changed}.items()]


def _course(one: Series, *, growing: bool) -> str:
    step = 1 if growing and not GAUGES.match(one.name) else 0
    return f"{one.value:f}+{step}x{MINUTES}"


def _at_target(name: str) -> str:
    """Return a series with the labels of the target that it was read from."""
    bare, _, inside = name.partition("{")
    own = dict(LABEL.findall(inside))
    program = next(program for program, start in _BEGINNINGS.items() if bare.startswith(start))
    return _shown(bare, {**TARGETS[program], **own})


_BEGINNINGS = {"operator": "vllm_operator", "guard": "envoy", "vllm": "vllm:"}


def _shown(name: str, labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inside}}}" if inside else name
