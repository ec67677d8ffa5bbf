"""Growth as an SVG: one line a measure, both axes logarithmic. Pure, and drawn by hand: a dozen elements need no library."""

import math
from collections.abc import Iterable
from typing import NamedTuple
from xml.sax import saxutils

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 210, 36, 48
COLOURS = ("#1b6ca8", "#c44536", "#2a7f62", "#8d5a97", "#b8860b", "#555555")
STYLE = "text{font:12px sans-serif;fill:#222}.t{font-size:14px;font-weight:bold}line{stroke:#ddd}"


class Line(NamedTuple):
    """One measure: its name and its points, number of models and value, both above zero."""

    name: str
    points: tuple[tuple[float, float], ...]


class Axis(NamedTuple):
    """A logarithmic axis from `low` to `high`, drawn from pixel `begin` to pixel `end`."""

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        share = (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        return self.begin + share * (self.end - self.begin)

    def ticks(self) -> list[float]:
        """Return the powers of ten on the axis."""
        return [10.0**power for power in range(round(math.log10(self.low)), round(math.log10(self.high)) + 1)]


def svg(title: str, unit: str, lines: list[Line]) -> str:
    """Return the drawing; the legend stands beside the lines' ends."""
    across = _axis((x for line in lines for x, _ in line.points), LEFT, WIDTH - RIGHT)
    up = _axis((y for line in lines for _, y in line.points), HEIGHT - BOTTOM, TOP)
    drawn = [part for number, line in enumerate(lines) for part in _line(line, number, across, up)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(LEFT, 20, title, "t"),
        *_grid(across, up),
        *drawn,
        _text(LEFT, HEIGHT - 10, f"models; {unit} upwards; both axes logarithmic"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _axis(values: Iterable[float], begin: float, end: float) -> Axis:
    """Return an axis of whole powers of ten around the values."""
    found = list(values)
    low, high = math.floor(math.log10(min(found))), math.ceil(math.log10(max(found)))
    return Axis(10.0**low, 10.0 ** max(high, low + 1), begin, end)


def _grid(across: Axis, up: Axis) -> list[str]:
    upright = [_rule(across.at(one), up.begin, across.at(one), up.end) for one in across.ticks()]
    level = [_rule(across.begin, up.at(one), across.end, up.at(one)) for one in up.ticks()]
    below = [_text(across.at(one) - 10, up.begin + 18, f"{one:g}") for one in across.ticks()]
    beside = [_text(8, up.at(one) + 4, f"{one:g}") for one in up.ticks()]
    return [*upright, *level, *below, *beside]


def _line(line: Line, number: int, across: Axis, up: Axis) -> list[str]:
    colour = COLOURS[number % len(COLOURS)]
    pixels = [(across.at(x), up.at(y)) for x, y in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in pixels)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in pixels]
    height = TOP + 18 * number
    legend = [
        f'<rect x="{WIDTH - RIGHT + 14}" y="{height}" width="10" height="10" fill="{colour}"/>',
        _text(WIDTH - RIGHT + 30, height + 9, line.name),
    ]
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots, *legend]


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, words: str, style: str = "") -> str:
    named = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{named}>{saxutils.escape(words)}</text>'
