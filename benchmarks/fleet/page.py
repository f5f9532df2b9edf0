"""The generated parts of docs/benchmarks.md, made from benchmarks/results.json."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from fleet import acceptance, growth
from fleet.cases import CASES, WITH_LOOPS
from fleet.peers import PEERS
from fleet.results import FLOOR, SCRIPT, WEFT, Results, Row

ABOUT: Final = {
    WEFT: "types, bounds, ten rules, the manifests",
    SCRIPT: "types and bounds",
    FLOOR: "nothing; it reads the events of YAML and copies",
    **{peer.name: peer.about for peer in PEERS},
}
"""What each tool validates."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *rows))


def number(value: float) -> str:
    """A number with three digits that count, and the thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 0.1 else f"{value:.{2 if value < 1 else 2 if value < 10 else 1}f}"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{number(seconds)} s"


def machine(results: Results) -> str:
    """What the figures depend on."""
    about = results.machine
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    return f"`{about['processor']}`, {about['cores']} cores, {about['system']}, Python {about['python']}; {about['date']}. {versions}."


def tools(results: Results) -> str:
    """A cold run by every tool: at each of its sizes, the cheapest first."""
    lines = []
    for size in results.sizes(SCRIPT):
        found = sorted(results.of_case("cold", size), key=lambda row: row.cpu)
        lines += [_of_tool(row, results) for row in found]
    head = (
        "targets",
        "tool",
        "validates",
        "CPU ms a target",
        "time",
        "memory, MB",
        "CPU: of the script's",
        "of the floor's",
    )
    return table(head, lines)


def _of_tool(row: Row, results: Results) -> list[str]:
    name = f"**{row.tool}**" if row.tool == WEFT else row.tool
    each = row.cpu / row.size * 1000
    return [
        f"{row.size:,}",
        name,
        ABOUT[row.tool],
        number(each),
        f"{number(row.wall)} s",
        number(row.memory),
        *_ratios(row, results),
    ]


def _ratios(row: Row, results: Results) -> list[str]:
    """The CPU as a multiple of what the script and the floor took for as many targets."""
    others = (results.find(tool, "cold", row.size) for tool in (SCRIPT, FLOOR))
    return [number(row.cpu / other.cpu) if other else "" for other in others]


def commands(results: Results) -> str:
    """Every case of Weft at every size."""
    lines = []
    for case in (*CASES, WITH_LOOPS):
        for size in results.sizes(SCRIPT):
            row = results.find(WEFT, case.key, size)
            if row:
                command = f"`weft {case.words}`" if not case.completes else f"`weft {case.words}` and TAB"
                costs = (f"{number(row.cpu)} s", f"{number(row.wall)} s", number(row.memory))
                lines.append([case.key, command, case.about, f"{size:,}", *costs, *_ratios(row, results)])
    head = (
        "case",
        "command",
        "what comes before",
        "targets",
        "CPU",
        "time",
        "memory, MB",
        "CPU: of the script's",
        "of the floor's",
    )
    return table(head, lines)


def allowed(results: Results) -> str:
    """What is allowed, next to what was measured."""
    lines = [
        [
            str(bound.number),
            re.sub(r"\b(\d{1,3})(\d{3})\b", r"\1,\2", bound.title),
            f"{number(bound.measured)} {bound.unit}",
            f"{number(bound.allowed)} {bound.unit}",
            number(bound.factor) if bound.holds else f"**{number(bound.factor)}**",
        ]
        for bound in acceptance.bounds(results)
    ]
    return table(("", "what", "measured", "allowed", "factor"), lines)


def scale(results: Results) -> str:
    """How the seconds are scaled."""
    return f"Here the script takes {results.scale() * 1.13:.2f} ms a target, so seconds are multiplied by {results.scale():.2f}."


def sizes(results: Results) -> str:
    """How cost grows."""
    lines = [
        [
            f"{one.size:,}",
            "measured" if one.measured else "computed",
            duration(one.cold),
            duration(one.shared) if one.size >= 10_000 else "",
            duration(one.unchanged),
            f"{number(one.memory)} MB",
            f"{number(one.size * growth.BYTES / 1e6)} MB",
        ]
        for one in growth.estimates(results)
    ]
    head = ("targets", "", "cold", f"cold, on each of {growth.MACHINES} machines", "unchanged", "memory", "on disk")
    return (
        f"{table(head, lines)}\nNo measured cold run is further than {growth.deviation(results):.0%} from the line.\n"
    )
