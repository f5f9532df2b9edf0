"""How cost grows with the number of targets: measured as far as a machine can, computed beyond.

A command costs `start + each * targets`. The two figures are those of the line that goes through the smallest fleet and the
largest one that were measured; how far the others are from that line says how good it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fleet.results import WEFT, Results

SIZES: Final = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
MACHINES: Final = 20
"""So many machines share the largest fleets."""
BYTES: Final = 16_384
"""What the file of a target and its folder take on a disk of blocks of 4 KiB."""


@dataclass(frozen=True)
class Line:
    """What a command costs: a part for the start, and a part for each target."""

    start: float
    each: float

    def at(self, size: int) -> float:
        """The cost for so many targets."""
        return self.start + self.each * size

    def shared(self, size: int, machines: int) -> float:
        """The time for a share of the targets, as each of the machines needs it."""
        return self.at(-(-size // machines))


def through(points: Iterable[tuple[int, float]]) -> Line:
    """The line through the first and the last of some points; it never falls."""
    ordered = sorted(points)
    (small, low), (large, high) = ordered[0], ordered[-1]
    each = max(0.0, (high - low) / (large - small)) if large > small else 0.0
    return Line(max(0.0, low - each * small), each)


@dataclass(frozen=True)
class Estimate:
    """The cost of one size: measured, or computed from what was."""

    size: int
    cold: float
    unchanged: float
    memory: float
    shared: float
    """The time of a cold run where several machines share the fleet."""
    measured: bool


def estimates(results: Results, machines: int = MACHINES) -> list[Estimate]:
    """Every size: seconds that pass, and MB."""
    sizes = results.sizes()
    rows = {
        case: [row for row in results.rows if (row.tool, row.case) == (WEFT, case)] for case in ("cold", "unchanged")
    }
    cold = through((row.size, row.wall) for row in rows["cold"])
    unchanged = through((row.size, row.wall) for row in rows["unchanged"])
    memory = through((row.size, row.memory) for row in rows["cold"])
    found = []
    for size in sorted({*SIZES, *sizes}):
        first, again = results.find(WEFT, "cold", size), results.find(WEFT, "unchanged", size)
        found.append(
            Estimate(
                size,
                first.wall if first else cold.at(size),
                again.wall if again else unchanged.at(size),
                first.memory if first else memory.at(size),
                cold.shared(size, machines),
                first is not None,
            )
        )
    return found


def deviation(results: Results) -> float:
    """How far the measured cold runs are from the line, at most, as a part of what was measured."""
    points = [(row.size, row.wall) for row in results.rows if (row.tool, row.case) == (WEFT, "cold")]
    line = through(points)
    return max((abs(line.at(size) - value) / value for size, value in points), default=0.0)
