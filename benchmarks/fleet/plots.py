"""The plots of docs/benchmarks.md as SVG: bars of the tools, and lines over the sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Final

from fleet import growth
from fleet.results import FLOOR, SCRIPT, WEFT, Results, Row

STYLE: Final = (
    "text { fill: #1f2933; font-size: 13px } .name { font-weight: 600 } .bar { fill: #9db4d3 } .weft { fill: #2f6fd0 }"
    " .grid { stroke: #cbd5e1 } .line { fill: none; stroke-width: 2 } .a { stroke: #2f6fd0 } .b { stroke: #2e9e6b }"
    " .c { stroke: #c2571a } .d { stroke: #7a5bb5 } .computed { stroke-dasharray: 5 4 } @media (prefers-color-scheme: dark)"
    " { text { fill: #e5e9f0 } .grid { stroke: #3b4a5e } .bar { fill: #4a6288 } .weft { fill: #7fb2ff } .a { stroke: #7fb2ff }"
    " .b { stroke: #6fd3a5 } .c { stroke: #f0a06a } .d { stroke: #b9a1ea } }"
)
ROW, LEFT, BARS = 26, 150, 500
WIDTH, HEIGHT, MARGIN, TOP = 730, 380, 76, 30
Points = Sequence[tuple[float, float]]
Place = Callable[[float, float], tuple[float, float]]
"""Where a point is drawn."""


def svg(width: float, height: float, title: str, lines: Sequence[str]) -> str:
    """A drawing that screens of both colors show."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" font-family="system-ui, sans-serif">'
    return "\n".join((head, f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>", *lines, "</svg>", ""))


def tools(results: Results) -> str:
    """The CPU of each tool for a target, at the largest fleet that it was tried with, but at most 1,000."""
    found: dict[str, Row] = {}
    for size in [size for size in results.sizes(SCRIPT) if size <= 1000]:
        found |= {row.tool: row for row in results.of_case("cold", size)}
    rows = sorted(found.values(), key=lambda row: row.cpu / row.size)
    low, high = 0.1, max(row.cpu / row.size * 1000 for row in rows)
    lines = ['<text class="name" x="12" y="22">CPU for a target, ms; each mark is ten times the one before</text>']
    power = low
    while power <= high * 1.01:
        x = LEFT + _share(power, low, high) * BARS
        lines.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="34" y2="{40 + ROW * len(rows)}"/>')
        power *= 10
    for index, row in enumerate(rows):
        each, y = row.cpu / row.size * 1000, 40 + ROW * index
        width = max(_share(each, low, high) * BARS, 1)
        kind = "weft" if row.tool == WEFT else "bar"
        lines += [
            f'<text x="12" y="{y + 15}"{" class=" + chr(34) + "name" + chr(34) if kind == "weft" else ""}>{escape(row.tool)}</text>',
            f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{width:.1f}" height="{ROW - 6}" rx="3"/>',
            f'<text x="{LEFT + width + 6:.1f}" y="{y + 15}">{each:.3g} at {row.size:,}</text>',
        ]
    return svg(LEFT + BARS + 130, 52 + ROW * len(rows), "The CPU that each tool takes for a target", lines)


def _share(value: float, low: float, high: float) -> float:
    """Where a value is between two others, by their powers."""
    return math.log(max(value, low) / low) / math.log(high / low)


def sizes(results: Results) -> str:
    """The time of runs over the size of the fleet; dashed where it is computed."""
    estimates = growth.estimates(results)
    measured: dict[str, Points] = {
        "cold": [(one.size, one.cold) for one in estimates if one.measured],
        "unchanged": [(one.size, one.unchanged) for one in estimates if one.measured],
        "one target": _walls(results, WEFT, "one target"),
        SCRIPT: _walls(results, SCRIPT, "cold"),
    }
    last = max(one.size for one in estimates if one.measured)
    computed: dict[str, Points] = {
        "cold": [(one.size, one.cold) for one in estimates if one.size >= last],
        "unchanged": [(one.size, one.unchanged) for one in estimates if one.size >= last],
    }
    return chart("The time of a run over the number of targets", measured, computed)


def memory(results: Results) -> str:
    """The memory of a cold run over the size of the fleet."""
    measured: dict[str, Points] = {
        tool: [(row.size, row.memory) for row in results.rows if (row.tool, row.case) == (tool, "cold")]
        for tool in (WEFT, SCRIPT, FLOOR)
    }
    return chart("The most memory of a cold run over the number of targets, MB", measured, {}, unit="MB")


def _walls(results: Results, tool: str, case: str) -> list[tuple[float, float]]:
    return [(row.size, row.wall) for row in results.rows if (row.tool, row.case) == (tool, case)]


def chart(title: str, measured: Mapping[str, Points], computed: Mapping[str, Points], unit: str = "s") -> str:
    """Lines over powers of ten in both directions, each with its name at its end."""
    points = [point for lines in (measured, computed) for line in lines.values() for point in line if point[1] > 0]
    left, right = (_power(pick(x for x, _ in points), up=up) for pick, up in ((min, False), (max, True)))
    low, high = (_power(pick(y for _, y in points), up=up) for pick, up in ((min, False), (max, True)))

    def at(x: float, y: float) -> tuple[float, float]:
        across, upward = math.log10(x / left) / math.log10(right / left), math.log10(y / low) / math.log10(high / low)
        return MARGIN + across * (WIDTH - MARGIN - 110), TOP + (1 - upward) * (HEIGHT - TOP - 44)

    lines = [f'<text class="name" x="12" y="18">{escape(title)}</text>', *_grid(at, (left, right), (low, high), unit)]
    ends: dict[str, tuple[float, float]] = {}
    for (name, line), kind in zip(measured.items(), "abcd", strict=False):
        if line:
            lines += [_drawn(line, at, f"line {kind}"), _drawn(computed.get(name, ()), at, f"line {kind} computed")]
            ends[name] = at(*(computed.get(name) or line)[-1])
    return svg(WIDTH, HEIGHT, title, [line for line in (*lines, *_names(ends)) if line])


def _names(ends: Mapping[str, tuple[float, float]]) -> list[str]:
    """The names of lines at their ends, the highest first; one that would cover another is moved down."""
    lines: list[str] = []
    taken: list[tuple[float, float]] = []
    for name, (x, end) in sorted(ends.items(), key=lambda item: item[1][1]):
        y = max([end, *(other + 15 for place, other in taken if abs(x - place) < 100)])
        taken.append((x, y))
        lines.append(f'<text x="{x + 6:.1f}" y="{y + 4:.1f}">{escape(name)}</text>')
    return lines


def _grid(at: Place, across: tuple[float, float], upward: tuple[float, float], unit: str) -> list[str]:
    """A line for each power of ten, with its number."""
    lines = []
    for x in _powers(*across):
        place, top, bottom = at(x, upward[0])[0], at(x, upward[1])[1], at(x, upward[0])[1]
        lines += [
            f'<line class="grid" x1="{place:.1f}" x2="{place:.1f}" y1="{top:.1f}" y2="{bottom:.1f}"/>',
            f'<text x="{place:.1f}" y="{bottom + 20:.1f}" text-anchor="middle">{x:,.0f}</text>',
        ]
    for y in _powers(*upward):
        (first, place), last = at(across[0], y), at(across[1], y)[0]
        lines += [
            f'<line class="grid" x1="{first:.1f}" x2="{last:.1f}" y1="{place:.1f}" y2="{place:.1f}"/>',
            f'<text x="{first - 6:.1f}" y="{place + 4:.1f}" text-anchor="end">{y:,g} {unit}</text>',
        ]
    return lines


def _drawn(line: Points, at: Place, kind: str) -> str:
    places = (at(*point) for point in line if point[1] > 0)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline class="{kind}" points="{path}"/>' if path else ""


def _power(value: float, *, up: bool) -> float:
    """The power of ten that is next to a value."""
    return 10.0 ** (math.ceil if up else math.floor)(round(math.log10(value), 6))


def _powers(low: float, high: float) -> list[float]:
    return [10.0**power for power in range(round(math.log10(low)), round(math.log10(high)) + 1)]
