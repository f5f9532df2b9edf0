"""What is allowed, next to what was measured.

Ratios to the script are compared with what the script took in the same run. Seconds hold on a machine where the script takes
1.13 ms a target, and are multiplied by what it takes here (`Results.scale`). MB and ratios of Weft to itself are not scaled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fleet.results import FLOOR, SCRIPT, WEFT, Results, Row

LARGE: Final = 1000
"""In a smaller fleet the start of a program is most of what it takes."""


@dataclass(frozen=True)
class Bound:
    """One thing that must hold: a figure and the most that it may be."""

    number: int
    """Which point of the acceptance it belongs to."""
    title: str
    measured: float
    allowed: float
    unit: str

    @property
    def factor(self) -> float:
        """The figure as a part of what is allowed: 1 or less is good."""
        return self.measured / self.allowed

    @property
    def holds(self) -> bool:
        """Whether it is so."""
        return self.factor <= 1

    def line(self) -> str:
        """The line that is printed."""
        verdict = "" if self.holds else "  TOO MUCH"
        return (
            f"{self.number} {self.title:62} {self.measured:9.3f} {self.unit:6} {self.allowed:9.3f} allowed"
            f" {self.factor:7.2f}{verdict}"
        )


def bounds(results: Results) -> list[Bound]:
    """All that can be said about what was measured."""
    return [
        *_cold(results),
        *_reference(results),
        *_again(results),
        *_one(results),
        *_memory(results),
        *_growth(results),
        *_wrong(results),
    ]


def _cold(results: Results) -> Iterator[Bound]:
    """1: cold against the script, against the peers, and `validate` against cold."""
    sizes = [size for size in results.sizes() if results.find(WEFT, "cold, loops", size)]  # not those of the start
    for size in [each for each in sizes if each >= LARGE] or sizes[-1:]:
        cold, script = results.find(WEFT, "cold", size), results.find(SCRIPT, "cold", size)
        if cold is None or script is None:
            continue
        yield Bound(1, f"{size} cold: CPU of the script's", cold.cpu / script.cpu, 1.2, "times")
        yield Bound(1, f"{size} cold: time of the script's", cold.wall / script.wall, 0.8, "times")
        loops, validate = results.find(WEFT, "cold, loops", size), results.find(WEFT, "validate", size)
        if loops:
            yield Bound(
                1, f"{size} cold, a template of loops: CPU of the script's", loops.cpu / script.cpu, 2.0, "times"
            )
        fastest = _fastest_peer(results, size)
        if fastest:
            title = f"{size} cold: CPU, with that of the fastest peer, {fastest.tool}"
            yield Bound(1, title, cold.cpu, fastest.cpu, "s")
        if validate:
            yield Bound(1, f"{size} validate: CPU, with that of a cold render", validate.cpu, cold.cpu, "s")


def _fastest_peer(results: Results, size: int) -> Row | None:
    """What the fastest of the other tools took."""
    peers = [row for row in results.of_case("cold", size) if row.tool not in (WEFT, SCRIPT, FLOOR)]
    return min(peers, key=lambda row: row.cpu, default=None)


def _reference(results: Results) -> Iterator[Bound]:
    """2: the reference project, a file beyond the start, and in all when nothing changed."""
    start, scale = results.find(WEFT, "start", 1), results.scale()
    for row in results.rows:
        if row.case == "reference, cold" and start:
            title = f"the reference project, {row.size} files: CPU a file beyond the imports"
            yield Bound(2, title, (row.cpu - start.cpu) / row.size * 1000, 1.6 * scale, "ms")
        if row.case == "reference, unchanged":
            yield Bound(2, "the reference project unchanged: time in all", row.wall, 0.25 * scale, "s")


def _again(results: Results) -> Iterator[Bound]:
    """3: what a second run takes, of the largest fleet."""
    size, scale = results.sizes()[-1], results.scale()
    for case, seconds in (("unchanged", 0.3), ("touched", 0.6), ("one tenant changed", 0.4)):
        row = results.find(WEFT, case, size)
        if row:
            yield Bound(3, f"{size} {case}: time in all", row.wall, seconds * scale, "s")
    cold = results.find(WEFT, "cold", size)
    for case in ("base changed", "schema changed"):
        row = results.find(WEFT, case, size)
        if row and cold:
            yield Bound(3, f"{size} {case}: time, with that of a cold run", row.wall, cold.wall, "s")


def _one(results: Results) -> Iterator[Bound]:
    """4: one target of the largest fleet, in seconds and next to the smallest."""
    sizes, scale = results.sizes(), results.scale()
    smallest, size = next((each for each in sizes if each >= 100), sizes[-1]), sizes[-1]
    for case in ("one target", "config", "explain", "TAB"):
        row, least = results.find(WEFT, case, size), results.find(WEFT, case, smallest)
        if row:
            yield Bound(4, f"{size} {case}: CPU in all", row.cpu, 0.2 * scale, "s")
        if row and least and size != smallest:
            yield Bound(4, f"{size} {case}: CPU of that at {smallest}", row.cpu / least.cpu, 1.2, "times")


def _memory(results: Results) -> Iterator[Bound]:
    """5: the most memory, of the largest fleet and next to the one of a tenth."""
    size = results.sizes()[-1]
    cold, tenth = results.find(WEFT, "cold", size), results.find(WEFT, "cold", size // 10)
    if cold:
        yield Bound(5, f"{size} cold: the most memory", cold.memory, 300, "MB")
    if cold and tenth:
        yield Bound(5, f"{size} cold: memory of that at {size // 10}", cold.memory / tenth.memory, 1.3, "times")


def _growth(results: Results) -> Iterator[Bound]:
    """6: an output of more objects, and a target of a larger fleet."""
    few, many = (results.find(WEFT, "one output", objects) for objects in (25, 200))
    if few and many:
        yield Bound(6, "an output of 200 objects: CPU of one of 25", many.cpu / few.cpu, 8, "times")
    size = results.sizes()[-1]
    for case in ("cold", "validate", "targets"):
        large, tenth = results.find(WEFT, case, size), results.find(WEFT, case, size // 10)
        if large and tenth and size >= 10 * LARGE:
            title = f"{size} {case}: CPU a target of that at {size // 10}"
            yield Bound(6, title, large.cpu / tenth.cpu / 10, 1.1, "times")


def _wrong(results: Results) -> Iterator[Bound]:
    """8: many wrong values."""
    for row in results.rows:
        if row.case == "wrong values":
            yield Bound(8, f"{row.size} wrong values: time in all", row.wall, 2 * results.scale(), "s")
